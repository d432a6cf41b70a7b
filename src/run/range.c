/*
 * range.c: calls about a range of addresses.
 *
 * A range that is partly the simulated task's is dealt with piece by piece,
 * from low to high, until one fails: so does the kernel with a range of several
 * areas.
 *
 * Sources: mprotect(2), munmap(2), madvise(2), posix_madvise(3), mlock(2),
 * mincore(2), msync(2), pkeys(7).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "run/run.h"

#include <sys/mman.h>

enum { RUN_PAGE = 4096 };

enum run_where run_find(const void *addr, size_t len, struct run_range *range)
{
	uintptr_t from = (uintptr_t)addr, to = from + align_up(len, RUN_PAGE);
	uintptr_t start, end;

	range->sim = run_sim();
	if (LIKELY(!range->sim))
		return RUN_OUTSIDE;
	mmsim_sim_window(range->sim, &start, &end);
	/* What wraps around is the kernel's to refuse. */
	if (to < from || from >= end || (to <= start && from < start))
		return RUN_OUTSIDE;
	range->start = from < start ? start : from;
	range->end = to < end ? to : end;
	return from == range->start && to == range->end ? RUN_INSIDE
							: RUN_STRADDLES;
}

static int real_call(long nr, uintptr_t from, uintptr_t to, long arg)
{
	return from < to ? (int)syscall(nr, from, to - from, arg) : 0;
}

static int range_call(long nr, void *addr, size_t len, long arg)
{
	uintptr_t from = (uintptr_t)addr, to = from + align_up(len, RUN_PAGE);
	struct run_range range;
	enum run_where where = run_find(addr, len, &range);

	if (where == RUN_OUTSIDE)
		return (int)syscall(nr, addr, len, arg);
	if (where == RUN_INSIDE)
		return (int)run_result(mmsim_sim_syscall(
			range.sim, nr, from, len, (uintptr_t)arg, 0));
	if (real_call(nr, from, range.start, arg) ||
	    run_result(mmsim_sim_syscall(range.sim, nr, range.start,
					 range.end - range.start,
					 (uintptr_t)arg, 0)))
		return -1;
	return real_call(nr, range.end, to, arg);
}

PUBLIC int mprotect(void *addr, size_t len, int prot)
{
	return range_call(SYS_mprotect, addr, len, prot);
}

PUBLIC int munmap(void *addr, size_t len)
{
	return range_call(SYS_munmap, addr, len, 0);
}

PUBLIC int madvise(void *addr, size_t len, int advice)
{
	return range_call(SYS_madvise, addr, len, advice);
}

PUBLIC int mlock(const void *addr, size_t len)
{
	return range_call(SYS_mlock, (void *)(uintptr_t)addr, len, 0);
}

PUBLIC int mlock2(const void *addr, size_t len, unsigned flags)
{
	return range_call(SYS_mlock2, (void *)(uintptr_t)addr, len, flags);
}

PUBLIC int munlock(const void *addr, size_t len)
{
	return range_call(SYS_munlock, (void *)(uintptr_t)addr, len, 0);
}

PUBLIC int msync(void *addr, size_t len, int flags)
{
	return range_call(SYS_msync, addr, len, flags);
}

/* The advice to forget is ignored: POSIX does not let it lose anything. */
PUBLIC int posix_madvise(void *addr, size_t len, int advice)
{
	int saved = errno, error = 0;

	if (advice == POSIX_MADV_DONTNEED)
		return 0;
	if (range_call(SYS_madvise, addr, len, advice))
		error = errno;
	errno = saved;
	return error;
}

/* A simulated task has no protection keys. */
PUBLIC int pkey_mprotect(void *addr, size_t len, int prot, int pkey)
{
	struct run_range range;

	if (pkey == -1)
		return mprotect(addr, len, prot);
	if (run_find(addr, len, &range) == RUN_OUTSIDE)
		return (int)syscall(SYS_pkey_mprotect, addr, len, prot, pkey);
	errno = EINVAL;
	return -1;
}

/* The server must not write to the task's memory: the answer goes through the
 * stack. */
static int range_mincore(struct mmsim_sim *sim, uintptr_t addr, size_t len,
			 unsigned char *vec)
{
	unsigned char part[256];

	do {
		size_t n = min_size(len, sizeof(part) * RUN_PAGE);

		if (run_result(mmsim_sim_syscall(sim, SYS_mincore, addr, n,
						 (uintptr_t)part, 0)))
			return -1;
		for (size_t i = 0; i < align_up(n, RUN_PAGE) / RUN_PAGE; i++)
			*vec++ = part[i];
		addr += n;
		len -= n;
	} while (len > 0);
	return 0;
}

PUBLIC int mincore(void *addr, size_t len, unsigned char *vec)
{
	struct run_range range;

	switch (run_find(addr, len, &range)) {
	case RUN_OUTSIDE:
		return (int)syscall(SYS_mincore, addr, len, vec);
	case RUN_INSIDE:
		return range_mincore(range.sim, (uintptr_t)addr, len, vec);
	default:
		errno = ENOMEM;
		return -1;
	}
}
