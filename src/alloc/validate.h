/*
 * validate.h: self-checks of whole structures.
 */
#ifndef ALLOC_VALIDATE_H
#define ALLOC_VALIDATE_H

#include "alloc/heap.h"
#include "base/outbuf.h"

/* True when the arena agrees with itself, else the first fault in `why`.  Its
 * lock is held. */
bool validate_arena(struct arena *a, struct outbuf *why);

/* The same for every arena and cache.  No lock is held; no other thread may be
 * in the middle of a fast path. */
bool validate_heap(struct heap *heap, struct outbuf *why);

/* For MALLOC_CHECK_=3 and debug builds: from time to time walks every arena and
 * ends the program when one is damaged.  No lock is held. */
void validate_now_and_then(struct heap *heap);

#endif
