/*
 * os_host.c: the real system keeps the contract of <mmsim/os.h>.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct mmsim_os *os;
static size_t page;

static void setup(void)
{
	os = mmsim_os_host();
	page = os->page_size;
	errno = 4711;
}

/* No operation may touch errno, whatever it answers. */
static void teardown(void)
{
	cr_assert_eq(errno, 4711);
}

TestSuite(os_host, .init = setup, .fini = teardown);

/* Pages of [addr, addr + len) that are in memory. */
static size_t resident_pages(void *addr, size_t len)
{
	unsigned char present[64];
	size_t n = 0;

	cr_assert_leq(len / page, sizeof(present));
	cr_assert_eq(mincore(addr, len, present), 0);
	for (size_t i = 0; i < len / page; i++)
		n += present[i] & 1;
	return n;
}

Test(os_host, is_one_and_complete)
{
	cr_assert_eq(os, mmsim_os_host());
	cr_assert_eq(page, (size_t)sysconf(_SC_PAGESIZE));
	cr_assert_geq(os->nr_cpus(os->ctx), 1u);
	cr_assert_leq(os->nr_cpus(os->ctx),
		      (unsigned)sysconf(_SC_NPROCESSORS_CONF));
}

Test(os_host, one_cpu_of_affinity_is_one_cpu)
{
	cpu_set_t one, all;
	int cpu = 0;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	cr_assert_eq(os->nr_cpus(os->ctx), 1u);
	sched_setaffinity(0, sizeof(all), &all);
}

Test(os_host, map_is_writable_zeroed_and_goes_back)
{
	size_t len = 8 * page;
	char *p = os->map(os->ctx, len);

	cr_assert_not_null(p);
	cr_assert(all_zero(p, len));
	pattern_fill(p, len, 1);
	cr_assert(pattern_holds(p, len, 1));
	cr_assert_eq(os->unmap(os->ctx, p, len), 0);
	cr_assert_eq(mincore(p, len, (unsigned char[8]){0}), -1);
	errno = 4711;
}

Test(os_host, impossible_lengths_fail)
{
	cr_assert_null(os->map(os->ctx, (size_t)1 << 62));
	cr_assert_null(os->reserve(os->ctx, (size_t)1 << 62));
	cr_assert_eq(os->unmap(os->ctx, (void *)1, page), -EINVAL);
	cr_assert_eq(os->commit(os->ctx, (void *)page, page), -ENOMEM);
}

Test(os_host, reserved_memory_is_committed_and_decommitted)
{
	size_t len = 16 * page;
	char *p = os->reserve(os->ctx, len);

	cr_assert_not_null(p);
	cr_assert_eq(os->commit(os->ctx, p + page, 4 * page), 0);
	cr_assert(all_zero(p + page, 4 * page));
	pattern_fill(p + page, 4 * page, 2);
	cr_assert_eq(os->decommit(os->ctx, p + 2 * page, 2 * page), 0);
	cr_assert(pattern_holds(p + page, page, 2));
	cr_assert_eq(resident_pages(p + 2 * page, 2 * page), 0u);
	cr_assert_eq(os->commit(os->ctx, p + 2 * page, 2 * page), 0);
	cr_assert(all_zero(p + 2 * page, 2 * page));
	cr_assert_eq(os->unmap(os->ctx, p, len), 0);
}

/* The kernel cannot read it for us either, and says so without a signal. */
Test(os_host, a_reservation_cannot_be_touched)
{
	char *p = os->reserve(os->ctx, 4 * page);
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(write(fds[1], p, 1), -1);
	cr_assert_eq(errno, EFAULT);
	errno = 4711;
	os->unmap(os->ctx, p, 4 * page);
}

Test(os_host, purged_pages_read_as_zeros)
{
	size_t len = 4 * page;
	char *p = os->map(os->ctx, len);

	pattern_fill(p, len, 3);
	cr_assert_eq(os->purge(os->ctx, p + page, 2 * page), 0);
	cr_assert_eq(resident_pages(p, len), 2u);
	cr_assert(all_zero(p + page, 2 * page));
	cr_assert(pattern_holds(p, page, 3));
	os->unmap(os->ctx, p, len);
}

Test(os_host, locked_pages_are_not_purged)
{
	char *p = os->map(os->ctx, page);

	/* A sanitizer makes a call of the function do nothing. */
	cr_assert_eq(syscall(SYS_mlock, p, page), 0);
	pattern_fill(p, page, 4);
	cr_assert_eq(os->purge(os->ctx, p, page), -EINVAL);
	cr_assert(pattern_holds(p, page, 4));
	os->unmap(os->ctx, p, page);
}

/* A kernel before 5.14 says EINVAL, and is not asked again. */
Test(os_host, populate_fetches_pages_or_says_no)
{
	size_t len = 8 * page;
	char *p = os->map(os->ctx, len);
	int result = os->populate(os->ctx, p, len);

	if (result == 0)
		cr_assert_eq(resident_pages(p, len), 8u);
	else
		cr_assert_eq(result, -EINVAL);
	cr_assert_eq(os->populate(os->ctx, p, len), result);
	cr_assert(all_zero(p, len));
	os->unmap(os->ctx, p, len);
}

/* What cannot be populated does not switch the rest off. */
Test(os_host, a_populate_that_fails_does_not_end_all)
{
	char *p = os->map(os->ctx, 4 * page);
	int result = os->populate(os->ctx, p, page);

	cr_assert_eq(os->populate(os->ctx, p + 1, page), -EINVAL);
	cr_assert_eq(os->populate(os->ctx, p + page, page), result);
	os->unmap(os->ctx, p, 4 * page);
}

Test(os_host, remap_keeps_contents)
{
	size_t len = 4 * page;
	char *p = os->map(os->ctx, len);
	char *q;

	pattern_fill(p, len, 5);
	q = os->remap(os->ctx, p, len, 64 * page, 1);
	cr_assert_not_null(q);
	cr_assert(pattern_holds(q, len, 5));
	cr_assert(all_zero(q + len, 60 * page));
	p = os->remap(os->ctx, q, 64 * page, 2 * page, 0);
	cr_assert_eq(p, q);
	cr_assert(pattern_holds(p, 2 * page, 5));
	os->unmap(os->ctx, p, 2 * page);
}

Test(os_host, remap_in_place_fails_when_it_would_have_to_move)
{
	char *p = os->map(os->ctx, 4 * page);

	pattern_fill(p, 2 * page, 6);
	cr_assert_null(os->remap(os->ctx, p, 2 * page, 8 * page, 0));
	cr_assert(pattern_holds(p, 2 * page, 6));
	os->unmap(os->ctx, p, 4 * page);
}

Test(os_host, sbrk_moves_the_break)
{
	char *old = os->sbrk(os->ctx, 0);
	char *p = os->sbrk(os->ctx, (intptr_t)(2 * page));

	cr_assert_eq(p, old);
	cr_assert_eq((char *)sbrk(0), old + 2 * page);
	cr_assert(all_zero(p, 2 * page));
	cr_assert_eq((char *)os->sbrk(os->ctx, -(intptr_t)(2 * page)),
		     old + 2 * page);
	cr_assert_eq((char *)os->sbrk(os->ctx, 0), old);
}

Test(os_host, sbrk_over_the_limit_fails)
{
	struct rlimit limit = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
	void *old = os->sbrk(os->ctx, 0);

	cr_assert_eq(setrlimit(RLIMIT_DATA, &limit), 0);
	cr_assert_null(os->sbrk(os->ctx, (intptr_t)(16 * page)));
	cr_assert_eq(os->sbrk(os->ctx, 0), old);
}

Test(os_host, hugepage_is_a_hint)
{
	size_t len = 4u << 20;
	char *p = os->map(os->ctx, len);
	int result = os->hugepage(os->ctx, p, len);

	/* EINVAL: a kernel that was built without them. */
	cr_assert(result == 0 || result == -EINVAL);
	cr_assert(all_zero(p, page));
	os->unmap(os->ctx, p, len);
}

Test(os_host, time_does_not_run_backwards)
{
	uint64_t last = os->now_ns(os->ctx), first = last;

	for (int i = 0; i < 100000; i++) {
		uint64_t now = os->now_ns(os->ctx);

		cr_assert_geq(now, last);
		last = now;
	}
	cr_assert_gt(first, 0u);
}

Test(os_host, entropy_differs)
{
	uint64_t drawn[64], ones = 0, zeros = 0;

	for (int i = 0; i < 64; i++) {
		drawn[i] = os->entropy(os->ctx);
		ones |= drawn[i];
		zeros |= ~drawn[i];
		for (int j = 0; j < i; j++)
			cr_assert_neq(drawn[i], drawn[j]);
	}
	cr_assert_eq(ones, UINT64_MAX);
	cr_assert_eq(zeros, UINT64_MAX);
}
