/*
 * top.h: where an arena's memory begins and ends.
 *
 * top is the last chunk of the newest segment.  Chunks are cut from its low
 * end; when it is too small the segment grows (brk, or more of a reservation
 * made accessible) or a new one is begun.  When much of it is free it shrinks
 * again.
 */
#ifndef ALLOC_TOP_H
#define ALLOC_TOP_H

#include "alloc/arena.h"

/* What always stays in top, as in glibc (MINSIZE), bytes. */
#define TOP_MIN 32u

static inline struct segment *top_segment(struct arena *a)
{
	return &a->segments[a->nr_segments - 1];
}

static inline uintptr_t segment_last(const struct segment *seg)
{
	return align_down(seg->end, UNIT);
}

/* Bytes of top; 0 when the arena has none. */
static inline size_t top_bytes(struct arena *a)
{
	return a->top ? segment_last(top_segment(a)) - (uintptr_t)a->top : 0;
}

/* Whether there may be one segment more; all of them may move to a table, when
 * there is no room for it in the arena itself. */
bool top_has_room(struct arena *a);

/* The arena has so many bytes more. */
void top_account(struct arena *a, size_t grown);

/* Cuts a chunk of `units` off, or NULL when top is too small.  *zero_from:
 * see arena_take. */
struct chunk *top_cut(struct arena *a, size_t units, uintptr_t *zero_from);

/* Makes top large enough for a chunk of `units`; false: no memory. */
bool top_grow(struct arena *a, size_t units);

/* Writes top's header after its start or its end have moved. */
void top_write(struct arena *a);

/* Ends the program when top's header is not what was written. */
void top_check(struct arena *a);

/* [from, to) will be written now: fetches its pages, and some ahead, when the
 * memory has never been touched. */
void top_touch(struct arena *a, uintptr_t from, uintptr_t to);

/* Memory came back to top: gives it to the system now or lets it wait.
 * `since_ns`: since when most of top has waited already; 0: it has not. */
void top_freed(struct arena *a, uint64_t since_ns);

/* Cuts off what top holds over `pad` bytes; returns the bytes. */
size_t top_trim(struct arena *a, size_t pad);

/* The same; when nothing can be cut off, the pages go and the addresses stay. */
size_t top_give_back(struct arena *a, size_t pad);

/* Does what top_freed put off; `now_ns` is the time. */
void top_expire(struct arena *a, uint64_t now_ns);

/* Whether c, free, is the last chunk of an older segment: a fence follows. */
static inline bool top_is_before_fence(const struct arena *a,
				       const struct chunk *c)
{
	return a->nr_segments > 1 && chunk_units(chunk_next(c)) == 1;
}

/* Gives back an older segment that c, free, fills from end to end.  One that was
 * adopted waits for the decay time before: `waited`. */
bool top_release_segment(struct arena *a, struct chunk *c, bool waited);

/* Gives back every segment (a heap is destroyed). */
void top_release_all(struct arena *a);

#endif
