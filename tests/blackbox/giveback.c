/*
 * giveback.c: when everything is freed, one later call gives the memory back.
 *
 * A process fills itself with 40 MiB, frees all of it, lets the decay time and
 * as much again go by, makes one call, and has at most a tenth of its peak left,
 * beside the caches of threads that are asleep.
 * Whatever the sizes, the order of the frees, who frees, how long that takes, who
 * calls what, and how long the blocks have taken turns before.
 * Each scenario is a process of its own; the decay time is 100 ms, and in one
 * case the default.
 */
#include "tap.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

enum {
	TOTAL = 40 << 20,
	DECAY_MS = 100,
	MAX_THREADS = 4,
	PARTS = 32,
	KEPT = 20
};

enum sizes { TINY, SMALL, MEDIUM, LARGE, MAPPED, HUGE, MIXED, NR_SIZES };
enum order { FORWARD, BACKWARD, SCATTERED, NR_ORDERS };
/* Who frees what thread i has allocated. */
enum freed_by {
	ITSELF,
	ITSELF_AND_ENDS,
	THE_NEXT,
	MAIN,
	NR_FREED_BY,
	/* Main, but most by another thread, or cut by realloc. */
	MOST_BY_A_THREAD = NR_FREED_BY,
	MOST_BY_REALLOC
};
enum last_call {
	MALLOC_1,
	MALLOC_100,
	MALLOC_1000,
	MALLOC_100000,
	FREE_OLD,
	CALLOC,
	REALLOC,
	PAIR,
	NR_CALLS
};

struct scenario {
	enum sizes sizes;
	enum order order;
	unsigned nr_threads; /* beside main; 0: main does it */
	enum freed_by by;
	enum last_call call;
	long pause_ms;  /* after each of so many PARTS of the frees */
	unsigned turns; /* a block is freed and another made, before all that */
	unsigned
		again; /* all but a part is freed, and so many percent made again */
};

/* What one thread has allocated. */
struct load {
	void **p;
	size_t room, count;
	uint64_t state;
};

static const struct scenario *now;
static struct load loads[MAX_THREADS];
static pthread_barrier_t filled, freed;

static size_t pick(uint64_t *state)
{
	switch (now->sizes) {
	case TINY:
		return 64;
	case SMALL:
		return 16 + random_next(state) % 1000;
	case MEDIUM:
		return 1024 + random_next(state) % 30000;
	case LARGE:
		return 40000 + random_next(state) % 80000;
	case MAPPED:
		return 200000;
	case HUGE:
		return 4 << 20;
	default:
		return random_size(state, 300000);
	}
}

static void *block_new(struct load *load, size_t *bytes)
{
	size_t n = pick(&load->state);
	void *p = hide_ptr(malloc(n));

	REQUIRE(p);
	*bytes += n;
	return memset(p, 1, n);
}

/* Frees all but one in KEPT, and allocates up to `total` anew. */
static void shrink_and_grow(struct load *load, size_t total)
{
	size_t kept = load->count / KEPT, bytes = 0;

	while (load->count > kept)
		free(load->p[--load->count]);
	while (bytes < total)
		load->p[load->count++] = block_new(load, &bytes);
}

static void fill(struct load *load, size_t total)
{
	size_t bytes = 0;

	load->room = (total / 16 + 1) * sizeof(*load->p);
	load->p = mmap(NULL, load->room, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(load->p != MAP_FAILED);
	while (bytes < total)
		load->p[load->count++] = block_new(load, &bytes);
	for (unsigned i = 0; i < now->turns; i++) {
		void **p = &load->p[random_next(&load->state) % load->count];

		free(*p);
		*p = block_new(load, &bytes);
	}
	if (now->again)
		shrink_and_grow(load, total / 100 * now->again);
}

static void empty(struct load *load)
{
	size_t i, n = load->count;

	for (i = n; now->order == SCATTERED && i-- > 1;) {
		size_t j = random_next(&load->state) % (i + 1);
		void *p = load->p[i];

		load->p[i] = load->p[j];
		load->p[j] = p;
	}
	for (i = 0; i < n; i++) {
		free(load->p[now->order == BACKWARD ? n - 1 - i : i]);
		if (now->pause_ms && i % (n / PARTS + 1) == 0)
			sleep_ms(now->pause_ms);
	}
	munmap(load->p, load->room);
}

static void *free_most(void *arg)
{
	struct load *load = arg;

	for (size_t i = load->count / 50; i < load->count / 5 * 4; i++)
		load->p[i] = hide_ptr(realloc(
			load->p[i], now->by == MOST_BY_REALLOC ? 100 : 0));
	return NULL;
}

/* A little, then most of it in another way. */
static void empty_but_little(struct load *load)
{
	pthread_t thread;

	for (size_t i = 0; i < load->count / 50; i++) {
		free(load->p[i]);
		load->p[i] = NULL;
	}
	if (now->by == MOST_BY_REALLOC) {
		free_most(load);
		return;
	}
	REQUIRE(pthread_create(&thread, NULL, free_most, load) == 0);
	pthread_join(thread, NULL);
}

static void *work(void *arg)
{
	size_t i = (size_t)((struct load *)arg - loads);

	fill(&loads[i], TOTAL / now->nr_threads);
	pthread_barrier_wait(&filled);
	if (now->by == THE_NEXT)
		i = (i + 1) % now->nr_threads;
	if (now->by != MAIN)
		empty(&loads[i]);
	pthread_barrier_wait(&freed);
	while (now->by != ITSELF_AND_ENDS)
		pause();
	return NULL;
}

static void fill_and_free(void)
{
	pthread_t thread[MAX_THREADS];
	unsigned i, n = now->nr_threads;

	for (i = 0; i < MAX_THREADS; i++)
		loads[i].state = i + 1;
	if (n == 0) {
		fill(&loads[0], TOTAL);
		if (now->by >= MOST_BY_A_THREAD)
			empty_but_little(&loads[0]);
		empty(&loads[0]);
		return;
	}
	pthread_barrier_init(&filled, NULL, n + 1);
	pthread_barrier_init(&freed, NULL, n + 1);
	for (i = 0; i < n; i++)
		REQUIRE(pthread_create(&thread[i], NULL, work, &loads[i]) == 0);
	pthread_barrier_wait(&filled);
	for (i = 0; now->by == MAIN && i < n; i++)
		empty(&loads[i]);
	pthread_barrier_wait(&freed);
	for (i = 0; now->by == ITSELF_AND_ENDS && i < n; i++)
		pthread_join(thread[i], NULL);
}

static void call_once(void *old)
{
	const size_t sizes[] = {1, 100, 1000, 100000};

	switch (now->call) {
	case FREE_OLD:
		free(old);
		break;
	case CALLOC:
		hide_ptr(calloc(10, 10));
		break;
	case REALLOC:
		hide_ptr(realloc(old, 2000));
		break;
	case PAIR:
		free(hide_ptr(malloc(100)));
		break;
	default:
		hide_ptr(malloc(sizes[now->call]));
	}
}

/* A thread that sleeps keeps its cache, and the runs that the chunks in it are
 * of; nobody else can take it. */
static size_t allowed_bytes(size_t before)
{
	size_t asleep = now->by == ITSELF_AND_ENDS ? 0 : now->nr_threads;

	return (before + TOTAL) / 10 + asleep * 3 * MIB / 2;
}

/* In a process of its own: exits with 0 when no more than a tenth is left.  The
 * peak counts without the table of pointers. */
static void run(const struct scenario *scenario, long decay_ms)
{
	size_t before, after;
	void *old;

	now = scenario;
	old = hide_ptr(malloc(1000));
	free(hide_ptr(malloc(100)));
	before = rss_bytes();
	fill_and_free();
	sleep_ms(2 * decay_ms);
	call_once(old);
	after = rss_bytes();
	if (after > allowed_bytes(before))
		tap_say("# sizes %d, order %d, %u threads, freed by %d, call "
			"%d: %zu KiB before, %zu KiB left\n",
			now->sizes, now->order, now->nr_threads, now->by,
			now->call, before / 1024, after / 1024);
	_exit(after > allowed_bytes(before));
}

static void expect(struct scenario scenario, long decay_ms)
{
	pid_t pid = fork();
	int status;

	REQUIRE(pid >= 0);
	if (pid == 0)
		run(&scenario, decay_ms);
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK_MSG(status == 0, "status %x", status);
}

/* The options are read when the process starts: it starts once more. */
static void with_short_decay(const char *name)
{
	char *argv[] = {(char *)(uintptr_t) "test",
			(char *)(uintptr_t) "--case", (char *)(uintptr_t)name,
			NULL};

	if (getenv("MMSIM_DECAY_MS"))
		return;
	setenv("MMSIM_DECAY_MS", "100", 1);
	execv("/proc/self/exe", argv);
	REQUIRE(0);
}

CASE(one_thread_all_sizes_and_orders)
{
	with_short_decay(__func__);
	for (int sizes = 0; sizes < NR_SIZES; sizes++)
		for (int order = 0; order < NR_ORDERS; order++)
			expect((struct scenario){sizes, order, 0, ITSELF,
						 MALLOC_100, 0, 0, 0},
			       DECAY_MS);
}

CASE(any_call_does)
{
	with_short_decay(__func__);
	for (int call = 0; call < NR_CALLS; call++)
		expect((struct scenario){MIXED, SCATTERED, 0, ITSELF, call, 0,
					 0, 0},
		       DECAY_MS);
}

CASE(any_call_of_a_thread_that_had_no_part_does)
{
	with_short_decay(__func__);
	for (int call = 0; call < NR_CALLS; call++)
		expect((struct scenario){SMALL, SCATTERED, 2, ITSELF, call, 0,
					 0, 0},
		       DECAY_MS);
}

CASE_WITHIN(120, threads_that_wait_or_have_ended_or_free_for_each_other)
{
	with_short_decay(__func__);
	for (int by = 0; by < NR_FREED_BY; by++)
		for (int sizes = 0; sizes < NR_SIZES; sizes++)
			expect((struct scenario){sizes, SCATTERED, MAX_THREADS,
						 by, MALLOC_100, 0, 0, 0},
			       DECAY_MS);
}

CASE(most_is_freed_where_the_arenas_thread_does_not_see_it)
{
	with_short_decay(__func__);
	for (int by = MOST_BY_A_THREAD; by <= MOST_BY_REALLOC; by++)
		for (int sizes = SMALL; sizes <= LARGE; sizes++)
			expect((struct scenario){.sizes = sizes,
						 .by = by,
						 .call = MALLOC_100},
			       DECAY_MS);
}

CASE_WITHIN(120, frees_that_take_longer_than_the_decay_time)
{
	with_short_decay(__func__);
	for (long pause_ms = 4; pause_ms < DECAY_MS / 3; pause_ms += 7)
		for (int by = 0; by < NR_FREED_BY; by++)
			expect((struct scenario){SMALL, SCATTERED, MAX_THREADS,
						 by, MALLOC_100, pause_ms, 0,
						 0},
			       DECAY_MS);
}

/* Classes of blocks that take turns are hot, and keep chunks for their like.
 * (What a thread that is asleep has in its cache is then on pages all over its
 * arena, so each thread frees its own.) */
CASE_WITHIN(120, blocks_that_have_taken_turns)
{
	with_short_decay(__func__);
	for (int sizes = SMALL; sizes <= LARGE; sizes++)
		for (int by = ITSELF; by <= ITSELF_AND_ENDS; by++)
			expect((struct scenario){.sizes = sizes,
						 .nr_threads = MAX_THREADS,
						 .by = by,
						 .call = MALLOC_100,
						 .turns = 60000},
			       DECAY_MS);
}

/* An arena that waits has grown again, but is not in use by half, when another
 * thread frees the rest. */
CASE(what_has_grown_again_while_it_waited)
{
	with_short_decay(__func__);
	for (unsigned again = 10; again <= 45; again += 5)
		for (unsigned nr_threads = 1; nr_threads <= 2; nr_threads++)
			expect((struct scenario){.sizes = SMALL,
						 .order = FORWARD,
						 .nr_threads = nr_threads,
						 .by = MAIN,
						 .call = MALLOC_100,
						 .again = again},
			       DECAY_MS);
}

CASE(with_the_default_decay_time)
{
	expect((struct scenario){MIXED, SCATTERED, 2, ITSELF, PAIR, 0, 0, 0},
	       1000);
}

TAP_MAIN
