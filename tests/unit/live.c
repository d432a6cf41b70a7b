/*
 * live.c: the live MMU by itself, also as on a host that is older.
 *
 * Before Linux 6.4 a page whose content is there cannot be mapped for reading
 * only, so it is made anew: the same tests must hold.
 */
#include "unit.h"

#include "mmu/live.h"

#include <errno.h>
#include <mmsim/kernel.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	THREADS = 4,
	/* Builds that check themselves all the time are slow. */
	ROUNDS = MMSIM_DEBUG >= 2 ? 4000 : 40000,
	AGES = MMSIM_DEBUG >= 2 ? 3 : 16,
	AREA = MMSIM_DEBUG >= 2 ? 12000 : 5000, /* pages */
};

static struct mmsim_machine *machine;
static struct live *live;

static void start(const char *spec, bool old_host)
{
	struct live_config config = {.old_host = old_host};

	cr_assert_eq(mmsim_machine_boot(spec, &machine), 0);
	cr_assert_eq(mmsim_task_spawn(machine, "live", &config.task), 0);
	cr_assert_eq(live_start(&config, &live), 0);
}

static void stop(void)
{
	char why[200];

	live_stop(live);
	cr_assert_eq(mmsim_machine_validate(machine, why, sizeof(why)), 0, "%s",
		     why);
	mmsim_machine_shutdown(machine);
}

static char *map(size_t len)
{
	intptr_t addr =
		live_syscall(live, LIVE_MMAP, 0, len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS);

	cr_assert_gt(addr, 0);
	return (char *)addr;
}

static uint64_t vmstat(const char *name)
{
	static char text[64 << 10];
	const char *at;

	cr_assert_gt(
		mmsim_proc_read(machine, "/proc/vmstat", text, sizeof(text)),
		0);
	at = strstr(text, name);
	cr_assert_not_null(at);
	return strtoull(at + strlen(name), NULL, 10);
}

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

struct storer {
	char *area;
	size_t pages;
	uint64_t n, nr_lost;
};

/* Loads and stores of one word of each page, in random order. */
static void *store_and_check(void *arg)
{
	struct storer *storer = arg;
	uint32_t *expected = calloc(storer->pages, sizeof(*expected));
	uint64_t state = storer->n + 1;

	for (int i = 0; i < ROUNDS; i++) {
		size_t page = next(&state) % storer->pages;
		volatile uint32_t *word =
			(volatile uint32_t *)(void *)(storer->area +
						      page * PAGE) +
			storer->n;

		if (*word != expected[page])
			storer->nr_lost++;
		if (next(&state) % 2)
			*word = expected[page] = (uint32_t)next(&state);
	}
	free(expected);
	return NULL;
}

static void check_stores(bool old_host)
{
	struct storer storers[THREADS];
	pthread_t threads[THREADS];
	char *area;

	start("ram=16M,swap=64M", old_host);
	area = map(AREA * PAGE);
	for (unsigned n = 0; n < THREADS; n++) {
		storers[n] = (struct storer){area, AREA, n, 0};
		cr_assert_eq(pthread_create(&threads[n], NULL, store_and_check,
					    &storers[n]),
			     0);
	}
	for (unsigned n = 0; n < THREADS; n++) {
		pthread_join(threads[n], NULL);
		cr_expect_eq(storers[n].nr_lost, 0u);
	}
	cr_expect_gt(vmstat("pswpout "), 500u);
	cr_expect_gt(vmstat("pswpin "), 500u);
	stop();
}

TestSuite(live, .timeout = MMSIM_DEBUG >= 2 ? 300 : 60);

Test(live, no_store_is_lost)
{
	check_stores(false);
}

Test(live, no_store_is_lost_on_an_old_host)
{
	check_stores(true);
}

static void load_all(const char *p, size_t pages, char value)
{
	for (size_t i = 0; i < pages; i++)
		cr_assert_eq(((volatile const char *)p)[i * PAGE], value);
}

static void store_all(char *p, size_t pages, char value)
{
	for (size_t i = 0; i < pages; i++)
		((volatile char *)p)[i * PAGE] = value;
}

/*
 * Pages come back from swap by a load, are looked at by reclaim, which takes some
 * of them out of the tables' sight, are loaded again, and stored to: what went to
 * swap before is old now.
 */
static void check_store_after_load(bool old_host)
{
	size_t pages = 800, rest_pages = 6000;
	char *p, *rest;

	start("ram=16M,swap=256M", old_host);
	p = map(pages * PAGE);
	rest = map(rest_pages * PAGE);
	store_all(p, pages, 0);
	for (unsigned round = 1; round < AGES; round++) {
		store_all(rest, rest_pages, (char)round);
		load_all(p, pages, (char)(round - 1));
		store_all(rest, round * 200, (char)round);
		load_all(p, pages, (char)(round - 1));
		store_all(p, pages, (char)round);
	}
	store_all(rest, rest_pages, 1);
	load_all(p, pages, AGES - 1);
	stop();
}

Test(live, a_store_after_a_load_is_seen)
{
	check_store_after_load(false);
}

Test(live, a_store_after_a_load_is_seen_on_an_old_host)
{
	check_store_after_load(true);
}

static void check_fork(bool old_host)
{
	size_t pages = 6000;
	int status;
	pid_t pid;
	char *p;

	start("ram=16M,swap=64M", old_host);
	p = map(pages * PAGE);
	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = (char)(i + 1);
	live_fork_prepare(live);
	pid = fork();
	if (pid == 0) {
		live_fork_child(live);
		for (size_t i = 0; i < pages; i++) {
			if (p[i * PAGE] != (char)(i + 1))
				_exit(1);
			p[i * PAGE] = 7;
		}
		_exit(0);
	}
	live_fork_parent(live);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	for (size_t i = 0; i < pages; i++)
		cr_assert_eq(p[i * PAGE], (char)(i + 1));
	stop();
}

Test(live, fork_copies_the_machine)
{
	check_fork(false);
}

Test(live, fork_copies_the_machine_on_an_old_host)
{
	check_fork(true);
}

Test(live, calls_outside_the_window_are_refused)
{
	uintptr_t first, last;
	char *p;

	start("ram=64M", false);
	live_window(live, &first, &last);
	p = map(PAGE);
	cr_expect(((uintptr_t)p >= first && (uintptr_t)p < last));
	cr_expect_eq(live_syscall(live, LIVE_MUNMAP, first - PAGE, PAGE, 0, 0),
		     -EINVAL);
	cr_expect_eq(
		live_syscall(live, LIVE_MUNMAP, last - PAGE, 2 * PAGE, 0, 0),
		-EINVAL);
	cr_expect_eq(
		live_syscall(live, LIVE_MPROTECT, last, PAGE, PROT_READ, 0),
		-EINVAL);
	cr_expect_eq(live_syscall(live, LIVE_MMAP, first - PAGE, PAGE,
				  PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
		     -EINVAL);
	cr_expect_eq(live_syscall(live, LIVE_MMAP, 0, PAGE, PROT_READ,
				  MAP_SHARED | MAP_ANONYMOUS),
		     -EINVAL);
	cr_expect_eq(live_syscall(live, LIVE_MREMAP, (uintptr_t)p, 0, PAGE,
				  MREMAP_MAYMOVE),
		     -EINVAL);
	/* The answer would be written to memory that the server serves. */
	cr_expect_eq(live_syscall(live, LIVE_MINCORE, (uintptr_t)p, PAGE,
				  (uintptr_t)p, 0),
		     -EFAULT);
	stop();
}
