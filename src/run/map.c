/*
 * map.c: calls that make mappings, or concern all of them.
 *
 * Memory that the program maps for itself is real.  Only what it maps in place
 * of memory of the heap is the simulated task's, and that must be anonymous and
 * private.  The real window is never mapped over or locked as a whole: locked
 * pages cannot be taken away, and locking would fill it.
 *
 * Sources: mmap(2), mremap(2), mlockall(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "run/run.h"

#include <stdarg.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static void *map_refused(void)
{
	errno = EINVAL;
	return MAP_FAILED;
}

PUBLIC void *mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset)
{
	struct run_range range;

	if (LIKELY(!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))))
		return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd,
				       offset);
	switch (run_find(addr, len, &range)) {
	case RUN_OUTSIDE:
		return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd,
				       offset);
	case RUN_INSIDE:
		return (void *)run_result(mmsim_sim_syscall(
			range.sim, SYS_mmap, (uintptr_t)addr, len,
			(uintptr_t)prot, (uintptr_t)flags));
	default:
		return map_refused();
	}
}

PUBLIC void *mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset) __attribute__((alias("mmap")));

/* The new address counts with MREMAP_FIXED; a live task has no such call. */
static void *map_resize(void *addr, size_t old_len, size_t new_len, int flags,
			void *to)
{
	struct run_range range;

	switch (run_find(addr, old_len, &range)) {
	case RUN_INSIDE:
		return (void *)run_result(mmsim_sim_syscall(
			range.sim, SYS_mremap, (uintptr_t)addr, old_len,
			new_len, (uintptr_t)flags));
	case RUN_STRADDLES:
		return map_refused();
	default:
		break;
	}
	if ((flags & MREMAP_FIXED) &&
	    run_find(to, new_len, &range) != RUN_OUTSIDE)
		return map_refused();
	return (void *)syscall(SYS_mremap, addr, old_len, new_len, flags, to);
}

PUBLIC void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	void *to = NULL;
	va_list args;

	if (flags & MREMAP_FIXED) {
		va_start(args, flags);
		to = va_arg(args, void *);
		va_end(args);
	}
	return map_resize(addr, old_len, new_len, flags, to);
}

PUBLIC int mlockall(int flags)
{
	struct mmsim_sim *sim = run_sim();

	if (!sim)
		return (int)syscall(SYS_mlockall, flags);
	return (int)run_result(mmsim_sim_syscall(sim, SYS_mlockall,
						 (uintptr_t)flags, 0, 0, 0));
}

PUBLIC int munlockall(void)
{
	struct mmsim_sim *sim = run_sim();

	if (!sim)
		return (int)syscall(SYS_munlockall);
	return (int)run_result(
		mmsim_sim_syscall(sim, SYS_munlockall, 0, 0, 0, 0));
}
