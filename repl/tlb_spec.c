/* tlb_spec.c - see tlb_spec.h. */
#include "repl/tlb_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_MAX 64

struct spec {
	struct tlb_config config;
	const char *part;	/* under way: "l1d:4k:16x4" */
	bool many;		/* parts, so that the culprit needs its name */
	char *why;
	size_t size;
};

static int bad(struct spec *s, const char *what)
{
	snprintf(s->why, s->size, "%s%s%s", s->many ? s->part : "",
		 s->many ? ": " : "", what);
	return -1;
}

static const char *const psc_names[PAGING_MAX_LEVELS] = {
	NULL, "pde", "pdpte", "pml4e", "pml5e",
};

/* "4k,2m" -> a bit per size; 0 if one is none. */
static unsigned parse_sizes(char *text)
{
	unsigned sizes = 0;
	char *save, *word;

	for (word = strtok_r(text, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		unsigned i = 0;

		while (i < TLB_NSIZES &&
		       strcasecmp(word, paging_size_name(tlb_shift[i])) != 0)
			i++;
		if (i == TLB_NSIZES)
			return 0;
		sizes |= 1u << i;
	}
	return sizes;
}

/* A number without a sign, at most @max; -1 if it is none. */
static long parse_number(const char *text, const char **end, long max)
{
	char *stop;
	long n = *text >= '0' && *text <= '9' ? strtol(text, &stop, 10) : -1;

	if (n < 0 || n > max)
		return -1;
	*end = stop;
	return n;
}

/* "16x4" */
static int parse_shape(struct spec *s, const char *text,
		       struct tlb_geometry *g)
{
	const char *end = text;
	long sets = parse_number(text, &end, 1 << 15), ways = -1;

	if (sets >= 0 && *end == 'x')
		ways = parse_number(end + 1, &end, UINT8_MAX);
	if (ways < 0 || *end)
		return bad(s, "SETSxWAYS is wanted, such as 16x4; up to 255 "
			      "ways, 32768 sets");
	g->sets = sets;
	g->ways = ways;
	return 0;
}

static int level_by_name(const char *name)
{
	for (int i = 0; i < TLB_NLEVELS; i++)
		if (strcasecmp(name, tlb_level_name[i]) == 0)
			return i;
	return -1;
}

static int parse_psc(struct spec *s, unsigned depth, const char *entries)
{
	const char *end = "";
	long n = entries ? parse_number(entries, &end, PSC_MAX_ENTRIES) : -1;

	if (n < 0 || *end)
		return bad(s, "the number of entries is 0 to 32");
	s->config.psc[depth] = n;
	return 0;
}

static int add_array(struct spec *s, int level, char *sizes, const char *shape)
{
	struct tlb_geometry g = { .level = level };

	if (s->config.narrays == TLB_MAX_ARRAYS)
		return bad(s, "more than 8 arrays");
	g.sizes = sizes ? parse_sizes(sizes) : 0;
	if (!g.sizes)
		return bad(s, "page sizes are 4k, 2m, 4m, 1g, with commas");
	if (!shape)
		return bad(s, "SETSxWAYS is missing");
	if (parse_shape(s, shape, &g) < 0)
		return -1;
	s->config.array[s->config.narrays++] = g;
	return 0;
}

/* "l1d:4k:16x4" or "pde:8" */
static int parse_part(struct spec *s, char *part)
{
	char *save, *name = strtok_r(part, ":", &save);
	char *first = strtok_r(NULL, ":", &save);
	char *second = strtok_r(NULL, ":", &save);
	int level = name ? level_by_name(name) : -1;
	const char *why;

	if (second && strtok_r(NULL, ":", &save))
		return bad(s, "one : too many");
	for (unsigned d = 1; name && d < PAGING_MAX_LEVELS; d++)
		if (strcasecmp(name, psc_names[d]) == 0)
			return second ? bad(s, "one : too many")
				      : parse_psc(s, d, first);
	if (level < 0)
		return bad(s, "skylake, tiny, none, or LEVEL:PAGES:SETSxWAYS "
			      "with level l1d, l1i or l2");
	if (add_array(s, level, first, second) < 0)
		return -1;
	why = tlb_config_check(&s->config);
	return why ? bad(s, why) : 0;
}

static int parse_parts(struct spec *s, const char *text)
{
	char part[PART_MAX], copy[PART_MAX];

	s->part = copy;
	s->many = strchr(text, '+');
	while (*text) {
		size_t len = strcspn(text, "+");

		snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
		strcpy(part, copy);
		if (parse_part(s, part) < 0)
			return -1;
		text += len;
		text += *text == '+';
	}
	return 0;
}

int tlb_spec_parse(const char *text, struct tlb_config *ret, char *why,
		   size_t size)
{
	struct spec s = { .config.name = "custom", .why = why, .size = size };

	for (const struct tlb_config *c = tlb_configs; c->name; c++)
		if (strcasecmp(c->name, text) == 0) {
			*ret = *c;
			return 0;
		}
	if (!*text) {
		snprintf(why, size, "skylake, tiny, none, or arrays");
		return -1;
	}
	if (parse_parts(&s, text) < 0)
		return -1;
	*ret = s.config;
	return 0;
}
