/*
 * rlimit.h: the limits of a task's resources.
 */
#ifndef KERNEL_RLIMIT_H
#define KERNEL_RLIMIT_H

#include "kernel/task.h"

enum {
	KERNEL_STACK_PAGES = 4, /* of each task: 16 KiB, mapped by vmalloc */
	RLIMIT_MAX_NOFILE = 1 << 20, /* fs.nr_open */
};

/* The limits that init starts with. */
void rlimit_init(struct mmsim_task *init);
/* Threads that the machine may have (kernel.threads-max). */
uint64_t rlimit_max_threads(const struct mmsim_machine *machine);

#endif
