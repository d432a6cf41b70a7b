/*
 * host_limit.c: limits are lifted for a moment.
 *
 * To infinity by a process that may, else to the hard limit.  They are of the
 * whole process: other threads profit from it as well.
 *
 * Source: setrlimit(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mmu/host_limit.h"

#include "base/base.h"

/* Those of memory come last. */
static const int limit_of[HOST_LIMITS] = {RLIMIT_FSIZE, RLIMIT_NOFILE,
					  RLIMIT_AS, RLIMIT_DATA};
enum { LIMITS_OF_FILES = 2 };
/* Descriptors have no infinity; so many more are needed. */
enum { MORE_DESCRIPTORS = 64 };

static void limit_lift(unsigned i, struct rlimit *was)
{
	struct rlimit high;

	getrlimit(limit_of[i], was);
	high = *was;
	if (limit_of[i] != RLIMIT_NOFILE)
		high.rlim_cur = high.rlim_max = RLIM_INFINITY;
	else
		high.rlim_cur = high.rlim_max += MORE_DESCRIPTORS;
	if (setrlimit(limit_of[i], &high) == 0)
		return;
	high = *was;
	high.rlim_cur = high.rlim_max;
	setrlimit(limit_of[i], &high);
}

void host_limits_lift(struct host_limits *limits)
{
	for (unsigned i = 0; i < LIMITS_OF_FILES; i++)
		limit_lift(i, &limits->was[i]);
	for (unsigned i = LIMITS_OF_FILES; i < HOST_LIMITS; i++)
		getrlimit(limit_of[i], &limits->was[i]);
}

void host_limits_lift_all(struct host_limits *limits)
{
	for (unsigned i = 0; i < HOST_LIMITS; i++)
		limit_lift(i, &limits->was[i]);
}

void host_limits_restore(const struct host_limits *limits)
{
	for (unsigned i = 0; i < HOST_LIMITS; i++)
		setrlimit(limit_of[i], &limits->was[i]);
}
