/*
 * adopt.c: making a segment of a freed mapping.
 */
#include "alloc/adopt.h"

#include "alloc/heap.h"
#include "alloc/purge.h"
#include "alloc/quiet.h"
#include "alloc/top.h"

/* Adopted segments of an arena at the most: each is one more to look through. */
#define ADOPT_MAX 24u
/* Each is such a part of what is in use at the most. */
#define ADOPT_PART 8u

static uintptr_t segment_start(const struct arena *a, const struct segment *seg)
{
	return align_down(seg->base, a->heap->os->page_size);
}

/* The adopted segment that ends or starts at an address; NULL: none does. */
static struct segment *adopt_find(struct arena *a, uintptr_t end,
				  uintptr_t start)
{
	for (unsigned i = 0; i + 1 < a->nr_segments; i++) {
		struct segment *seg = &a->segments[i];

		if (seg->is_adopted &&
		    (seg->end == end || segment_start(a, seg) == start))
			return seg;
	}
	return NULL;
}

/* A new one, in front of the last, which holds top; NULL: there are many. */
static struct segment *adopt_new(struct arena *a, uintptr_t base)
{
	struct segment *seg;

	if (a->nr_adopted == ADOPT_MAX || !top_has_room(a))
		return NULL;
	seg = top_segment(a);
	a->segments[a->nr_segments++] = *seg;
	a->nr_adopted++;
	*seg = (struct segment){.base = base, .is_adopted = true};
	return seg;
}

static void adopt_remove(struct arena *a, struct segment *seg)
{
	for (const struct segment *last = top_segment(a); seg < last; seg++)
		*seg = seg[1];
	a->nr_segments--;
	a->nr_adopted--;
}

/* Makes [first, end) part of a segment.  Returns the chunk that it becomes, in
 * use; NULL: there are too many. */
static struct chunk *adopt_range(struct arena *a, struct chunk *first,
				 uintptr_t end)
{
	uintptr_t from = (uintptr_t)first, to = end - UNIT; /* of the chunk */
	uintptr_t page = align_down(from, a->heap->os->page_size);
	struct segment *lower = adopt_find(a, page, 0);
	struct segment *upper = adopt_find(a, 0, end);
	struct segment *seg = lower ? lower : upper;
	size_t before = (lower ? lower->end - lower->base : 0) +
			(upper ? upper->end - upper->base : 0);
	uint32_t p = CHUNK_P;

	if (!seg)
		seg = adopt_new(a, from);
	if (!seg)
		return NULL;
	if (upper) {
		to = upper->base;
		end = upper->end;
	} else {
		chunk_write((struct chunk *)to, a->tag | CHUNK_L, 1, CHUNK_P);
	}
	if (lower) {
		from = segment_last(lower) - UNIT;
		p = chunk_hi((struct chunk *)from) & CHUNK_P;
	} else {
		seg->base = from;
	}
	seg->end = seg->limit = end;
	top_account(a, end - seg->base - before);
	if (lower && upper)
		adopt_remove(a, upper);
	first = (struct chunk *)from;
	chunk_write(first, a->tag | CHUNK_L, (to - from) / UNIT, p);
	return first;
}

/* Whether the next request of m's size would come from the arena, and what m has
 * behind its header, which is little or nothing for some aligned blocks, can be a
 * fence and a chunk that goes back when it has waited. */
static bool adopt_suits(const struct heap *heap, const struct mapped *m)
{
	size_t room = m->base + m->len - (uintptr_t)chunk_of(m + 1);

	return heap->dynamic_threshold && heap->options.decay_ms != 0 &&
	       room >= PURGE_MIN + UNIT &&
	       m->len <= load_relaxed(&heap->options.mmap_threshold) &&
	       m->base == align_down((uintptr_t)m, heap->os->page_size);
}

bool adopt_mapping(struct arena *a, struct mapped *m, size_t mapped_bytes)
{
	struct chunk *c = NULL;

	if (!adopt_suits(a->heap, m))
		return false;
	lock_take(&a->lock);
	if (a->top && m->len <= (quiet_used(a) + mapped_bytes) / ADOPT_PART)
		c = adopt_range(a, chunk_of(m + 1), m->base + m->len);
	if (c)
		arena_give(a, c);
	lock_drop(&a->lock);
	return c != NULL;
}
