/*
 * realtime.c: after the warm-up, no system call any more.
 *
 * The recipe of real-time programs: mallopt(M_TRIM_THRESHOLD, -1), allocate
 * and touch once as much as will ever be needed, free it, and from then on
 * malloc and free ask the kernel for nothing and give nothing back.  It holds
 * for sizes below the mmap threshold, and with M_MMAP_MAX = 0 for all sizes.
 * The calls are counted by a seccomp filter, which first has to prove that it
 * counts.
 */
#include "syscount.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>

enum { NR_BLOCK = 4000 };

static unsigned char *blocks[NR_BLOCK];

static void *get(size_t n)
{
	void *p = hide_ptr(malloc(n));

	REQUIRE_MSG(p, "malloc(%zu) failed", n);
	return p;
}

/* Touches `total` bytes in blocks of n and frees them all. */
static void warm_up(size_t total, size_t n)
{
	size_t count = total / n, i;
	unsigned char **p = table_create(count * sizeof(*p));

	for (i = 0; i < count; i++)
		p[i] = memset(get(n), 1, n);
	for (i = 0; i < count; i++)
		free(p[i]);
}

/* Random blocks up to `most` bytes, at most `total` at a time. */
static void work(size_t total, size_t most, size_t steps)
{
	static size_t size[NR_BLOCK];
	uint64_t state = 9;
	size_t in_use = 0, step;

	for (step = 0; step < steps; step++) {
		size_t i = random_next(&state) % NR_BLOCK;
		size_t n = random_size(&state, most);

		in_use -= size[i];
		free(blocks[i]);
		blocks[i] = NULL;
		size[i] = 0;
		if (in_use + n > total)
			continue;
		blocks[i] = memset(get(n), (int)i, n);
		size[i] = n;
		in_use += n;
	}
	for (step = 0; step < NR_BLOCK; step++) {
		free(blocks[step]);
		blocks[step] = NULL;
	}
}

static void expect_silence(void)
{
	CHECK_MSG(syscount_calls == 0, "%d system calls, the last number %d",
		  syscount_calls, syscount_last);
}

CASE(the_counter_counts)
{
	void *p;

	syscount_start();
	p = hide_ptr(malloc(MIB));
	CHECK(!p);
	CHECK(syscount_calls > 0);
}

CASE(small_sizes_are_silent)
{
	CHECK(mallopt(M_TRIM_THRESHOLD, -1) == 1);
	warm_up(64 * MIB, 60000);
	syscount_start();
	work(16 * MIB, 1000, 300000);
	expect_silence();
}

CASE(sizes_below_the_threshold_are_silent)
{
	CHECK(mallopt(M_TRIM_THRESHOLD, -1) == 1);
	warm_up(64 * MIB, 60000);
	syscount_start();
	work(16 * MIB, 120000, 300000);
	expect_silence();
}

CASE(all_sizes_are_silent_without_mmap)
{
	CHECK(mallopt(M_TRIM_THRESHOLD, -1) == 1);
	CHECK(mallopt(M_MMAP_MAX, 0) == 1);
	warm_up(256 * MIB, 200 * MIB);
	syscount_start();
	work(48 * MIB, 3 * MIB, 100000);
	expect_silence();
}

/* The same blocks again: what was enough once is enough for ever. */
CASE(the_same_load_again_is_silent)
{
	const size_t sizes[] = {24, 100, 1000, 3000, 20000, 100000};
	size_t i, round;

	CHECK(mallopt(M_TRIM_THRESHOLD, -1) == 1);
	for (i = 0; i < 6; i++)
		warm_up(8 * MIB, sizes[i]);
	syscount_start();
	for (round = 0; round < 4; round++)
		for (i = 0; i < 2000; i++) {
			blocks[i] = get(sizes[i % 6] / 10 + 1);
			blocks[i] = hide_ptr(realloc(blocks[i], 1000));
			REQUIRE(blocks[i]);
			free(blocks[i]);
		}
	expect_silence();
}

/* The decay time goes by: purging is switched off as well. */
CASE(it_stays_silent_after_the_decay_time)
{
	CHECK(mallopt(M_TRIM_THRESHOLD, -1) == 1);
	warm_up(32 * MIB, 60000);
	syscount_start();
	work(8 * MIB, 100000, 20000);
	sleep_ms(1300);
	work(8 * MIB, 100000, 20000);
	expect_silence();
}

/* What waits already when the recipe begins does not go later either. */
CASE(what_was_freed_before_stays_silent)
{
	void *mapped = get(5 * MIB);

	CHECK(mallopt(M_MMAP_THRESHOLD, (int)MIB) == 1);
	warm_up(4 * MIB, 100000);
	memset(mapped, 1, 5 * MIB);
	free(mapped);
	CHECK(mallopt(M_TRIM_THRESHOLD, -1) == 1);
	mapped = memset(get(5 * MIB), 1, 5 * MIB);
	warm_up(32 * MIB, 60000);
	free(mapped);
	syscount_start();
	sleep_ms(1300);
	work(8 * MIB, 100000, 20000);
	expect_silence();
}

static sem_t thread_done;

static void *silent_thread(void *arg)
{
	warm_up(48 * MIB, 60000);
	syscount_start();
	work(10 * MIB, 50000, 100000);
	expect_silence();
	sem_post(&thread_done);
	while (!arg)
		pause();
	return NULL;
}

CASE(another_thread_is_silent_too)
{
	pthread_t thread;

	CHECK(mallopt(M_TRIM_THRESHOLD, -1) == 1);
	sem_init(&thread_done, 0, 0);
	REQUIRE(pthread_create(&thread, NULL, silent_thread, NULL) == 0);
	while (sem_wait(&thread_done))
		;
}

/* The kernel refuses everything: free still works and keeps errno. */
CASE(free_preserves_errno_when_the_kernel_refuses)
{
	const size_t sizes[] = {100, 5000, 60000, 300000, 4 * MIB};
	unsigned char *p[5][8];
	size_t i, k;

	for (i = 0; i < 5; i++)
		for (k = 0; k < 8; k++)
			p[i][k] = memset(get(sizes[i]), 1, sizes[i]);
	syscount_start();
	for (i = 0; i < 5; i++)
		for (k = 0; k < 8; k++) {
			errno = EDOM;
			free(p[i][k]);
			CHECK_MSG(errno == EDOM, "size %zu: errno %d", sizes[i],
				  errno);
		}
	errno = 0;
	CHECK(!hide_ptr(malloc(100 * MIB)) && errno == ENOMEM);
	CHECK(hide_ptr(malloc(1000)));
	malloc_trim(0);
	CHECK(hide_ptr(malloc(1000)));
}

TAP_MAIN
