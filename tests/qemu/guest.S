/*
 * guest.S - a guest that pages as it is told, for tests/repl/test_qemu.c.
 *
 * Loaded at 1 MiB by QEMU's -kernel (Multiboot 1: 32-bit protected mode, no
 * paging). The test writes registers into the mailbox and counts "told" up;
 * the guest turns paging off, loads them, and says so in "done". Code and
 * mailbox are one page, which the tables must map at its own address; long
 * mode is run in compatibility mode, so the code is the same in all modes.
 */
#define MSR_EFER 0xc0000080

	.section .text
	.code32
	.globl _start
	.align 4
	.long 0x1badb002, 0, -0x1badb002	/* Multiboot header */

_start:
	cli
	movl $1, ready
wait:
	pause
	mov told, %eax
	cmp done, %eax
	je wait

	mov %cr0, %eax
	and $0x7fffffff, %eax
	mov %eax, %cr0
	xor %eax, %eax
	mov %eax, %cr4
	xor %edx, %edx
	mov $MSR_EFER, %ecx
	wrmsr

	mov new_cr4, %eax
	mov %eax, %cr4
	mov new_efer, %eax
	wrmsr
	mov new_cr3, %eax
	mov %eax, %cr3
	mov new_cr0, %eax
	mov %eax, %cr0
	jmp 1f
1:	mov told, %eax
	mov %eax, done
	jmp wait

	.org 0x800		/* the mailbox: struct mailbox of the test */
told:	.long 0
done:	.long 0
new_cr0: .long 0
new_cr3: .long 0
new_cr4: .long 0
new_efer: .long 0
ready:	.long 0
	.section .note.GNU-stack, "", @progbits
