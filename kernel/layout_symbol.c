/*
 * layout_symbol.c - the boundaries of kernel space by the names that Linux
 * has for them.
 */
#include <string.h>

#include "kernel/layout.h"

static const struct symbol {
	const char *name;
	size_t offset; /* of its field in struct layout */
	bool physical; /* the field is an address of the image */
	bool only_64;  /* i386 has no such name */
} symbols[] = {
#define VA(name, field)                                     \
	{                                                   \
		name, offsetof(struct layout, field), false \
	}
#define VA64(name, field)                                         \
	{                                                         \
		name, offsetof(struct layout, field), false, true \
	}
#define PA(name, field)                                          \
	{                                                        \
		name, offsetof(struct layout, image.field), true \
	}
	VA("PAGE_OFFSET", page_offset),
	VA64("page_offset_base", page_offset),
	VA("TASK_SIZE", task_size),
	VA64("DEFAULT_MAP_WINDOW", map_window),
	VA("high_memory", high_memory),
	VA("VMALLOC_START", vmalloc_start),
	VA64("vmalloc_base", vmalloc_start),
	VA("VMALLOC_END", vmalloc_end),
	VA("PKMAP_BASE", pkmap_base),
	VA("LDT_BASE_ADDR", ldt_base),
	VA("CPU_ENTRY_AREA_BASE", cpu_entry_area),
	VA("CPU_ENTRY_AREA", cpu_entry_area),
	VA("FIXADDR_BOOT_START", fixaddr_boot_start),
	VA("FIXADDR_START", fixaddr_start),
	VA("FIXADDR_TOP", fixaddr_top),
	VA("VSYSCALL_ADDR", vsyscall),
	VA("MODULES_VADDR", modules_start),
	VA("MODULES_END", modules_end),
	VA("VMEMMAP_START", vmemmap),
	VA64("vmemmap_base", vmemmap),
	VA("ESPFIX_BASE_ADDR", espfix_base),
	VA("EFI_VA_END", efi_start),
	VA("EFI_VA_START", efi_end),
	VA("STACK_TOP", stack_top),
	VA("mmap_base", mmap_base),
	VA("__START_KERNEL_map", kernel_image),
	PA("_text", text),
	PA("_etext", etext),
	PA("__start_rodata", rodata),
	PA("__end_rodata", erodata),
	PA("_sdata", data),
	PA("_edata", edata),
	PA("__bss_start", bss),
	PA("__bss_stop", ebss),
	PA("swapper_pg_dir", bss),
#undef VA
#undef VA64
#undef PA
};

bool layout_symbol(const struct layout *l, const char *name, va_t *ret)
{
	for (unsigned i = 0; i < ARRAY_SIZE(symbols); i++) {
		const struct symbol *s = &symbols[i];
		uint64_t value =
			*(const uint64_t *)((const char *)l + s->offset);

		if (strcmp(s->name, name))
			continue;
		if (!value || (s->only_64 && !l->vmemmap))
			return false;
		*ret = s->physical ? l->kernel_map + value : value;
		return true;
	}
	return false;
}

const char *layout_symbol_name(unsigned i)
{
	return i < ARRAY_SIZE(symbols) ? symbols[i].name : NULL;
}
