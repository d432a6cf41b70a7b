/*
 * layout.c: where blocks come from.
 *
 * The main arena grows by brk, in a first step of 132 KiB; requests of 128 KiB
 * and more that nothing free can serve get a mapping of their own; freeing
 * such a mapping raises the threshold, unless the program has set one of the
 * four options.  The rules are those of mallopt(3).  Whoever else moves the
 * break, or stands in its way, does no harm.
 */
#include "tap.h"

#include <malloc.h>
#include <pthread.h>

static char *break_at_start;

static char *break_now(void)
{
	return sbrk(0);
}

/* True when the block stands between the first break and the present one. */
static int from_brk(const void *p)
{
	return (const char *)p >= break_at_start &&
	       (const char *)p < break_now();
}

static void *get(size_t n)
{
	void *p = hide_ptr(malloc(n));

	REQUIRE_MSG(p, "malloc(%zu) failed", n);
	return p;
}

static void start(void)
{
	break_at_start = break_now();
}

CASE(first_malloc_grows_brk_by_132_kib)
{
	size_t page = page_bytes(), grown;

	start();
	get(1);
	grown = (size_t)(break_now() - break_at_start);
	CHECK_MSG(grown >= 135168 && grown < 135168 + page &&
			  (uintptr_t)break_now() % page == 0,
		  "brk grew by %zu", grown);
	CHECK_MSG(grown == 135168 || (uintptr_t)break_at_start % page,
		  "brk grew by %zu", grown);
}

CASE(blocks_below_128_kib_come_from_brk)
{
	const size_t sizes[] = {1,        1000,      5000,          33000,
				64 * KIB, 100 * KIB, 128 * KIB - 64};
	size_t i;

	start();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *p = get(sizes[i]);

		CHECK_MSG(from_brk(p), "malloc(%zu) gave %p", sizes[i], p);
	}
	CHECK(mallinfo2().hblks == 0);
}

CASE(blocks_from_128_kib_are_mapped)
{
	const size_t sizes[] = {200 * KIB, 128 * KIB, MIB, 10 * MIB, 33 * MIB};
	size_t i, bytes = 0;
	char *before;

	start();
	get(1);
	before = break_now();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *p;

		/* A new top of 132 KiB could serve 128 KiB. */
		if (sizes[i] == 128 * KIB)
			get(64 * KIB);
		p = get(sizes[i]);
		bytes += sizes[i];
		CHECK_MSG(!from_brk(p), "malloc(%zu) gave %p", sizes[i], p);
		CHECK(mallinfo2().hblks == i + 1);
		CHECK(mallinfo2().hblkhd >= bytes);
	}
	CHECK(break_now() == before);
}

CASE(top_serves_128_kib_when_it_can)
{
	void *p;

	start();
	free(get(100));
	p = get(128 * KIB);
	CHECK(from_brk(p));
	free(p);
}

CASE(a_free_chunk_serves_large_requests)
{
	void *part[4], *p, *guard;
	size_t i;

	start();
	for (i = 0; i < 4; i++)
		part[i] = get(100 * KIB);
	guard = get(1000);
	for (i = 0; i < 4; i++)
		free(part[i]);
	p = get(300 * KIB);
	CHECK(from_brk(p));
	free(p);
	free(guard);
}

CASE(threshold_follows_freed_mappings)
{
	void *p, *q;

	start();
	p = get(MIB);
	CHECK(!from_brk(p));
	free(p);
	q = get(MIB);
	CHECK_MSG(from_brk(q), "the second malloc(1 MB) gave %p", q);
	p = get(2 * MIB);
	CHECK_MSG(!from_brk(p), "it rose too far");
	free(p);
	free(q);
	p = get(2 * MIB);
	CHECK(from_brk(p));
	free(p);
}

CASE(threshold_ends_at_32_mib)
{
	void *p;
	int i;

	start();
	for (i = 0; i < 3; i++) {
		p = get(33 * MIB);
		CHECK(!from_brk(p));
		free(p);
	}
	p = get(31 * MIB);
	CHECK(!from_brk(p));
	free(p);
	p = get(31 * MIB);
	CHECK(from_brk(p));
	free(p);
}

/* Sets one option to its default: that alone ends the dynamic rule. */
static void fixed_threshold(int param, int value)
{
	void *p;
	int i;

	start();
	CHECK(mallopt(param, value) == 1);
	for (i = 0; i < 3; i++) {
		p = get(MIB);
		CHECK_MSG(!from_brk(p), "option %d, round %d", param, i);
		free(p);
	}
}

CASE(m_mmap_threshold_ends_the_dynamic_rule)
{
	fixed_threshold(M_MMAP_THRESHOLD, 128 * 1024);
}

CASE(m_trim_threshold_ends_the_dynamic_rule)
{
	fixed_threshold(M_TRIM_THRESHOLD, 128 * 1024);
}

CASE(m_top_pad_ends_the_dynamic_rule)
{
	fixed_threshold(M_TOP_PAD, 128 * 1024);
}

CASE(m_mmap_max_ends_the_dynamic_rule)
{
	fixed_threshold(M_MMAP_MAX, 65536);
}

CASE(m_mmap_threshold_moves_the_border)
{
	start();
	get(1);
	CHECK(mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024) == 1);
	CHECK(from_brk(get(3 * MIB)));
	CHECK(!from_brk(get(5 * MIB)));
	CHECK(mallopt(M_MMAP_THRESHOLD, 50000) == 1);
	CHECK(!from_brk(get(3 * MIB)));
}

CASE(m_mmap_max_zero_turns_mapping_off)
{
	start();
	CHECK(mallopt(M_MMAP_MAX, 0) == 1);
	CHECK(from_brk(get(MIB)));
	CHECK(from_brk(get(50 * MIB)));
	CHECK(mallinfo2().hblks == 0);
}

CASE(m_mmap_max_bounds_the_mappings)
{
	int i;

	start();
	CHECK(mallopt(M_MMAP_MAX, 3) == 1);
	for (i = 0; i < 10; i++)
		CHECK_MSG(from_brk(get(MIB)) == (i >= 3), "block %d", i);
	CHECK(mallinfo2().hblks == 3);
}

CASE(m_top_pad_is_the_first_step)
{
	size_t grown;

	start();
	CHECK(mallopt(M_TOP_PAD, 1024 * 1024) == 1);
	get(1);
	grown = (size_t)(break_now() - break_at_start);
	CHECK_MSG(grown >= MIB && grown <= MIB + 2 * page_bytes(),
		  "brk grew by %zu", grown);
}

CASE(untouched_memory_is_not_resident)
{
	size_t before, n = 100 * MIB;
	unsigned char *p;

	start();
	get(1);
	before = rss_bytes();
	p = get(n);
	CHECK_MSG(rss_bytes() < before + MIB, "%zu KiB became resident",
		  (rss_bytes() - before) / KIB);
	memset(p, 1, n);
	CHECK(rss_bytes() > before + 90 * MIB);
}

CASE(untouched_memory_from_calloc_and_realloc_neither)
{
	size_t before, n = 100 * MIB;
	unsigned char *p;

	start();
	get(1);
	before = rss_bytes();
	p = hide_ptr(calloc(1, n));
	REQUIRE(p);
	CHECK(rss_bytes() < before + MIB);
	p = hide_ptr(realloc(p, 2 * n));
	REQUIRE(p);
	CHECK(rss_bytes() < before + MIB);
	free(p);
	p = hide_ptr(memalign(MIB, n));
	REQUIRE(p);
	CHECK(rss_bytes() < before + MIB);
}

static unsigned char *blocks[2000];

static void fill_blocks(size_t first, size_t end, size_t n)
{
	size_t i;

	for (i = first; i < end; i++) {
		blocks[i] = get(n);
		CHECK((uintptr_t)blocks[i] % 16 == 0);
		pattern_fill(blocks[i], n, i);
	}
}

static void free_blocks(size_t count, size_t n)
{
	size_t i;

	for (i = 0; i < count; i++) {
		CHECK_MSG(pattern_differs(blocks[i], n, i) == n,
			  "block %zu changed", i);
		free(blocks[i]);
	}
}

/* Someone else takes 2 pages, an odd number of bytes, a mebibyte. */
CASE(foreign_sbrk_between_ours)
{
	static const size_t taken[] = {8192, 1001, MIB, 24};
	unsigned char *foreign[4];
	size_t i;

	start();
	fill_blocks(0, 100, 5000);
	for (i = 0; i < 4; i++) {
		foreign[i] = sbrk((intptr_t)taken[i]);
		REQUIRE(foreign[i] != (void *)-1);
		memset(foreign[i], 0xf0, taken[i]);
		fill_blocks(100 + i * 100, 200 + i * 100, 5000);
	}
	free_blocks(500, 5000);
	malloc_trim(0);
	CHECK(break_now() >= (char *)foreign[3] + taken[3]);
	for (i = 0; i < 4; i++)
		CHECK(bytes_differ(foreign[i], taken[i], 0xf0) == taken[i]);
	fill_blocks(0, 500, 5000);
	for (i = 0; i < 4; i++)
		CHECK(bytes_differ(foreign[i], taken[i], 0xf0) == taken[i]);
	free_blocks(500, 5000);
}

/* A program that gives its own part of the break back again. */
CASE(foreign_sbrk_back_and_forth)
{
	size_t i;

	start();
	for (i = 0; i < 20; i++) {
		fill_blocks(i * 50, i * 50 + 25, 3000 + i * 100);
		REQUIRE(sbrk(100000) != (void *)-1);
		REQUIRE(sbrk(-100000) != (void *)-1);
		fill_blocks(i * 50 + 25, i * 50 + 50, 3000 + i * 100);
	}
	for (i = 0; i < 1000; i++) {
		size_t n = 3000 + i / 50 * 100;

		CHECK(pattern_differs(blocks[i], n, i) == n);
		free(blocks[i]);
	}
}

static void put_obstacle(void)
{
	size_t page = page_bytes();
	uintptr_t end = ((uintptr_t)break_now() + page - 1) / page * page;
	void *at = (void *)end;

	REQUIRE(mmap(at, page, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		     0) == at);
	REQUIRE(sbrk((intptr_t)page * 4) == (void *)-1);
}

CASE(obstacle_above_the_heap)
{
	start();
	fill_blocks(0, 10, 5000);
	put_obstacle();
	fill_blocks(10, 1500, 5000);
	free_blocks(1500, 5000);
	malloc_trim(0);
	fill_blocks(0, 200, 60000);
	free_blocks(200, 60000);
}

CASE(obstacle_before_the_first_call)
{
	start();
	put_obstacle();
	fill_blocks(0, 1000, 100);
	fill_blocks(1000, 1500, 40000);
	CHECK(pattern_differs(blocks[999], 100, 999) == 100);
	CHECK(pattern_differs(blocks[1499], 40000, 1499) == 40000);
	CHECK(mallopt(M_MMAP_MAX, 0) == 1);
	CHECK_MSG(hide_ptr(malloc(200 * KIB)), "no mapping as a heap");
}

CASE(obstacle_appears_in_the_middle_of_a_load)
{
	uint64_t state = 3;
	size_t step;

	start();
	for (step = 0; step < 40000; step++) {
		size_t i = random_next(&state) % 2000;
		size_t n = random_size(&state, 50000);

		if (step == 5000)
			put_obstacle();
		if (blocks[i])
			CHECK(*blocks[i] == (unsigned char)i);
		free(blocks[i]);
		blocks[i] = get(n + 1);
		memset(blocks[i], (int)i, n + 1);
	}
}

static void *other_arena(void *arg)
{
	void **got = arg;

	got[0] = get(100);
	got[1] = get(50000);
	got[2] = get(MIB);
	return NULL;
}

CASE(other_threads_do_not_use_brk)
{
	pthread_t thread;
	void *got[3];

	start();
	get(1);
	REQUIRE(pthread_create(&thread, NULL, other_arena, got) == 0);
	pthread_join(thread, NULL);
	CHECK(!from_brk(got[0]));
	CHECK(!from_brk(got[1]));
	CHECK(!from_brk(got[2]));
	free(got[0]);
	free(got[1]);
	free(got[2]);
}

TAP_MAIN
