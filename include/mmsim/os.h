/*
 * mmsim/os.h: the seam between the allocator and the system under it.
 *
 * The allocator asks for memory through one table of operations and in no
 * other way.  The host backend answers with the real brk(2) and mmap(2);
 * other backends fail on purpose, count, or stand on a simulated machine.
 *
 * The contract
 *  - Addresses and lengths are multiples of page_size, but for sbrk.
 *  - Operations that give an address return NULL when they cannot; the
 *    others return 0 or a negative errno value.  errno itself is never
 *    touched, and a failed operation has changed nothing.
 *  - Fresh memory (from sbrk, map, commit) reads as zeros.
 *  - An operation may be called by any thread at any time.  The allocator
 *    holds locks of its own around it, so it must not allocate with malloc.
 *  - `ctx` is the backend's own; it is passed back unchanged.
 *
 * Sources of the rules: brk(2), mmap(2), mremap(2), madvise(2).
 */
#ifndef MMSIM_OS_H
#define MMSIM_OS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mmsim_os {
	void *ctx;
	size_t page_size; /* bytes, a power of two */

	/* Moves the program break by `increment` bytes (0: asks only) and
	 * returns the old break.  Others may move the break in between. */
	void *(*sbrk)(void *ctx, intptr_t increment);

	/* Maps `len` bytes, readable and writable. */
	void *(*map)(void *ctx, size_t len);

	/* Reserves `len` bytes of address space that nobody may touch and
	 * that is not charged against the commit limit. */
	void *(*reserve)(void *ctx, size_t len);

	/* Makes a part of a reservation readable and writable. */
	int (*commit)(void *ctx, void *addr, size_t len);

	/* Turns committed memory back into a reservation; its pages and its
	 * charge are given back. */
	int (*decommit)(void *ctx, void *addr, size_t len);

	/* Gives back address space got from map or reserve: one, a part of it, or
	 * several that lie side by side. */
	int (*unmap)(void *ctx, void *addr, size_t len);

	/* Resizes a mapping; it may move when `may_move` is not 0. */
	void *(*remap)(void *ctx, void *addr, size_t old_len, size_t new_len,
		       int may_move);

	/* Gives the pages back and keeps the addresses: they read as zeros
	 * afterwards.  -EINVAL: not possible here (locked pages). */
	int (*purge)(void *ctx, void *addr, size_t len);

	/* Hint: these pages will be written soon, give them now. */
	int (*populate)(void *ctx, void *addr, size_t len);

	/* Hint: use huge pages here. */
	int (*hugepage)(void *ctx, void *addr, size_t len);

	/* Monotonic time, ns.  A few ms of granularity are enough. */
	uint64_t (*now_ns)(void *ctx);

	/* 64 bits that an attacker of the program cannot guess. */
	uint64_t (*entropy)(void *ctx);

	/* CPUs that this process may use (affinity and quota), at least 1. */
	unsigned (*nr_cpus)(void *ctx);

	/* For a heap that goes on in the child of fork(2); NULL: nothing to do.
	 * Called like the handlers of pthread_atfork(3), prepare after the heap
	 * has taken its locks, the others before it drops them. */
	void (*fork_prepare)(void *ctx);
	void (*fork_parent)(void *ctx);
	void (*fork_child)(void *ctx);
};

/* The real system.  Always the same address; never NULL. */
const struct mmsim_os *mmsim_os_host(void);

/*
 * What the heap behind malloc stands on: the simulated machine that the
 * environment variable MMSIM_MACHINE describes (<mmsim/sim.h>), else the real
 * system; always the same.  The first call starts the machine.  When that cannot
 * be, it ends the process with a message: status 124 without the right to handle
 * faults of the kernel, 125 for any other reason.
 */
const struct mmsim_os *mmsim_os_default(void);

/*
 * A backend that passes every operation on to `under` and refuses some of
 * the operations that can fail (sbrk, map, reserve, commit, remap, unmap,
 * decommit, purge, populate).  For tests of the paths that run out of memory.
 */
struct mmsim_os_failing {
	struct mmsim_os os; /* hand this to mmsim_heap_create */
	const struct mmsim_os *under;
	uint64_t nr_calls;    /* operations that could fail, so far */
	uint64_t fail_at;     /* refuse this one, counted from 1; 0: none */
	uint64_t fail_count;  /* and this many from it on; at least 1 */
	uint64_t fail_after_bytes; /* refuse what asks for bytes beyond so many
				    * granted; 0: nothing */
	uint64_t bytes_granted; /* by sbrk, map, commit, remap, in all */
	uint64_t nr_refused;  /* operations refused so far */
	intptr_t bytes_held;  /* got from map, reserve, remap; not yet unmapped */
	uint64_t nr_brk, nr_map, nr_unmap, nr_commit, nr_purge, nr_populate;
};

/* Makes `failing` pass on to `under` (NULL: the host), failing nothing. */
void mmsim_os_failing_init(struct mmsim_os_failing *failing,
			   const struct mmsim_os *under);

#ifdef __cplusplus
}
#endif
#endif
