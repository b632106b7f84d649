/*
 * layout_symbol.c - the boundaries of kernel space by the names that Linux
 * has for them.
 */
#include <string.h>

#include "kernel/layout.h"

/* Kernels that have the name. It is looked up wherever the thing exists. */
enum known {
	EVERY,
	ONLY_64, /* i386 has not even the thing */
	CLASSIC, /* the name changed */
	SINCE_61,
	ALIAS, /* ours, for another name in the table */
};

static const struct symbol {
	const char *name;
	size_t offset; /* of its field in struct layout */
	enum known known;
	bool physical; /* the field is an address of the image */
} symbols[] = {
#define VA(name, field, ...)                                      \
	{                                                         \
		name, offsetof(struct layout, field), __VA_ARGS__ \
	}
#define PA(name, field)                                                 \
	{                                                               \
		name, offsetof(struct layout, image.field), EVERY, true \
	}
	VA("PAGE_OFFSET", page_offset, EVERY),
	VA("page_offset_base", page_offset, ONLY_64),
	VA("TASK_SIZE", task_size, EVERY),
	VA("DEFAULT_MAP_WINDOW", map_window, ONLY_64),
	VA("high_memory", high_memory, EVERY),
	VA("VMALLOC_START", vmalloc_start, EVERY),
	VA("vmalloc_base", vmalloc_start, ONLY_64),
	VA("VMALLOC_END", vmalloc_end, EVERY),
	VA("PKMAP_BASE", pkmap_base, EVERY),
	VA("LDT_BASE_ADDR", ldt_base, EVERY),
	VA("CPU_ENTRY_AREA_BASE", cpu_entry_area, EVERY),
	VA("CPU_ENTRY_AREA", cpu_entry_area, ALIAS),
	VA("FIXADDR_BOOT_START", fixaddr_boot_start, CLASSIC),
	VA("FIXADDR_TOT_START", fixaddr_boot_start, SINCE_61),
	VA("FIXADDR_START", fixaddr_start, EVERY),
	VA("FIXADDR_TOP", fixaddr_top, EVERY),
	VA("VSYSCALL_ADDR", vsyscall, EVERY),
	VA("MODULES_VADDR", modules_start, EVERY),
	VA("MODULES_END", modules_end, EVERY),
	VA("VMEMMAP_START", vmemmap, EVERY),
	VA("vmemmap_base", vmemmap, ONLY_64),
	VA("ESPFIX_BASE_ADDR", espfix_base, EVERY),
	VA("EFI_VA_END", efi_start, EVERY),
	VA("EFI_VA_START", efi_end, EVERY),
	VA("STACK_TOP", stack_top, EVERY),
	VA("mmap_base", mmap_base, EVERY),
	VA("__START_KERNEL_map", kernel_image, EVERY),
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
#undef PA
};

static bool value_of(const struct layout *l, const struct symbol *s, va_t *ret)
{
	uint64_t value = *(const uint64_t *)((const char *)l + s->offset);

	if (!value || (s->known == ONLY_64 && !l->vmemmap))
		return false;
	*ret = s->physical ? l->kernel_map + value : value;
	return true;
}

bool layout_symbol(const struct layout *l, const char *name, va_t *ret)
{
	for (unsigned i = 0; i < ARRAY_SIZE(symbols); i++)
		if (strcmp(symbols[i].name, name) == 0)
			return value_of(l, &symbols[i], ret);
	return false;
}

const char *layout_label(const struct layout *l, unsigned i, va_t *ret)
{
	bool classic = !l->cpu_entry_area;
	enum known known;

	if (i >= ARRAY_SIZE(symbols))
		return NULL;
	known = symbols[i].known;
	if (known == ALIAS || known == (classic ? SINCE_61 : CLASSIC) ||
	    !value_of(l, &symbols[i], ret))
		return "";
	return symbols[i].name;
}

const char *layout_symbol_name(unsigned i)
{
	return i < ARRAY_SIZE(symbols) ? symbols[i].name : NULL;
}
