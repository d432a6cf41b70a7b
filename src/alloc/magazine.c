/*
 * magazine.c: piles of pointers to chunks that full stacks have given back.
 */
#include "alloc/magazine.h"

#include "alloc/heap.h"

#include <string.h>

/* What all piles may hold together: a part of the arena, or this if it is more. */
#define MAGAZINES_MIN (512 * KIB)
#define MAGAZINES_PART 16u
/* What one pile may hold at first, bytes. */
#define MAGAZINE_FIRST (16 * KIB)
/* And ever. */
#define PILE_MAX INT32_MAX

static size_t magazines_most(const struct arena *a)
{
	const struct options *o = &a->heap->options;

	if (o->trim_threshold_set || o->decay_ms == 0)
		return 0;
	return max_size(MAGAZINES_MIN, a->system_bytes / MAGAZINES_PART);
}

static size_t pile_most(const struct magazine_pile *pile)
{
	return pile->most_bytes ? pile->most_bytes : MAGAZINE_FIRST;
}

/* Whether so many bytes more may wait. */
static bool pile_may_hold(const struct arena *a, struct magazine_pile *pile,
			  size_t bytes)
{
	if (a->magazine_bytes + bytes <= magazines_most(a) &&
	    pile->bytes + bytes <= pile_most(pile))
		return true;
	pile->was_full = true;
	return false;
}

static void pile_count(struct arena *a, struct magazine_pile *pile,
		       size_t bytes)
{
	pile->bytes += (uint32_t)bytes;
	a->magazine_bytes += bytes;
}

/* An empty magazine on top; NULL: no memory. */
static struct magazine *pile_add(struct arena *a, struct magazine_pile *pile)
{
	struct magazine *m = a->magazines;

	if (m)
		a->magazines = m->next;
	else if (!(m = meta_alloc(&a->heap->meta, sizeof(*m))))
		return NULL;
	m->next = pile->newest;
	pile->newest = m;
	return m;
}

/* Takes the newest one, which is empty, off.  The arena keeps it: metadata's lock
 * is one for all threads. */
static void pile_drop(struct arena *a, struct magazine_pile *pile)
{
	struct magazine *m = pile->newest;

	pile->newest = m->next;
	m->next = a->magazines;
	a->magazines = m;
}

/* The newest chunk. */
static void **magazine_newest(struct magazine *m)
{
	return m->p + (MAGAZINE_ROOM - m->nr);
}

/* Adds to a magazine that has the room. */
static void magazine_fill(struct magazine *m, void *const *p, unsigned n)
{
	m->nr += n;
	memcpy(magazine_newest(m), p, n * sizeof(*p));
}

bool magazine_put(struct arena *a, unsigned cls, void *const *p, unsigned n)
{
	struct magazine_pile *pile = &a->piles[cls];
	struct magazine *top = pile->newest, *m = top;
	unsigned first = top ? MAGAZINE_ROOM - top->nr : 0;
	size_t bytes = (size_t)n * cls * UNIT;

	if (first > n)
		first = n;
	if (!pile_may_hold(a, pile, bytes))
		return false;
	if (first < n && !(m = pile_add(a, pile)))
		return false;
	if (first > 0)
		magazine_fill(top, p + (n - first), first);
	if (first < n)
		magazine_fill(m, p, n - first);
	pile_count(a, pile, bytes);
	arena_put_aside(a);
	return true;
}

/* Nothing waits when something was asked for: it gets more room if that would
 * have helped. */
static void pile_missed(const struct arena *a, struct magazine_pile *pile)
{
	size_t most = 2 * pile_most(pile);

	if (pile->was_full && most <= min_size(magazines_most(a), PILE_MAX))
		pile->most_bytes = (uint32_t)most & PILE_MAX;
	pile->was_full = false;
}

unsigned magazine_take(struct arena *a, unsigned cls, void **out, unsigned n)
{
	struct magazine_pile *pile = &a->piles[cls];
	struct magazine *m = pile->newest;

	if (!m) {
		pile_missed(a, pile);
		return 0;
	}
	if (n > m->nr)
		n = m->nr;
	memcpy(out, magazine_newest(m), n * sizeof(*out));
	m->nr -= n;
	pile_count(a, pile, -(size_t)n * cls * UNIT);
	if (m->nr == 0)
		pile_drop(a, pile);
	return n;
}

void magazine_drain_class(struct arena *a, unsigned cls, bool is_wanted)
{
	struct magazine_pile *pile = &a->piles[cls];

	if (is_wanted)
		pile_missed(a, pile);
	else if (pile->newest && pile_most(pile) > MAGAZINE_FIRST)
		pile->most_bytes /= 2;
	pile->was_full = false;
	pile_count(a, pile, -(size_t)pile->bytes);
	while (pile->newest) {
		run_put_many(a, magazine_newest(pile->newest),
			     pile->newest->nr);
		pile->newest->nr = 0;
		pile_drop(a, pile);
	}
}

static void magazine_free_empty(struct arena *a)
{
	while (a->magazines) {
		struct magazine *m = a->magazines;

		a->magazines = m->next;
		meta_free(&a->heap->meta, m, sizeof(*m));
	}
}

bool magazine_drain(struct arena *a)
{
	magazine_free_empty(a);
	if (a->magazine_bytes == 0)
		return false;
	for (unsigned cls = 1; cls <= NR_SMALL; cls++)
		magazine_drain_class(a, cls, false);
	magazine_free_empty(a);
	return true;
}
