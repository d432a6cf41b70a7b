/*
 * release.c: freed memory leaves the resident set.
 *
 * Unasked within the decay time, 1 s by default, and a few more calls that
 * reach the arena; at once by malloc_trim, and at once above
 * M_TRIM_THRESHOLD where top can be cut off.  A block that stays in use behind
 * the freed memory pins the break, not the pages.  No case measures a time:
 * each lets the decay time go by, then calls, and looks at the resident set.
 */
#include "tap.h"

#include <malloc.h>
#include <pthread.h>

enum { TOTAL = 100 << 20, DECAY_MS = 1200, ROUNDS = 12 };

enum order { FORWARD, BACKWARD, SCATTERED };

static void *get(size_t n)
{
	void *p = hide_ptr(malloc(n));

	REQUIRE_MSG(p, "malloc(%zu) failed", n);
	return p;
}

/* Calls of every kind, some of which no cache can serve. */
static void few_calls(void)
{
	const size_t sizes[] = {16, 1000, 5000, 64 * KIB, 100 * KIB, 200 * KIB};
	void *p[6];
	size_t i;

	for (i = 0; i < 6; i++)
		p[i] = get(sizes[i]);
	for (i = 0; i < 6; i++)
		free(p[i]);
}

/* Lets the decay time pass, then makes a few calls; true when RSS fell. */
static int falls_below(size_t bytes)
{
	int round;

	sleep_ms(DECAY_MS);
	for (round = 0; round < ROUNDS; round++) {
		few_calls();
		if (rss_bytes() < bytes)
			return 1;
		sleep_ms(100);
	}
	return 0;
}

struct load {
	unsigned char **p;
	size_t count, n;
};

static struct load load_create(size_t total, size_t n)
{
	struct load load = {NULL, total / n, n};
	size_t i;

	load.p = table_create(load.count * sizeof(*load.p));
	for (i = 0; i < load.count; i++)
		load.p[i] = memset(get(n), 1, n);
	return load;
}

static void load_free(const struct load *load, enum order order)
{
	size_t i, at;

	for (i = 0; i < load->count; i++) {
		at = i;
		if (order == BACKWARD)
			at = load->count - 1 - i;
		if (order == SCATTERED)
			at = i * 1000003 % load->count;
		free(load->p[at]);
		load->p[at] = NULL;
	}
}

/* A block that stands behind the load, so that the load is not top. */
static unsigned char *live_behind(const struct load *load)
{
	unsigned char *live = get(1000);
	int i;

	for (i = 0; i < 2000 && live < load->p[load->count - 1]; i++)
		live = get(1000);
	return live;
}

/* 100 MB in blocks of n, freed below one block that stays in use. */
static void freed_under_a_live_block(size_t n, enum order order)
{
	struct load load;
	size_t before, loaded;
	unsigned char *live;

	few_calls();
	before = rss_bytes();
	load = load_create(TOTAL, n);
	live = live_behind(&load);
	pattern_fill(live, 1000, n);
	loaded = rss_bytes();
	CHECK_MSG(loaded > before + 90 * MIB, "%zu MiB", loaded / MIB);
	load_free(&load, order);
	CHECK_MSG(falls_below(before + 14 * MIB),
		  "blocks of %zu: %zu MiB before, %zu loaded, %zu now", n,
		  before / MIB, loaded / MIB, rss_bytes() / MIB);
	CHECK(pattern_differs(live, 1000, n) == 1000);
	free(live);
}

CASE(one_chunk_of_100_mb_in_the_brk_heap)
{
	CHECK(mallopt(M_MMAP_MAX, 0) == 1);
	freed_under_a_live_block(TOTAL, FORWARD);
}

CASE(small_blocks_of_100_bytes)
{
	freed_under_a_live_block(100, FORWARD);
}

CASE(small_blocks_of_100_bytes_scattered)
{
	freed_under_a_live_block(100, SCATTERED);
}

CASE(small_blocks_of_1000_bytes)
{
	freed_under_a_live_block(1000, SCATTERED);
}

CASE(small_blocks_of_1000_bytes_backward)
{
	freed_under_a_live_block(1000, BACKWARD);
}

CASE(medium_blocks_of_10000_bytes)
{
	freed_under_a_live_block(10000, SCATTERED);
}

CASE(large_blocks_of_60000_bytes)
{
	freed_under_a_live_block(60000, SCATTERED);
}

CASE(mapped_blocks_of_1_mib)
{
	freed_under_a_live_block(MIB, FORWARD);
}

CASE(one_mapped_block_of_100_mb)
{
	freed_under_a_live_block(TOTAL, FORWARD);
}

/* The last page of every 16 stays: the pages between must still go. */
CASE(most_of_a_scattered_heap)
{
	struct load load;
	size_t before, i;

	few_calls();
	before = rss_bytes();
	load = load_create(TOTAL, 60000);
	for (i = 0; i < load.count; i++)
		if (i % 16) {
			free(load.p[i]);
			load.p[i] = NULL;
		}
	CHECK_MSG(falls_below(before + 30 * MIB), "%zu MiB before, %zu now",
		  before / MIB, rss_bytes() / MIB);
	for (i = 0; i < load.count; i += 16)
		CHECK(bytes_differ(load.p[i], 60000, 1) == 60000);
}

static void *load_in_thread(void *arg)
{
	(void)arg;
	freed_under_a_live_block(1000, SCATTERED);
	freed_under_a_live_block(60000, SCATTERED);
	return NULL;
}

CASE(in_another_thread)
{
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, load_in_thread, NULL) == 0);
	pthread_join(thread, NULL);
}

CASE(malloc_trim_lowers_rss_and_returns_1)
{
	const size_t sizes[] = {100, 1000, 10000, 60000};
	size_t i, before = 0;

	for (i = 0; i < 4; i++) {
		struct load load;
		void *live;

		few_calls();
		before = rss_bytes();
		load = load_create(TOTAL / 2, sizes[i]);
		live = live_behind(&load);
		load_free(&load, SCATTERED);
		CHECK(malloc_trim(0) == 1);
		CHECK_MSG(rss_bytes() < before + 8 * MIB,
			  "blocks of %zu: %zu MiB before, %zu now", sizes[i],
			  before / MIB, rss_bytes() / MIB);
		free(live);
	}
}

CASE(malloc_trim_keeps_what_is_in_use)
{
	struct load load = load_create(TOTAL / 4, 300);
	size_t i;

	for (i = 0; i < load.count; i++) {
		pattern_fill(load.p[i], 300, i);
		if (i % 3 == 0) {
			free(load.p[i]);
			load.p[i] = NULL;
		}
	}
	malloc_trim(0);
	for (i = 0; i < load.count; i++)
		if (load.p[i])
			CHECK(pattern_differs(load.p[i], 300, i) == 300);
	for (i = 0; i < load.count; i++)
		free(load.p[i]);
	CHECK(malloc_trim(0) == 1);
}

CASE(malloc_trim_leaves_pad_at_the_top)
{
	char *end;
	void *p;

	CHECK(mallopt(M_MMAP_MAX, 0) == 1);
	CHECK(mallopt(M_TRIM_THRESHOLD, 1 << 30) == 1);
	p = memset(get(64 * MIB), 1, 64 * MIB);
	free(p);
	end = sbrk(0);
	CHECK(malloc_trim(16 * MIB) == 1);
	CHECK((char *)sbrk(0) <= end - 40 * MIB);
	CHECK((char *)sbrk(0) >= end - 52 * MIB);
	CHECK(malloc_trim(0) == 1);
	CHECK((char *)sbrk(0) <= end - 60 * MIB);
}

/* Above the threshold the break goes down with the free itself. */
CASE(m_trim_threshold_acts_at_once)
{
	char *start = sbrk(0), *end;
	void *p;

	CHECK(mallopt(M_MMAP_MAX, 0) == 1);
	CHECK(mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1);
	p = memset(get(64 * MIB), 1, 64 * MIB);
	CHECK((char *)sbrk(0) > start + 64 * MIB);
	free(p);
	CHECK_MSG((char *)sbrk(0) < start + 4 * MIB, "%zu KiB are left",
		  (size_t)((char *)sbrk(0) - start) / KIB);
	CHECK(mallopt(M_TRIM_THRESHOLD, 256 << 20) == 1);
	p = get(64 * MIB);
	end = sbrk(0);
	free(p);
	CHECK((char *)sbrk(0) == end);
}

CASE(m_trim_threshold_of_128_kib)
{
	char *start = sbrk(0);
	struct load load;

	CHECK(mallopt(M_TRIM_THRESHOLD, 128 * 1024) == 1);
	load = load_create(20 * MIB, 100 * KIB);
	load_free(&load, BACKWARD);
	CHECK_MSG((char *)sbrk(0) < start + MIB, "%zu KiB are left",
		  (size_t)((char *)sbrk(0) - start) / KIB);
}

CASE(trim_threshold_minus_one_keeps_everything)
{
	char *end;
	size_t loaded;
	struct load load;

	CHECK(mallopt(M_TRIM_THRESHOLD, -1) == 1);
	load = load_create(TOTAL / 2, 60000);
	loaded = rss_bytes();
	end = sbrk(0);
	load_free(&load, SCATTERED);
	CHECK_MSG(!falls_below(loaded - 2 * MIB), "RSS fell");
	CHECK((char *)sbrk(0) == end);
}

/* What was given back must be there again when it is asked for. */
CASE(given_back_and_taken_again)
{
	size_t round, before = 0, peak = 0;

	for (round = 0; round < 4; round++) {
		struct load load =
			load_create(TOTAL / 4, round % 2 ? 900 : 40000);

		if (!before)
			before = rss_bytes();
		if (rss_bytes() > peak)
			peak = rss_bytes();
		load_free(&load, SCATTERED);
		malloc_trim(0);
	}
	CHECK_MSG(peak < before + before / 3, "%zu MiB at first, %zu later",
		  before / MIB, peak / MIB);
}

TAP_MAIN
