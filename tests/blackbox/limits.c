/*
 * limits.c: memory runs out, and the program goes on.
 *
 * The address space (ulimit -v) or the number of mappings is exhausted: malloc
 * gives NULL and ENOMEM, no live block changes, something freed can be
 * allocated again, and after all is freed as much fits as at first.
 */
#include "tap.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

/* Leaves `bytes` of address space. */
static void leave_space(size_t bytes)
{
	struct rlimit limit;

	limit.rlim_cur = limit.rlim_max = space_bytes() + bytes;
	REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
}

struct link {
	struct link *next;
	uint64_t seed;
};

/* Allocates until nothing is left; the blocks hang in a list. */
static size_t exhaust(struct link **list, size_t n)
{
	size_t count = 0;
	struct link *l;

	for (;;) {
		errno = 0;
		l = hide_ptr(malloc(n));
		if (!l)
			break;
		l->next = *list;
		l->seed = count++;
		pattern_fill(l + 1, n - sizeof(*l), l->seed);
		*list = l;
	}
	CHECK_MSG(errno == ENOMEM, "errno %d", errno);
	return count;
}

static void check_list(const struct link *l, size_t n)
{
	for (; l; l = l->next)
		REQUIRE_MSG(pattern_differs(l + 1, n - sizeof(*l), l->seed) ==
				    n - sizeof(*l),
			    "block %lu changed", (unsigned long)l->seed);
}

static void free_list(struct link **list)
{
	struct link *l;

	while ((l = *list)) {
		*list = l->next;
		errno = EDOM;
		free(l);
		REQUIRE_MSG(errno == EDOM, "free set errno %d", errno);
	}
}

/* Fills 100 MiB with blocks of n, twice, and goes on in between. */
static void exhaust_and_recover(size_t n)
{
	struct link *list = NULL, *one;
	size_t first, again;

	leave_space(100 * MIB);
	first = exhaust(&list, n);
	CHECK_MSG(first * n > 60 * MIB, "%zu blocks of %zu in 100 MiB", first,
		  n);
	check_list(list, n);

	one = list;
	list = list->next;
	free(one);
	one = hide_ptr(malloc(n));
	CHECK_MSG(one, "one block of %zu freed cannot be had again", n);
	free(one);
	check_list(list, n);

	free_list(&list);
	one = hide_ptr(malloc(40 * MIB));
	CHECK_MSG(one, "40 of 100 MiB cannot be had in one piece");
	free(one);
	again = exhaust(&list, n);
	CHECK_MSG(again + 1 >= first - first / 20, "%zu at first, then %zu", first,
		  again);
	check_list(list, n);
	free_list(&list);
}

CASE(address_space_in_blocks_of_24)
{
	exhaust_and_recover(24);
}

CASE(address_space_in_blocks_of_100)
{
	exhaust_and_recover(100);
}

CASE(address_space_in_blocks_of_1000)
{
	exhaust_and_recover(1000);
}

CASE(address_space_in_blocks_of_10000)
{
	exhaust_and_recover(10000);
}

CASE(address_space_in_blocks_of_50000)
{
	exhaust_and_recover(50000);
}

CASE(address_space_in_blocks_of_200000)
{
	exhaust_and_recover(200000);
}

CASE(address_space_in_blocks_of_5_mib)
{
	exhaust_and_recover(5 * MIB);
}

/* Whatever is asked for, an answer that is not NULL can be used. */
CASE(every_function_fails_cleanly_when_nothing_is_left)
{
	struct link *list = NULL;
	unsigned char *block = hide_ptr(malloc(1000));
	void *out = &out;
	size_t n;

	REQUIRE(block);
	pattern_fill(block, 1000, 5);
	leave_space(20 * MIB);
	exhaust(&list, 100000);
	for (n = 200000; n < 4 * GIB; n *= 3) {
		errno = 0;
		CHECK(!hide_ptr(calloc(1, n)) && errno == ENOMEM);
		errno = 0;
		CHECK(!hide_ptr(realloc(hide_ptr(block), n)) &&
		      errno == ENOMEM);
		errno = 0;
		CHECK(!hide_ptr(reallocarray(hide_ptr(block), n, 1)) &&
		      errno == ENOMEM);
		errno = 0;
		CHECK(!hide_ptr(memalign(4096, n)) && errno == ENOMEM);
		errno = 0;
		CHECK(!hide_ptr(aligned_alloc(64, n)) && errno == ENOMEM);
		CHECK(posix_memalign(&out, 64, n) == ENOMEM && out == &out);
		errno = 0;
		CHECK(!hide_ptr(valloc(n)) && errno == ENOMEM);
		errno = 0;
		CHECK(!hide_ptr(pvalloc(n)) && errno == ENOMEM);
		CHECK(pattern_differs(block, 1000, 5) == 1000);
	}
	check_list(list, 100000);
	free_list(&list);
	block = hide_ptr(realloc(block, 10 * MIB));
	REQUIRE(block);
	CHECK(pattern_differs(block, 1000, 5) == 1000);
	free(block);
}

static void *thread_exhausts(void *arg)
{
	struct link *list = NULL;
	size_t first, again;

	(void)arg;
	first = exhaust(&list, 1000);
	CHECK_MSG(first > 10000, "%zu blocks", first);
	check_list(list, 1000);
	free_list(&list);
	again = exhaust(&list, 1000);
	CHECK_MSG(again >= first - first / 20, "%zu at first, then %zu", first,
		  again);
	free_list(&list);
	return NULL;
}

CASE(a_thread_exhausts_the_address_space)
{
	pthread_t thread;

	leave_space(150 * MIB);
	REQUIRE(pthread_create(&thread, NULL, thread_exhausts, NULL) == 0);
	pthread_join(thread, NULL);
	CHECK(hide_ptr(malloc(20 * MIB)));
}

static pthread_barrier_t all_here;

static void *thread_allocates(void *arg)
{
	unsigned char *p = hide_ptr(malloc(1000));

	pthread_barrier_wait(&all_here);
	CHECK_MSG(p, "thread %p got nothing", arg);
	free(p);
	p = hide_ptr(malloc(50000));
	CHECK_MSG(p, "thread %p got no 50000 bytes", arg);
	free(p);
	pthread_barrier_wait(&all_here);
	return NULL;
}

/* No arena may reserve so much that eight threads do not fit into 200 MiB. */
CASE(eight_threads_in_a_small_address_space)
{
	pthread_t thread[8];
	pthread_attr_t attr;
	uintptr_t i;

	leave_space(200 * MIB);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * KIB);
	pthread_barrier_init(&all_here, NULL, 8);
	for (i = 0; i < 8; i++)
		REQUIRE(pthread_create(&thread[i], &attr, thread_allocates,
				       (void *)i) == 0);
	for (i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
}

static size_t max_map_count(void)
{
	char text[32] = "";
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY);

	REQUIRE(fd >= 0);
	REQUIRE(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 10);
}

static unsigned char *obstacle;
static size_t obstacle_bytes;

/* Uses up all mappings but about `left`, by pages of alternating rights. */
static void use_up_mappings(size_t left)
{
	size_t page = page_bytes(), most = max_map_count(), i;

	obstacle_bytes = 2 * most * page;
	obstacle = mmap(NULL, obstacle_bytes, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	REQUIRE(obstacle != MAP_FAILED);
	for (i = 1; 2 * i < most - left; i++)
		if (mprotect(obstacle + 2 * i * page, page, PROT_READ))
			return;
}

enum { NR_MAPPED = 6000 };

static unsigned char *mapped[NR_MAPPED];

/*
 * Mappings next to each other count as one, so freeing every second block
 * needs more and more of them, until munmap itself fails.
 */
CASE(mappings_run_out)
{
	size_t before = space_bytes(), space, i, got;

	CHECK(mallopt(M_MMAP_THRESHOLD, 4096) == 1);
	CHECK(mallopt(M_MMAP_MAX, 1 << 30) == 1);
	use_up_mappings(2000);
	space = space_bytes();
	for (i = 0; i < NR_MAPPED; i++) {
		mapped[i] = hide_ptr(malloc(8000));
		REQUIRE(mapped[i]);
		pattern_fill(mapped[i], 8000, i);
	}
	for (i = 0; i < NR_MAPPED; i += 2) {
		errno = EDOM;
		free(mapped[i]);
		CHECK_MSG(errno == EDOM, "free set errno %d", errno);
	}
	for (i = 1; i < NR_MAPPED; i += 2)
		REQUIRE_MSG(pattern_differs(mapped[i], 8000, i) == 8000,
			    "block %zu changed", i);
	for (i = 0, got = 0; i < NR_MAPPED; i += 2) {
		errno = 0;
		mapped[i] = hide_ptr(malloc(8000));
		got += mapped[i] != NULL;
		CHECK_MSG(mapped[i] || errno == ENOMEM, "errno %d", errno);
	}
	CHECK_MSG(got > 1000, "%zu of 3000 blocks could be had again", got);
	for (i = 0; i < NR_MAPPED; i++)
		free(mapped[i]);
	CHECK_MSG(space_bytes() < space + 64 * MIB, "%zu MiB are left behind",
		  (space_bytes() - space) / MIB);
	munmap(obstacle, obstacle_bytes);
	CHECK(space_bytes() < before + 64 * MIB);
	mapped[0] = hide_ptr(malloc(64 * MIB));
	CHECK(mapped[0]);
	free(mapped[0]);
}

/* Nothing is left at all: heaps and mappings cannot be made. */
CASE(no_mapping_is_left)
{
	struct link *list = NULL;
	size_t count;

	use_up_mappings(0);
	leave_space(64 * MIB);
	count = exhaust(&list, 5000);
	check_list(list, 5000);
	free_list(&list);
	CHECK_MSG(exhaust(&list, 5000) >= count - count / 20, "%zu at first",
		  count);
	free_list(&list);
	munmap(obstacle, obstacle_bytes);
	CHECK(hide_ptr(malloc(MIB)));
}

/* Pages locked in memory cannot be purged: that is no error. */
CASE(locked_pages_survive_trim)
{
	enum { N = 60 };
	static unsigned char *p[N];
	size_t i;

	for (i = 0; i < N; i++) {
		p[i] = hide_ptr(malloc(50000));
		REQUIRE(p[i]);
		pattern_fill(p[i], 50000, i);
	}
	REQUIRE(mlock(p[0], (size_t)(p[N - 1] - p[0])) == 0);
	for (i = 0; i < N; i += 2)
		free(p[i]);
	errno = EDOM;
	malloc_trim(0);
	sleep_ms(1200);
	for (i = 0; i < N; i += 2) {
		p[i] = hide_ptr(calloc(1, 50000));
		REQUIRE(p[i]);
		CHECK(bytes_differ(p[i], 50000, 0) == 50000);
	}
	for (i = 1; i < N; i += 2)
		CHECK(pattern_differs(p[i], 50000, i) == 50000);
}

TAP_MAIN
