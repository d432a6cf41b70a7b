/*
 * stats.h: what a heap holds, in the terms of mallinfo2(3).
 *
 * Every byte of an arena is in exactly one place:
 *
 *   system bytes = in use + cached + free
 *
 * free is what the arena itself can hand out: top, the chunks in its bins, those
 * of runs that nobody holds, and those in magazines and in the piles of hot
 * classes.  cached is what threads have freed and keep, the cache that an ended
 * one has left, and what was freed for another thread's arena and not yet taken
 * in there.  The rest is in use.  mallinfo2 knows only two kinds, and there cached
 * counts as in use, as in glibc.
 */
#ifndef ALLOC_STATS_H
#define ALLOC_STATS_H

#include "base/outbuf.h"

#include <malloc.h>

struct heap;

struct mallinfo2 stats_mallinfo2(struct heap *heap);

/* The text of malloc_info(3).  No lock is held while `out` is written. */
void stats_info(struct heap *heap, struct outbuf *out);

/* The text of malloc_stats(3) and the options in force; likewise. */
void stats_print(struct heap *heap, struct outbuf *out);

#endif
