/*
 * vdso.c - the pages that the kernel maps into every program (linux 6.1
 * arch/x86/entry/vdso/vma.c).
 *
 *	addr            addr + 4 pages
 *	| [vvar] 4 pages | [vdso] 2 pages |
 *
 * Stand-ins: the vdso holds an ELF header and no code, the vvar page zeroes.
 * As in Linux the vdso's pages are counted like file pages, and vvar's frame
 * is mapped without being counted; only its first page exists.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "kernel/binprm.h"

#define VVAR_PAGES 4
#define VDSO_PAGES 2

static unsigned special_mapping_fault(struct vm_fault *vmf)
{
	vmf->page = find_get_page(vmf->vma->vm_file->f_mapping, vmf->pgoff);
	if (vmf->page == PFN_NONE)
		return VM_FAULT_SIGBUS;
	get_page(vmf->k, vmf->page);
	vmf->note = "page of the kernel's own";
	return 0;
}

static const struct vm_operations_struct special_mapping_vm_ops = {
	.name = "special",
	.fault = special_mapping_fault,
};

/* A file of @pages zeroed frames. */
static struct file *special_file(struct kernel *k, const char *name,
				 unsigned pages)
{
	struct inode *inode = inode_alloc(k, name);

	if (!inode)
		return NULL;
	inode->size = (uint64_t)pages << PAGE_SHIFT;
	inode->ops = &special_mapping_vm_ops;
	for (unsigned i = 0; i < pages; i++) {
		pfn_t pfn = alloc_pages(k, GFP_KERNEL | __GFP_ZERO, 0, name);

		if (pfn == PFN_NONE) {
			iput(k, inode);
			return NULL;
		}
		page_cache_add(k, inode, i, pfn);
	}
	return alloc_file_builtin(inode, FMODE_READ);
}

/* e_ident, e_type, e_machine and e_version lie alike in both classes. */
static void write_elf_header(struct kernel *k, pfn_t pfn)
{
	Elf64_Ehdr *eh = page_bytes(k, pfn);

	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = k->arch->elf_class;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_type = ET_DYN;
	eh->e_machine = k->arch->elf_machine;
	eh->e_version = EV_CURRENT;
}

int vdso_init(struct kernel *k)
{
	k->vdso = special_file(k, "[vdso]", VDSO_PAGES);
	k->vvar = k->vdso ? special_file(k, "[vvar]", 1) : NULL;
	if (!k->vvar) {
		fput(k, k->vdso);
		k->vdso = NULL;
		return -ENOMEM;
	}
	write_elf_header(k, find_get_page(k->vdso->f_mapping, 0));
	return 0;
}

/* Somewhere between the stack and the end of its page table, if it fits. */
static va_t vdso_addr(struct linux_binprm *b, uint64_t len)
{
	unsigned shift = b->k->mode->level[b->k->pte_level - 1].shift;
	va_t start = PAGE_ALIGN(b->mm->start_stack);
	va_t end = ALIGN_UP(start, (va_t)1 << shift);

	if (!b->abi->vdso_near_stack)
		return 0;
	if (end > b->mm->task_size)
		end = b->mm->task_size;
	end -= len;
	if (end <= start)
		return start;
	return start + ((kernel_random(b->k) %
			 (((end - start) >> PAGE_SHIFT) + 1)) << PAGE_SHIFT);
}

int map_vdso(struct linux_binprm *b)
{
	uint64_t vvar = VVAR_PAGES * PAGE_SIZE, vdso = VDSO_PAGES * PAGE_SIZE;
	va_t addr = vdso_addr(b, vvar + vdso);
	int err = get_unmapped_area(b->k, b->mm, addr, vvar + vdso, 0, &addr);

	if (err)
		return err;
	err = install_special_mapping(b->k, b->mm, addr + vvar, vdso,
				      VM_READ | VM_EXEC | VM_MAYREAD |
					      VM_MAYWRITE | VM_MAYEXEC,
				      b->k->vdso, "[vdso]");
	if (!err)
		err = install_special_mapping(b->k, b->mm, addr, vvar,
					      VM_READ | VM_MAYREAD | VM_IO |
						      VM_DONTDUMP | VM_PFNMAP,
					      b->k->vvar, "[vvar]");
	b->mm->vdso = addr + vvar;
	return err;
}
