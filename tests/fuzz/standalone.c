/*
 * standalone.c - runs a fuzz target without libFuzzer: each seed as it is, and
 * N deterministic mutations of it. This is what `make check` runs; the search
 * guided by coverage is `make fuzz-NAME`.
 *
 *	TARGET N SEED...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEED 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t rng = 1;

static uint64_t next(uint64_t n)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (rng >> 33) % n;
}

/* Values that break things where they land. */
static const uint64_t nasty[] = {
	0, 1, 0x7f, 0x80, 0xff, 0xfff, 0x1000, 0x7fffffff, 0x80000000,
	0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ULL,
};

static size_t mutate(uint8_t *p, size_t size)
{
	static const size_t width[] = { 1, 2, 4, 8 };
	size_t n = 1 + next(4);

	while (n-- && size > 8) {
		size_t w = width[next(4)], at = next(size - w);
		uint64_t v = next(2) ? nasty[next(sizeof(nasty) / 8)] : next(256);

		switch (next(8)) {
		case 0:
			size -= next(size / 4 + 1);
			break;
		case 1: {	/* copy a piece over another */
			size_t len = next(16) + 1, from = next(size);

			if (from + len <= size && at + len <= size)
				memmove(p + at, p + from, len);
			break;
		}
		default:
			memcpy(p + at, &v, w);
		}
	}
	return size;
}

static size_t load(const char *path, uint8_t *buf)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(buf, 1, MAX_SEED, f) : 0;

	if (f)
		fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	static uint8_t seed[MAX_SEED], input[MAX_SEED];
	unsigned runs = argc > 1 ? atoi(argv[1]) : 0, done = 0;

	for (int i = 2; i < argc; i++) {
		size_t size = load(argv[i], seed);

		for (unsigned j = 0; j <= runs && size; j++, done++) {
			memcpy(input, seed, size);
			LLVMFuzzerTestOneInput(input, j ? mutate(input, size)
							: size);
		}
	}
	printf("%u passed, %u failed\n", done, done ? 0 : 1);
	return !done;
}
