/*
 * fork.h: the default heap across fork(2).
 */
#ifndef ALLOC_FORK_H
#define ALLOC_FORK_H

struct heap;

/* Registers the handlers; called once by the library's constructor. */
void fork_start(void);

/* Takes in the memory of one thread that a fork has left behind, if any. */
void fork_reclaim_orphan(struct heap *heap);

#endif
