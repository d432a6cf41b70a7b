/*
 * host_limit.h: resource limits that are not meant for what mmsim makes.
 *
 * A window and its file are as large as the address space of a task, and cost
 * only what is used of them; and a program may have no descriptor left when it
 * forks.  So these limits are as high as they can be while windows are made.
 *
 * Source: setrlimit(2).
 */
#ifndef MMU_HOST_LIMIT_H
#define MMU_HOST_LIMIT_H

#include <sys/resource.h>

enum { HOST_LIMITS = 4 };

struct host_limits {
	struct rlimit was[HOST_LIMITS];
};

/* Sizes of files and numbers of descriptors. */
void host_limits_lift(struct host_limits *limits);
/* Addresses and data as well: what else the process maps may grow meanwhile. */
void host_limits_lift_all(struct host_limits *limits);
void host_limits_restore(const struct host_limits *limits);

#endif
