/*
 * mlock.h: memory that stays: limits, and the faults that fill it.
 */
#ifndef KERNEL_MLOCK_H
#define KERNEL_MLOCK_H

#include "kernel/task.h"

#include <sys/mman.h>

/* The VM_ bits of PROT_ bits. */
static inline vm_flags_t mmap_prot_flags(int prot)
{
	return (prot & PROT_READ ? VM_READ : 0) |
	       (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

/* RLIMIT_MEMLOCK is not 0, or the task is root. */
bool mlock_is_allowed(const struct mmsim_task *task);
/* len bytes more of these flags stay within RLIMIT_MEMLOCK. */
bool mlock_future_is_allowed(const struct mmsim_task *task, vm_flags_t flags,
			     size_t len);
/* Faults in all areas of [start, end); 0 or the first error, or with
 * `ignore_errors` 0.  The task may have been killed by then. */
int mlock_populate(struct mmsim_task *task, uintptr_t start, uintptr_t end,
		   bool ignore_errors);

#endif
