/*
 * medium.c: which classes of medium chunks are hot, and what waits of them.
 *
 * "Recent" is counted in visits: whenever VISITS_MAX of them were made, what was
 * counted is halved.  A class that is hot has to be half as busy to stay so.
 */
#include "alloc/medium.h"

#include "alloc/heap.h"
#include "alloc/top.h"
#include "base/fatal.h"

#include <string.h>

/* A class becomes hot when so many visits were for it, which are such a part of
 * all and so many for each chunk that was in use. */
#define HOT_VISITS 128u
#define HOT_PART 32u
#define HOT_TIMES 4u
/* In an arena of this size each visit counts so many times: its chunks stand on
 * more memory than the processor caches, and there are more of them in use. */
#define HOT_LARGE (8 * MIB)
#define HOT_EASE 4u
#define VISITS_MAX 16384u
/* Room of a pile at first and at the most, chunks. */
#define PILE_FIRST 16u
#define PILE_MAX 8192u

static unsigned medium_class_of(uint32_t units)
{
	unsigned e = log2_floor(units);
	unsigned i = (e - 6) * 8 + (units >> (e - 3) & 7);

	return CLASS_MEDIUM + (i < NR_MEDIUM ? i : NR_MEDIUM - 1);
}

static uint32_t medium_units(const void *p)
{
	return chunk_lo(chunk_of(p)) >> CHUNK_UNITS_SHIFT;
}

static struct medium_class *medium_of(struct arena *a, unsigned cls)
{
	return &a->mediums[cls - CLASS_MEDIUM];
}

/* n more wait, or fewer. */
static void medium_count(struct arena *a, unsigned cls, int n)
{
	struct medium_class *m = medium_of(a, cls);

	m->nr += (uint32_t)n;
	a->medium_bytes += (size_t)n * m->fit * UNIT;
}

/* n more are in use, or fewer. */
static void medium_use(struct medium_class *m, int n)
{
	m->used += n;
	if (m->used > (int32_t)m->peak)
		m->peak = (uint32_t)m->used;
}

bool medium_is_hot(const struct arena *a, unsigned cls)
{
	return load_relaxed(&a->mediums[cls - CLASS_MEDIUM].fit) != 0;
}

unsigned medium_in_use(const struct arena *a, unsigned cls)
{
	int32_t used = a->mediums[cls - CLASS_MEDIUM].used;

	return used > 0 ? (unsigned)used : 0;
}

/* Whether anything may wait; an option may have been set since it began. */
static bool medium_may_wait(const struct arena *a)
{
	const struct options *o = &a->heap->options;

	return !o->trim_threshold_set && o->decay_ms != 0;
}

/* Whether a class should be hot. */
static bool medium_heats(const struct arena *a, const struct medium_class *m)
{
	uint32_t visits = m->fit ? 2 * m->visits : m->visits;

	if (a->system_bytes >= HOT_LARGE)
		visits *= HOT_EASE;
	return visits >= HOT_VISITS && visits >= m->peak * HOT_TIMES &&
	       visits >= a->medium_visits / HOT_PART && medium_may_wait(a);
}

void medium_visit(struct arena *a)
{
	if (LIKELY(++a->medium_visits < VISITS_MAX))
		return;
	a->medium_visits /= 2;
	for (unsigned i = 0; i < NR_MEDIUM; i++) {
		struct medium_class *m = &a->mediums[i];

		m->visits /= 2;
		m->peak /= 2;
		medium_use(m, 0);
	}
}

/* The class of p; ends the program unless that is a cached medium chunk. */
static unsigned medium_check(const struct arena *a, const void *p)
{
	uint32_t lo = chunk_lo(chunk_of(p)), units = medium_units(p);

	if ((lo & ((1u << CHUNK_UNITS_SHIFT) - 1)) != (a->tag | CHUNK_C) ||
	    !sizeclass_has_medium(units))
		fatal_at("free(): invalid pointer", p);
	return medium_class_of(units);
}

static void medium_coalesce(struct arena *a, void *p)
{
	struct chunk *c = chunk_of(p);

	medium_check(a, p);
	store_relaxed(&c->lo, (chunk_lo(c) ^ CHUNK_C) | CHUNK_L);
	arena_check_in_use(a, c, "free(): invalid size");
	arena_give(a, c);
}

/* Coalesces the n oldest that wait of a class. */
static void medium_give_oldest(struct arena *a, unsigned cls, unsigned n)
{
	struct medium_class *m = medium_of(a, cls);

	if (n == 0)
		return;
	for (unsigned i = 0; i < n; i++)
		medium_coalesce(a, m->p[i]);
	medium_count(a, cls, -(int)n);
	memmove(m->p, m->p + n, m->nr * sizeof(*m->p));
}

/* The class of which most bytes wait. */
static unsigned medium_largest(struct arena *a)
{
	unsigned largest = CLASS_MEDIUM;
	size_t most = 0;

	for (unsigned cls = CLASS_MEDIUM; cls < NR_CLASSES; cls++) {
		size_t its =
			(size_t)medium_of(a, cls)->nr * medium_of(a, cls)->fit;

		if (its > most) {
			most = its;
			largest = cls;
		}
	}
	return largest;
}

struct chunk *medium_squeeze(struct arena *a, size_t units)
{
	struct chunk *c = NULL;

	while (!c && a->medium_bytes > 0) {
		unsigned cls = medium_largest(a);

		medium_give_oldest(a, cls, (medium_of(a, cls)->nr + 1) / 2);
		c = arena_reuse(a, units);
	}
	return c;
}

bool medium_drain(struct arena *a)
{
	if (a->medium_bytes == 0)
		return false;
	for (unsigned cls = CLASS_MEDIUM; cls < NR_CLASSES; cls++)
		medium_give_oldest(a, cls, medium_of(a, cls)->nr);
	return true;
}

void medium_cool(struct arena *a)
{
	for (unsigned cls = CLASS_MEDIUM; cls < NR_CLASSES; cls++) {
		struct medium_class *m = medium_of(a, cls);

		ASSERT(m->nr == 0);
		if (m->room > 0)
			meta_free(&a->heap->meta, m->p,
				  m->room * sizeof(*m->p));
		m->p = NULL;
		m->room = 0;
		m->visits = 0;
		m->most = 0;
		store_relaxed(&m->fit, 0);
	}
}

/* Makes room for one more; false: there is none. */
static bool pile_make_room(struct arena *a, struct medium_class *m)
{
	uint32_t room = m->room ? 2 * m->room : PILE_FIRST;
	void **p;

	if (m->nr < m->room)
		return true;
	if (room > PILE_MAX)
		return false;
	p = meta_alloc(&a->heap->meta, room * sizeof(*p));
	if (!p)
		return false;
	if (m->room > 0) {
		memcpy(p, m->p, m->nr * sizeof(*p));
		meta_free(&a->heap->meta, m->p, m->room * sizeof(*p));
	}
	m->p = p;
	m->room = room;
	return true;
}

/* Lets a chunk wait; false: it has to coalesce. */
static bool pile_add(struct arena *a, unsigned cls, void *p)
{
	struct medium_class *m = medium_of(a, cls);

	if (m->fit == 0 || medium_units(p) < m->fit || !medium_may_wait(a) ||
	    !pile_make_room(a, m))
		return false;
	m->p[m->nr] = p;
	medium_count(a, cls, 1);
	return true;
}

void medium_put(struct arena *a, void *const *p, unsigned n)
{
	unsigned last = 0;
	bool waits = false;

	for (unsigned i = 0; i < n; i++) {
		unsigned cls = medium_check(a, p[i]);

		medium_of(a, cls)->visits += cls != last;
		medium_use(medium_of(a, cls), -1);
		last = cls;
		if (pile_add(a, cls, p[i]))
			waits = true;
		else
			medium_coalesce(a, p[i]);
	}
	if (waits)
		arena_put_aside(a);
}

void medium_give(struct arena *a, void *p)
{
	medium_use(medium_of(a, medium_check(a, p)), -1);
	medium_coalesce(a, p);
}

void medium_adopt(struct arena *a, struct chunk *c)
{
	store_relaxed(&c->lo, chunk_lo(c) & ~CHUNK_L);
	medium_use(medium_of(a, medium_class_of(medium_units(chunk_user(c)))),
		   1);
}

void medium_recut(struct arena *a, struct chunk *c, uint32_t units)
{
	medium_use(medium_of(a, medium_class_of(units)), -1);
	medium_adopt(a, c);
}

/* What a request of a class is rounded up to. */
static uint32_t medium_fit(struct arena *a, unsigned cls, uint32_t units)
{
	struct medium_class *m = medium_of(a, cls);
	uint32_t fit = medium_heats(a, m) ? m->most : 0;

	if (fit != m->fit) {
		medium_give_oldest(a, cls, m->nr);
		store_relaxed(&m->fit, fit);
	}
	return fit ? fit : units;
}

/* Cuts up to n chunks. */
static unsigned medium_cut(struct arena *a, uint32_t units, void **out,
			   unsigned n)
{
	unsigned got = 0;

	while (got < n) {
		uintptr_t zero_from;
		/* Only the first is worth growing the heap for. */
		struct chunk *c = arena_take(a, units, got == 0, &zero_from);

		if (!c)
			break;
		top_touch(a, (uintptr_t)c,
			  (uintptr_t)chunk_next(c) + USER_OFFSET);
		medium_adopt(a, c);
		store_relaxed(&c->lo, chunk_lo(c) | CHUNK_C);
		out[got++] = chunk_user(c);
	}
	return got;
}

unsigned medium_take(struct arena *a, uint32_t units, void **out, unsigned n)
{
	unsigned cls = medium_class_of(units);
	struct medium_class *m = medium_of(a, cls);

	m->visits++;
	if (units > m->most)
		m->most = units;
	if (m->nr == 0 || units > m->fit)
		return medium_cut(a, medium_fit(a, cls, units), out, n);
	if (n > m->nr)
		n = m->nr;
	medium_count(a, cls, -(int)n);
	medium_use(m, (int)n);
	memcpy(out, m->p + m->nr, n * sizeof(*out));
	return n;
}
