/*
 * family_aligned.c: memalign, aligned_alloc, posix_memalign, valloc.
 *
 * memalign takes any alignment and rounds it up to a power of two;
 * aligned_alloc wants a power of two; posix_memalign wants a power of two that
 * is a multiple of sizeof(void *), and touches its result on success only.
 * Too large an alignment is EINVAL where no power of two is left, and ENOMEM
 * where no memory is.
 */
#include "family.h"

#include <malloc.h>

FAMILY_START

/* Ends of the block can be written, and it is where it should be. */
static void expect_block(void *p, size_t align, size_t n)
{
	unsigned char *b = p;

	cr_assert(p, "no block of %zu aligned to %zu", n, align);
	cr_expect_eq((uintptr_t)p % align, 0, "%p for %zu", p, align);
	cr_expect(malloc_usable_size(p) >= n);
	if (n) {
		b[0] = 1;
		b[n - 1] = 2;
	}
}

Test(family_aligned, memalign_rounds_up)
{
	const size_t asked[] = {0,  1,  3,   7,   16,   17,   24,   33,
				48, 63, 100, 129, 1000, 3000, 4097, 70000};
	const size_t given[] = {16, 16, 16,  16,  16,   32,   32,   64,
				64, 64, 128, 256, 1024, 4096, 8192, 131072};
	size_t i, k;

	for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		for (k = 0; k < 50; k++) {
			void *p = memalign(hide(asked[i]), k * k);

			expect_block(p, given[i], k * k);
			free(p);
		}
}

Test(family_aligned, memalign_refuses_what_it_cannot_round)
{
	const size_t most = SIZE_MAX / 2 + 1;
	const size_t bad[] = {most + 1, most + 4096, SIZE_MAX - 1, SIZE_MAX};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		cr_expect_null(memalign(hide(bad[i]), 8));
		cr_expect_eq(errno, EINVAL, "alignment %zx", bad[i]);
	}
	EXPECT_ENOMEM(memalign(hide(most), 8));
	EXPECT_ENOMEM(memalign(hide(most / 2), 8));
	EXPECT_ENOMEM(memalign(hide(most / 2), hide(most / 2)));
	EXPECT_ENOMEM(memalign(hide(most / 2 - 1), 8));
	EXPECT_ENOMEM(memalign(4096, hide(PTRDIFF_MAX - 64)));
}

Test(family_aligned, aligned_alloc_wants_a_power_of_two)
{
	const size_t bad[] = {0,       3,  5,   6,    7,    12,
			      24,      48, 100, 4095, 4097, SIZE_MAX / 2,
			      SIZE_MAX};
	size_t i, align, n;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		cr_expect_null(aligned_alloc(hide(bad[i]), 64));
		cr_expect_eq(errno, EINVAL, "alignment %zu", bad[i]);
	}
	for (align = 1; align <= 64 * KIB; align *= 2)
		for (n = 0; n < 5000; n = n * 3 + 1) {
			void *p = aligned_alloc(hide(align), hide(n));

			expect_block(p, align < 16 ? 16 : align, n);
			free(p);
		}
}

Test(family_aligned, posix_memalign_refuses_and_leaves_the_result)
{
	const size_t bad[] = {0,    1,    2,        3,           4,  5,
			      6,    7,    9,        12,          15, 20,
			      24,   40,   48,       56,          72, 1000,
			      4095, 4104, SIZE_MAX, SIZE_MAX / 2};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		void *out = &out;

		cr_expect_eq(posix_memalign(&out, bad[i], 64), EINVAL,
			     "alignment %zu", bad[i]);
		cr_expect(out == &out, "alignment %zu", bad[i]);
		cr_expect_eq(posix_memalign(&out, bad[i], hide(SIZE_MAX)),
			     EINVAL, "alignment %zu", bad[i]);
	}
	for (i = 8; i; i *= 2) {
		void *out = &out;

		cr_expect_eq(posix_memalign(&out, i, hide(SIZE_MAX)), ENOMEM);
		cr_expect_eq(posix_memalign(&out, i, hide(PTRDIFF_MAX)),
			     ENOMEM);
		cr_expect(out == &out, "alignment %zu", i);
	}
}

Test(family_aligned, posix_memalign_aligns)
{
	size_t align, n;

	for (align = sizeof(void *); align <= 2 * MIB; align *= 2)
		for (n = 0; n < 10000; n = n * 2 + 1) {
			void *p = NULL;

			errno = EDOM;
			cr_assert_eq(posix_memalign(&p, align, n), 0);
			cr_expect_eq(errno, EDOM);
			expect_block(p, align < 16 ? 16 : align, n);
			free(p);
		}
}

/* Every alignment a program may think of, with sizes of every kind. */
Test(family_aligned, huge_alignments)
{
	const size_t sizes[] = {0,     1,     100,    1024,   5000,
				32768, 70000, 200000, 3 * MIB};
	size_t space = space_bytes(), rss = rss_bytes(), align, i, round;

	for (round = 0; round < 8; round++)
		for (align = 16; align <= GIB; align *= 2)
			for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
				void *p = memalign(align, sizes[i]);

				expect_block(p, align, sizes[i]);
				free(p);
			}
	cr_expect(rss_bytes() < rss + 64 * MIB);
	cr_expect(space_bytes() < space + 4 * GIB,
		  "%zu MiB of address space were left behind",
		  (space_bytes() - space) / MIB);
}

/* Blocks of all alignments next to each other do not overlap. */
Test(family_aligned, blocks_keep_their_content)
{
	enum { N = 400 };
	static unsigned char *p[N];
	static size_t size[N];
	uint64_t state = 11;
	size_t i, round;

	for (round = 0; round < 30; round++)
		for (i = 0; i < N; i++) {
			size_t align = (size_t)16 << random_next(&state) % 10;

			if (pattern_differs(p[i], size[i], i) != size[i])
				cr_assert_fail("block %zu", i);
			free(p[i]);
			size[i] = random_size(&state, 40000);
			p[i] = memalign(align, size[i]);
			expect_block(p[i], align, size[i]);
			pattern_fill(p[i], size[i], i);
		}
	for (i = 0; i < N; i++)
		free(p[i]);
}

Test(family_aligned, what_alignment_skips_is_used_again)
{
	enum { N = 2000 };
	static void *p[N];
	size_t before = rss_bytes(), i, round;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < N; i++)
			p[i] = memset(memalign(4096, 1000), 1, 1000);
		for (i = 0; i < N; i++)
			free(p[(i * 7) % N]);
	}
	cr_expect(rss_bytes() < before + 40 * MIB, "%zu MiB",
		  (rss_bytes() - before) / MIB);
}
