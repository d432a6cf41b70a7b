/*
 * family_realloc.c: the rules of realloc and reallocarray.
 *
 * realloc(p, 0) frees and gives NULL.  A realloc that fails keeps the block,
 * its size and its content.  A block that already has the room never moves.
 * Content survives every step between the ways a block can be kept: cached
 * sizes, chunks of the heap, mappings of their own.
 */
#include "family.h"

#include <malloc.h>

FAMILY_START

/* Just below, at and above where an allocator may change its ways. */
static const size_t boundary_sizes[] = {
	0,      1,      8,      9,       15,      16,     17,     24,
	25,     31,     32,     33,      40,      41,     56,     64,
	72,     100,    127,    128,     136,     255,    256,    264,
	511,    512,    520,    1000,    1015,    1016,   1017,   1024,
	1025,   1032,   1040,   1041,    1500,    2000,   2048,   2064,
	4080,   4096,   4097,   5000,    8192,    10000,  16384,  20000,
	30000,  32752,  32768,  32769,   32784,   40000,  65535,  65536,
	65537,  100000, 131000, 131048,  131056,  131064, 131072, 131088,
	150000, 262144, 500000, 1048576, 1500000, 3000000};
#define NR_BOUNDARY (sizeof(boundary_sizes) / sizeof(boundary_sizes[0]))

Test(family_realloc, of_null_allocates)
{
	size_t n;

	for (n = 0; n < MIB; n = n * 2 + 1) {
		unsigned char *p = realloc(NULL, n);
		unsigned char *q = reallocarray(NULL, n, 3);

		cr_assert(p && q && p != q);
		memset(p, 1, n);
		memset(q, 2, n * 3);
		free(p);
		free(q);
	}
}

/* Not freed, this would need 20 times the memory that the check allows. */
Test(family_realloc, to_zero_frees_and_gives_null)
{
	size_t before = rss_bytes(), i, k;

	for (k = 0; k < NR_BOUNDARY; k++) {
		size_t n = boundary_sizes[k];
		size_t rounds = 400 * MIB / 20 / NR_BOUNDARY / (n + 64) + 2;

		for (i = 0; i < rounds * 20; i++) {
			void *p = malloc(n), *q;

			cr_assert(p);
			memset(p, 1, n);
			switch (i % 3) {
			case 0:
				q = realloc(p, hide(0));
				break;
			case 1:
				q = reallocarray(p, hide(0), 8);
				break;
			default:
				q = reallocarray(p, 8, hide(0));
			}
			cr_assert(!q, "size %zu gave %p", n, q);
		}
	}
	cr_expect(rss_bytes() < before + 40 * MIB);
}

Test(family_realloc, failure_keeps_block_and_content)
{
	const size_t too_big[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX,
				  SIZE_MAX - 15,           PTRDIFF_MAX - 4096,
				  (size_t)1 << 56,         (size_t)1 << 48};
	size_t i, k;

	for (k = 0; k < NR_BOUNDARY; k++) {
		size_t n = boundary_sizes[k];
		unsigned char *p = malloc(n);
		unsigned char *behind = malloc(n);
		size_t have = malloc_usable_size(p);

		cr_assert(p && behind);
		pattern_fill(p, have, k);
		for (i = 0; i < sizeof(too_big) / sizeof(too_big[0]); i++) {
			EXPECT_ENOMEM(realloc(hide_ptr(p), hide(too_big[i])));
			EXPECT_ENOMEM(
				reallocarray(hide_ptr(p), 1, hide(too_big[i])));
		}
		cr_expect_eq(malloc_usable_size(p), have);
		cr_expect_eq(pattern_differs(p, have, k), have);
		p = realloc(p, n + 1);
		cr_assert(p);
		cr_expect_eq(pattern_differs(p, n, k), n);
		free(p);
		free(behind);
	}
}

Test(family_realloc, never_moves_while_there_is_room)
{
	size_t k, m;

	for (k = 0; k < NR_BOUNDARY; k++) {
		unsigned char *p = malloc(boundary_sizes[k]);
		size_t have = malloc_usable_size(p);

		cr_assert(p);
		for (m = boundary_sizes[k] ? boundary_sizes[k] : 1; m <= have;
		     m++) {
			unsigned char *q = realloc(p, m);

			cr_assert(p == q, "%zu to %zu of %zu moved",
				  boundary_sizes[k], m, have);
		}
		free(p);
	}
}

Test(family_realloc, never_moves_when_it_shrinks)
{
	size_t k, m;

	for (k = 0; k < NR_BOUNDARY; k++) {
		size_t n = boundary_sizes[k];
		unsigned char *p = malloc(n);

		cr_assert(p);
		pattern_fill(p, n, k);
		for (m = n; m > 0; m = m * 7 / 8) {
			unsigned char *q = realloc(p, m);

			cr_assert(p == q, "%zu to %zu moved", n, m);
			cr_assert(malloc_usable_size(p) >= m);
			cr_assert_eq(pattern_differs(p, m, k), m);
		}
		free(p);
	}
}

Test(family_realloc, gives_memory_back_when_it_shrinks)
{
	enum { N = 24 };
	void *p[N];
	size_t before = rss_bytes(), i;

	for (i = 0; i < N; i++) {
		p[i] = memset(malloc(8 * MIB), 1, 8 * MIB);
		p[i] = realloc(p[i], 100 * KIB);
		cr_assert(p[i]);
	}
	cr_expect(rss_bytes() < before + 64 * MIB,
		  "%zu MiB are resident for 2.4", (rss_bytes() - before) / MIB);
	for (i = 0; i < N; i++)
		free(p[i]);
}

Test(family_realloc, content_survives_every_step)
{
	size_t from, to;

	for (from = 0; from < NR_BOUNDARY; from++)
		for (to = 0; to < NR_BOUNDARY; to++) {
			size_t a = boundary_sizes[from], b = boundary_sizes[to];
			size_t keep = a < b ? a : b;
			unsigned char *p = malloc(a);

			if (!b)
				b = 1;
			cr_assert(p);
			pattern_fill(p, a, from);
			p = realloc(p, b);
			cr_assert(p);
			if (pattern_differs(p, keep, from) != keep)
				cr_assert_fail("%zu to %zu", a, b);
			memset(p, 0, b);
			free(p);
		}
}

Test(family_realloc, growth_one_byte_at_a_time)
{
	unsigned char *p = NULL, *other[4] = {NULL};
	size_t n;

	for (n = 0; n < 20000; n++) {
		p = realloc(p, n + 1);
		cr_assert(p);
		p[n] = pattern_byte(7, n);
		if (n % 50 == 0) {
			free(other[n / 50 % 4]);
			other[n / 50 % 4] = memset(malloc(n + 8), 0xee, n + 8);
		}
	}
	cr_expect_eq(pattern_differs(p, n, 7), n);
	free(p);
	for (n = 0; n < 4; n++)
		free(other[n]);
}

Test(family_realloc, two_blocks_growing_into_the_sky)
{
	unsigned char *p[2] = {NULL, NULL};
	size_t n, k, was = 0;

	for (n = 16; n < 64 * MIB; n = n * 3 / 2) {
		for (k = 0; k < 2; k++) {
			p[k] = realloc(p[k], n);
			cr_assert(p[k]);
			if (was && (p[k][was - 1] != k + 1 || p[k][0] != k + 1))
				cr_assert_fail("block %zu at %zu", k, n);
			memset(p[k] + was, (int)k + 1, n - was);
		}
		was = n;
	}
	cr_expect_eq(bytes_differ(p[0], was, 1), was);
	cr_expect_eq(bytes_differ(p[1], was, 2), was);
	free(p[0]);
	free(p[1]);
}

Test(family_realloc, array_multiplies)
{
	unsigned char *p = reallocarray(NULL, 100, 7);

	cr_assert(p && malloc_usable_size(p) >= 700);
	pattern_fill(p, 700, 1);
	p = reallocarray(p, 1000, 70);
	cr_assert(p && malloc_usable_size(p) >= 70000);
	cr_expect_eq(pattern_differs(p, 700, 1), 700);
	free(p);
}

/* An aligned block keeps its content; its new place need not be aligned. */
Test(family_realloc, of_aligned_blocks)
{
	size_t align, n;

	for (align = 16; align <= MIB; align *= 4)
		for (n = 1; n < 400000; n = n * 5 + 3) {
			unsigned char *p = memalign(align, n);

			cr_assert(p);
			pattern_fill(p, n, align);
			p = realloc(p, n / 2 + 1);
			cr_assert(p);
			cr_assert_eq(pattern_differs(p, n / 2, align), n / 2);
			p = realloc(p, n * 3);
			cr_assert(p);
			cr_assert_eq(pattern_differs(p, n / 2, align), n / 2);
			free(p);
		}
}
