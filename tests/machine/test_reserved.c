/* test_reserved.c - which reserved bits an entry has, and why. */
#include "fixture.h"

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed ^ *seed >> 29;
}

static struct mmu make_mmu(enum paging_mode_id id, struct cpu_features *f,
			   uint64_t efer)
{
	bool ia32e = id >= PAGING_4LEVEL;
	struct mmu mmu = {
		.cr0 = CR0_PG | CR0_PE,
		.cr4 = CR4_PSE | (id != PAGING_32 ? CR4_PAE : 0) |
		       (id == PAGING_5LEVEL ? CR4_LA57 : 0),
		.efer = efer | (ia32e ? EFER_LME | EFER_LMA : 0),
		.features = f,
	};

	mmu_refresh(&mmu);
	assert_int_equal(mmu.mode->id, id);
	return mmu;
}

/* All bits that make an entry fault are told of, each once, and no others. */
static void test_reserved__tells_what_the_walk_masks(void **state)
{
	uint64_t seed = 3;

	for (unsigned i = 0; i < 200000; i++) {
		struct cpu_features f = all_features;
		unsigned how = next(&seed) >> 40;
		struct mmu mmu;
		struct reserved r[RESERVED_MAX];
		uint64_t entry = next(&seed), told = 0;
		unsigned level, n;
		bool leaf = how & 1;

		f.gbpages = how & 2;
		f.pat = how & 4;
		f.pse36 = how & 8;
		f.maxphyaddr = 32 + (how >> 8) % 21;
		mmu = make_mmu(PAGING_32 + i % 4, &f, how & 16 ? EFER_NXE : 0);
		level = (how >> 5) % mmu.mode->nlevels;
		n = reserved_bits(&mmu, level, entry, leaf, r);
		for (unsigned j = 0; j < n; j++) {
			assert_true(r[j].bits && !(r[j].bits & told));
			told |= r[j].bits;
		}
		assert_true(told == (entry & (leaf ? mmu.level[level].leaf_rsvd
						   : mmu.level[level].table_rsvd)));
	}
}

static void test_reserved__says_why(void **state)
{
	static const struct {
		enum paging_mode_id mode;
		unsigned level;
		uint64_t entry;
		bool leaf, nxe;
		const char *text;
		bool old;	/* a CPU with neither PSE-36 nor a PAT */
	} row[] = {
		{ PAGING_4LEVEL, 3, 0x8000000000001067, true, true, "" },
		{ PAGING_4LEVEL, 3, 0x8000000000001067, true, false,
		  "bit 63 (XD without EFER.NXE)" },
		{ PAGING_4LEVEL, 0, 0x20e7, false, true,
		  "bit 7 (PS where no page can be mapped)" },
		{ PAGING_4LEVEL, 2, 0x00006000000020e7, true, true,
		  "bits 46:45 (above MAXPHYADDR 40), "
		  "bit 13 (an address within the page)" },
		{ PAGING_PAE, 0, 0x20e7, false, true,
		  "bits 7:5,2:1 (reserved in this kind of entry)" },
		{ PAGING_PAE, 2, 0x0010000000002067, true, true,
		  "bit 52 (reserved in this kind of entry)" },
		{ PAGING_32, 0, 0x002000e7, true, false,
		  "bit 21 (an address within the page)" },
		{ PAGING_32, 0, 0x001000e7, true, false, "" },
		{ PAGING_32, 1, 0xfffff067, true, false, "" },
		{ PAGING_32, 0, 0x003010e7, true, false,
		  "bit 20 (PSE-36, which the CPU lacks), "
		  "bit 12 (PAT, which the CPU lacks), "
		  "bit 21 (an address within the page)", true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct cpu_features f = all_features;
		struct mmu mmu;
		char text[256];

		f.pat = f.pse36 = !row[i].old;
		mmu = make_mmu(row[i].mode, &f, row[i].nxe ? EFER_NXE : 0);
		reserved_format(text, sizeof(text), &mmu, row[i].level,
				row[i].entry, row[i].leaf);
		assert_string_equal(text, row[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserved__tells_what_the_walk_masks),
		cmocka_unit_test(test_reserved__says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
