/*
 * stores.c: no store is lost, whatever the simulated kernel does to the page.
 *
 * The machines are much smaller than what the threads store to, so that pages
 * go to swap and come back all the time; the threads run on all CPUs of the
 * host.
 */
#include "live.h"

enum { THREADS = 6, SECONDS = 2, PAGE = 4096 };

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static char *area;
static size_t nr_pages;
static double until;
static volatile uint64_t nr_lost;

static void run_threads(void *(*fn)(void *), size_t pages)
{
	pthread_t threads[THREADS];

	nr_pages = pages;
	area = live_pages(pages * PAGE);
	memset(area, 0, pages * PAGE);
	until = seconds() + SECONDS;
	live_spread();
	for (size_t n = 0; n < THREADS; n++)
		REQUIRE(pthread_create(&threads[n], NULL, fn,
				       (void *)(uintptr_t)n) == 0);
	for (size_t n = 0; n < THREADS; n++)
		pthread_join(threads[n], NULL);
	CHECK_MSG(nr_lost == 0, "%lu stores were lost", (unsigned long)nr_lost);
	CHECK_MSG(vmstat("pswpout") > 10000, "%lu pages were swapped out",
		  vmstat("pswpout"));
	CHECK(vmstat("pswpin") > 5000);
}

/* Each thread has a word in every page, and knows what it stored there. */
static void *store_a_word_in_each(void *arg)
{
	size_t n = (size_t)(uintptr_t)arg, count = nr_pages;
	uint32_t *expected =
		(uint32_t *)table_create(count * sizeof(*expected));
	uint64_t state = n + 1;

	while (seconds() < until) {
		for (int i = 0; i < 200; i++) {
			uint64_t r = random_next(&state);
			size_t page = r % count;
			volatile uint32_t *word =
				(volatile uint32_t *)(void *)(area +
							      page * PAGE) +
				n * 16;

			if (*word != expected[page])
				__atomic_add_fetch(&nr_lost, 1,
						   __ATOMIC_RELAXED);
			if (r >> 60) {
				*word = (uint32_t)(r >> 20);
				expected[page] = (uint32_t)(r >> 20);
			}
		}
	}
	for (size_t page = 0; page < count; page++) {
		volatile uint32_t *word =
			(volatile uint32_t *)(void *)(area + page * PAGE) +
			n * 16;

		if (*word != expected[page])
			__atomic_add_fetch(&nr_lost, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

LIVE(threads_store_under_heavy_swapping, "ram=24M,swap=128M")
{
	run_threads(store_a_word_in_each, 8000);
}

LIVE(threads_store_with_the_old_replacement,
     "ram=24M,swap=128M,profile=linux-2.6.32")
{
	run_threads(store_a_word_in_each, 8000);
}

LIVE(threads_store_to_huge_pages, "ram=64M,swap=128M,thp=always")
{
	run_threads(store_a_word_in_each, 20000);
}

/* All threads count in the same words. */
static uint64_t counted[THREADS];

static void *count_up(void *arg)
{
	size_t n = (size_t)(uintptr_t)arg;
	uint64_t state = n + 1;

	while (seconds() < until) {
		for (int i = 0; i < 200; i++) {
			size_t page = random_next(&state) % nr_pages;

			__atomic_add_fetch(
				(uint64_t *)(void *)(area + page * PAGE), 1,
				__ATOMIC_RELAXED);
			counted[n]++;
		}
	}
	return NULL;
}

LIVE(threads_count_in_the_same_words, "ram=24M,swap=128M")
{
	uint64_t sum = 0, wanted = 0;

	run_threads(count_up, 8000);
	for (size_t n = 0; n < THREADS; n++)
		wanted += counted[n];
	for (size_t page = 0; page < nr_pages; page++)
		sum += *(uint64_t *)(void *)(area + page * PAGE);
	CHECK_MSG(sum == wanted, "%lu, not %lu", (unsigned long)sum,
		  (unsigned long)wanted);
}

/* One thread throws pages away, while others store to their neighbours. */
static void *give_away(void *arg)
{
	size_t n = (size_t)(uintptr_t)arg, page;
	uint64_t state = n + 1, r;

	if (n > 0)
		return store_a_word_in_each(arg);
	while (seconds() < until) {
		char *mine = (char *)malloc(64 * PAGE), *aligned;

		memset(mine, 3, 64 * PAGE);
		r = random_next(&state);
		page = r % 62;
		mine = (char *)realloc(mine, (size_t)(64 + r % 128) * PAGE);
		if (bytes_differ(mine, 64 * PAGE, 3) != 64 * PAGE)
			__atomic_add_fetch(&nr_lost, 1, __ATOMIC_RELAXED);
		aligned = mine + PAGE - (uintptr_t)mine % PAGE;
		madvise(aligned + page * PAGE, PAGE, MADV_DONTNEED);
		if (bytes_differ(aligned + page * PAGE, PAGE, 0) != PAGE)
			__atomic_add_fetch(&nr_lost, 1, __ATOMIC_RELAXED);
		free(mine);
	}
	return NULL;
}

LIVE(pages_are_thrown_away_beside_stores, "ram=24M,swap=128M")
{
	run_threads(give_away, 8000);
}

/* A page that was only read since it came back is written: the store is seen
 * when it goes out again. */
LIVE(stores_after_a_load, "ram=24M,swap=128M")
{
	size_t pages = 10000;
	char *p = live_pages(pages * PAGE);
	unsigned long sum = 0;

	for (uint64_t round = 1; round <= 8; round++) {
		for (size_t i = 0; i < pages; i++)
			sum += (unsigned char)p[i * PAGE + 100];
		for (size_t i = 0; i < pages; i += round)
			*(volatile uint64_t *)(void *)(p + i * PAGE) = round;
		for (size_t i = 0; i < pages; i++) {
			uint64_t last = 0;

			for (uint64_t r = 1; r <= round; r++)
				if (i % r == 0)
					last = r;
			CHECK(*(volatile uint64_t *)(void *)(p + i * PAGE) ==
			      last);
		}
	}
	CHECK(sum == 0);
	CHECK(vmstat("pswpout") > 10000 && vmstat("pswpin") > 10000);
}

/* Loaded, looked at by reclaim, loaded again, then stored to: one page. */
LIVE(a_page_goes_out_clean_once_and_dirty_later, "ram=24M,swap=128M")
{
	char *p = live_pages(PAGE), *rest = live_pages(40 * MIB);
	unsigned long out;

	memset(p, 1, PAGE);
	for (int round = 2; round < 12; round++) {
		out = vmstat("pswpout");
		memset(rest, round, 40 * MIB);
		CHECK(vmstat("pswpout") > out);
		CHECK(bytes_differ(p, PAGE, (unsigned)round - 1) == PAGE);
		memset(rest, round, 2 * MIB);
		CHECK(bytes_differ(p, PAGE, (unsigned)round - 1) == PAGE);
		memset(p, round, PAGE);
	}
	CHECK(bytes_differ(rest, 40 * MIB, 11) == 40 * MIB);
}

TAP_MAIN
