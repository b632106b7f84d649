/*
 * commands.c - the table of all commands, sorted by name. A new command is a
 * row in its cmd_*.c and one line here.
 */
#include "repl/command.h"

#define COMMANDS(X)                                                            \
	X(cmd_get_free_pages) \
	X(cmd_pa) \
	X(cmd_pa_symbol) \
	X(cmd_va) \
	X(cmd_access) \
	X(cmd_alloc_pages) \
	X(cmd_apropos) \
	X(cmd_boot) \
	X(cmd_brk) \
	X(cmd_buddyinfo) \
	X(cmd_check) \
	X(cmd_clear_fixmap) \
	X(cmd_compact) \
	X(cmd_counters) \
	X(cmd_cpu) \
	X(cmd_dma) \
	X(cmd_dma_alloc_coherent) \
	X(cmd_dma_device) \
	X(cmd_dma_map_sg) \
	X(cmd_dma_map_single) \
	X(cmd_dma_read) \
	X(cmd_dma_set_mask) \
	X(cmd_dma_sync) \
	X(cmd_dma_unmap) \
	X(cmd_dma_write) \
	X(cmd_dmesg) \
	X(cmd_drain) \
	X(cmd_e820) \
	X(cmd_echo) \
	X(cmd_eval) \
	X(cmd_exec) \
	X(cmd_exit) \
	X(cmd_fetch) \
	X(cmd_fix_to_virt) \
	X(cmd_fixmap) \
	X(cmd_fork) \
	X(cmd_free_pages) \
	X(cmd_get_zeroed_page) \
	X(cmd_gfp) \
	X(cmd_help) \
	X(cmd_invlpg) \
	X(cmd_invpcid) \
	X(cmd_iomem) \
	X(cmd_ioremap) \
	X(cmd_ioremap_cache) \
	X(cmd_ioremap_wc) \
	X(cmd_iounmap) \
	X(cmd_kfree) \
	X(cmd_kmalloc) \
	X(cmd_kmap) \
	X(cmd_kmap_atomic) \
	X(cmd_kmap_flush_unused) \
	X(cmd_kmap_local) \
	X(cmd_kmap_to_page) \
	X(cmd_kmem_cache_alloc) \
	X(cmd_kmem_cache_create) \
	X(cmd_kmem_cache_destroy) \
	X(cmd_kmem_cache_free) \
	X(cmd_kmem_cache_shrink) \
	X(cmd_krealloc) \
	X(cmd_ksize) \
	X(cmd_kunmap) \
	X(cmd_kunmap_atomic) \
	X(cmd_kunmap_local) \
	X(cmd_kzalloc) \
	X(cmd_layout) \
	X(cmd_let) \
	X(cmd_load_raw) \
	X(cmd_lua) \
	X(cmd_map) \
	X(cmd_maps) \
	X(cmd_meminfo) \
	X(cmd_mprotect) \
	X(cmd_mtrr) \
	X(cmd_munmap) \
	X(cmd_page) \
	X(cmd_page_address) \
	X(cmd_page_to_pfn) \
	X(cmd_page_to_phys) \
	X(cmd_page_to_virt) \
	X(cmd_pagetypeinfo) \
	X(cmd_pagewalk) \
	X(cmd_peek) \
	X(cmd_pfn_to_page) \
	X(cmd_pfn_to_virt) \
	X(cmd_pfn_valid) \
	X(cmd_phys_to_page) \
	X(cmd_pkmap) \
	X(cmd_poke) \
	X(cmd_ps) \
	X(cmd_ptdump) \
	X(cmd_pte) \
	X(cmd_quit) \
	X(cmd_ram) \
	X(cmd_read) \
	X(cmd_reg) \
	X(cmd_set_fixmap) \
	X(cmd_set_memory) \
	X(cmd_slab) \
	X(cmd_slabinfo) \
	X(cmd_slow_virt_to_phys) \
	X(cmd_source) \
	X(cmd_switch) \
	X(cmd_sysctl) \
	X(cmd_task_switch) \
	X(cmd_tlb) \
	X(cmd_touch) \
	X(cmd_vfree) \
	X(cmd_virt_addr_valid) \
	X(cmd_virt_to_fix) \
	X(cmd_virt_to_page) \
	X(cmd_virt_to_pfn) \
	X(cmd_vm_map_ram) \
	X(cmd_vm_unmap_aliases) \
	X(cmd_vm_unmap_ram) \
	X(cmd_vmalloc) \
	X(cmd_vmalloc_32) \
	X(cmd_vmalloc_to_page) \
	X(cmd_vmalloc_to_pfn) \
	X(cmd_vmallocinfo) \
	X(cmd_vmap) \
	X(cmd_vunmap) \
	X(cmd_vzalloc) \
	X(cmd_wait) \
	X(cmd_whatis) \
	X(cmd_why) \
	X(cmd_write) \
	X(cmd_zoneinfo) \
	X(cmd_zonelist)

#define DECLARE(c) extern const struct command c;
#define ADDRESS(c) &c,

COMMANDS(DECLARE)

const struct command *const commands[] = { COMMANDS(ADDRESS) NULL };
