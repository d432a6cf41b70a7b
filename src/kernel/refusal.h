/*
 * refusal.h: which rule said no to a system call.
 *
 * Nearly all of them answer with -ENOMEM.  The place that refuses notes the
 * rule, so that a report can tell what to change; the last one noted in a call
 * that failed is why it failed.  A call that succeeds may have noted one too,
 * on a way that it gave up.
 */
#ifndef KERNEL_REFUSAL_H
#define KERNEL_REFUSAL_H

enum refusal {
	REFUSAL_NONE,
	REFUSAL_COMMIT_LIMIT, /* overcommit_memory 2 */
	REFUSAL_HEURISTIC,    /* overcommit_memory 0 */
	REFUSAL_RLIMIT_AS,
	REFUSAL_RLIMIT_DATA,
	REFUSAL_MAX_MAP_COUNT,
	REFUSAL_ADDRESS_SPACE, /* no hole is large enough */
	REFUSAL_NO_MEMORY,     /* for the kernel's own records and tables */
};

#endif
