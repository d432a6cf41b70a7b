/*
 * validate.c: the whole heap, checked against itself.
 *
 * Every segment is walked chunk by chunk: the headers must tile it without a
 * gap, carry the arena's tag, agree with their neighbours about who is free,
 * and no two free chunks may stand side by side.  The free ones must be the
 * very ones in the bins, and the listed dirty ones must be free.  Runs must
 * hold what they say.  Mapped chunks and stacks are walked too.
 *
 * Stacked self-checks of this kind: glibc's do_check_malloc_state.
 */
#include "alloc/validate.h"

#include "alloc/magazine.h"
#include "alloc/purge.h"
#include "alloc/shard.h"
#include "alloc/top.h"
#include "base/fatal.h"
#include "base/outbuf.h"

/* Whether p is a cached chunk of an arena, large enough for a class: a chunk may
 * be larger than its class. */
static bool is_cached(const struct arena *a, unsigned cls, const void *p)
{
	uint32_t lo = p ? chunk_lo(chunk_of(p)) : 0;

	return (lo & ((1u << CHUNK_UNITS_SHIFT) - 1)) == (a->tag | CHUNK_C) &&
	       lo >> CHUNK_UNITS_SHIFT >= sizeclass_units(cls);
}

/* What was counted on the walk of one arena. */
struct walk {
	struct outbuf *why;
	struct arena *a;
	size_t nr_free, free_units;
	bool ok;
};

static bool walk_fail(struct walk *w, const char *what, const void *at)
{
	if (w->ok)
		outbuf_printf(w->why, "corrupted arena %u, %s: %p", w->a->index,
			      what, at);
	w->ok = false;
	return false;
}

static bool walk_free_chunk(struct walk *w, struct chunk *c)
{
	struct chunk *next = chunk_next(c);

	if (chunk_prev_in_use(next))
		return walk_fail(w, "free chunk, but the next has P", c);
	if (next->prev_size != chunk_bytes(c))
		return walk_fail(w, "free chunk, but the next disagrees", c);
	if (!chunk_prev_in_use(c))
		return walk_fail(w, "two free chunks side by side", c);
	w->nr_free++;
	w->free_units += chunk_units(c);
	return true;
}

static bool walk_chunk(struct walk *w, struct chunk *c, uintptr_t last)
{
	struct arena *a = w->a;

	if (((chunk_lo(c) ^ a->tag) & CHUNK_TAG_MASK) != 0)
		return walk_fail(w, "foreign tag", c);
	if (chunk_units(c) == 0 || chunk_bytes(c) > last - (uintptr_t)c)
		return walk_fail(w, "size leaves the segment", c);
	if (chunk_lo(c) & CHUNK_M)
		return walk_fail(w, "mapped chunk in an arena", c);
	if (chunk_lo(c) & CHUNK_F)
		return walk_free_chunk(w, c);
	if (c != a->top && (uintptr_t)chunk_next(c) < last &&
	    !chunk_prev_in_use(chunk_next(c)))
		return walk_fail(w, "chunk in use, but the next lacks P", c);
	return true;
}

static bool walk_segment(struct walk *w, const struct segment *seg)
{
	uintptr_t at = seg->base, last = segment_last(seg);

	while (at < last) {
		struct chunk *c = (struct chunk *)at;

		if (!walk_chunk(w, c, last))
			return false;
		at += chunk_bytes(c);
	}
	return at == last ||
	       walk_fail(w, "chunks pass the segment's end", (void *)at);
}

static bool walk_bins(struct walk *w)
{
	struct bins *bins = &w->a->bins;
	size_t nr = 0, units = 0;

	for (unsigned i = 0; i < NR_BINS; i++) {
		const struct chunk *bk = NULL;
		bool marked = bins->map[i / 64] >> (i % 64) & 1;

		if (marked != (bins->first[i] != NULL))
			return walk_fail(w, "bin map disagrees with bin",
					 &bins->first[i]);
		for (struct chunk *c = bins->first[i]; c; c = c->fd) {
			if (!arena_has_chunk(w->a, c) || c->bk != bk ||
			    !(chunk_lo(c) & CHUNK_F) ||
			    bin_index(chunk_units(c)) != i)
				return walk_fail(w, "wrong chunk in bin", c);
			bk = c;
			nr++;
			units += chunk_units(c);
		}
	}
	if (nr != w->nr_free || units != w->free_units ||
	    nr != bins->nr_chunks || units != bins->nr_units)
		return walk_fail(w, "bins do not hold the free chunks", bins);
	return true;
}

static bool walk_dirty(struct walk *w)
{
	struct chunk *bk = NULL;

	for (struct chunk *c = w->a->dirty_first; c; c = c->dirty_fd) {
		if (!(chunk_lo(c) & CHUNK_F) || !purge_is_candidate(c) ||
		    c->freed_ns == 0 || c->dirty_bk != bk)
			return walk_fail(w, "wrong chunk on dirty list", c);
		bk = c;
	}
	return bk == w->a->dirty_last ||
	       walk_fail(w, "dirty list ends early", bk);
}

/* A run's map must have as many bits as the run says, all of chunks that say so
 * themselves. */
static bool walk_run(struct walk *w, struct run *run)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < run->nr_carved; i++) {
		uint32_t distance = run->first + i * run->units;
		void *p = (char *)run + (size_t)distance * UNIT;

		if (!run_map_has(run, i))
			continue;
		if (run_of(w->a, p) != run || i / 64 < run->scan ||
		    !(chunk_lo(chunk_of(p)) & CHUNK_C))
			return walk_fail(w, "wrong chunk in run", p);
		if (*(uint64_t *)p != run_canary(w->a, p))
			return walk_fail(w, "written after free", p);
		nr++;
	}
	return nr == run->nr_free ||
	       walk_fail(w, "run miscounts its free chunks", run);
}

static bool walk_runs(struct walk *w)
{
	size_t free_units = 0;

	for (unsigned cls = 1; cls <= NR_SMALL; cls++) {
		struct run_class *rc = &w->a->classes[cls];
		uint32_t nr_empty = 0, nr_free = 0;

		for (struct run *run = rc->first; run; run = run->next) {
			if (run->units != cls ||
			    run->nr_carved > run->nr_total ||
			    run->nr_free > run->nr_carved)
				return walk_fail(w, "damaged run", run);
			nr_empty += run_is_empty(run);
			nr_free += run->nr_free;
			if (!walk_run(w, run))
				return false;
		}
		if (nr_empty != rc->nr_empty)
			return walk_fail(w, "empty runs miscounted", rc);
		if (nr_free != rc->nr_free)
			return walk_fail(w, "class miscounts its free chunks",
					 rc);
		free_units += (size_t)nr_free * cls;
	}
	return free_units == w->a->run_free_units ||
	       walk_fail(w, "free chunks of runs miscounted", w->a);
}

static bool walk_shards(struct walk *w)
{
	for (unsigned cls = 1; cls <= NR_SMALL; cls++) {
		const struct shard *prev = NULL;

		for (const struct shard *s = w->a->shards[cls]; s;
		     s = s->next) {
			if (!run_of(w->a, s) || s->prev != prev ||
			    !(chunk_lo(chunk_of(s)) & CHUNK_C) ||
			    chunk_lo(chunk_of(s)) >> CHUNK_UNITS_SHIFT != cls)
				return walk_fail(w, "wrong shard", s);
			prev = s;
		}
	}
	return true;
}

/* What waits in magazines is marked as cached, and as large as its class. */
static bool walk_magazines(struct walk *w)
{
	size_t bytes = 0;

	for (unsigned cls = 1; cls <= NR_SMALL; cls++)
		for (const struct magazine *m = w->a->piles[cls].newest; m;
		     m = m->next) {
			bytes += (size_t)m->nr * cls * UNIT;
			for (uint32_t i = MAGAZINE_ROOM - m->nr;
			     i < MAGAZINE_ROOM; i++)
				if (!is_cached(w->a, cls, m->p[i]))
					return walk_fail(w,
							 "wrong magazine chunk",
							 m->p[i]);
		}
	return bytes == w->a->magazine_bytes ||
	       walk_fail(w, "magazines miscounted", w->a);
}

/* So is what waits of medium classes, and it fits all requests of its class. */
static bool walk_mediums(struct walk *w)
{
	size_t bytes = 0;

	for (unsigned cls = CLASS_MEDIUM; cls < NR_CLASSES; cls++) {
		const struct medium_class *m =
			&w->a->mediums[cls - CLASS_MEDIUM];

		bytes += (size_t)m->nr * m->fit * UNIT;
		for (uint32_t i = 0; i < m->nr; i++)
			if (!is_cached(w->a, cls, m->p[i]) ||
			    chunk_units(chunk_of(m->p[i])) < m->fit)
				return walk_fail(w, "wrong waiting chunk",
						 m->p[i]);
	}
	return bytes == w->a->medium_bytes ||
	       walk_fail(w, "waiting chunks miscounted", w->a);
}

bool validate_arena(struct arena *a, struct outbuf *why)
{
	struct walk w = {.why = why, .a = a, .ok = true};
	size_t bytes = 0;

	for (unsigned i = 0; i < a->nr_segments; i++) {
		bytes += a->segments[i].end -
			 align_down(a->segments[i].base, UNIT);
		if (!walk_segment(&w, &a->segments[i]))
			return false;
	}
	if (a->top && chunk_bytes(a->top) != top_bytes(a))
		return walk_fail(&w, "top's size is wrong", a->top);
	if (bytes > a->system_bytes ||
	    bytes + UNIT * a->nr_segments < a->system_bytes)
		return walk_fail(&w, "system bytes miscounted", a);
	return walk_bins(&w) && walk_dirty(&w) && walk_runs(&w) &&
	       walk_shards(&w) && walk_magazines(&w) && walk_mediums(&w);
}

static bool validate_tcache(const struct tcache *tc, struct outbuf *why)
{
	if (tc->hole && chunk_lo(chunk_of(tc->hole)) !=
				(tc->arena->tag | CHUNK_C |
				 tc->hole_units << CHUNK_UNITS_SHIFT)) {
		outbuf_printf(why, "cache: damaged hole %p", tc->hole);
		return false;
	}
	for (unsigned cls = 1; cls < NR_CLASSES; cls++) {
		unsigned n = tcache_count(tc, cls);

		for (unsigned i = 0; i < n; i++) {
			const void *p = tc->sp[cls][i];

			if (is_cached(tc->arena, cls, p))
				continue;
			outbuf_printf(why, "cache: wrong chunk %p in class %u",
				      p, cls);
			return false;
		}
		if (sizeclass_is_small(cls) && *tc->bottom[cls] != NULL) {
			outbuf_printf(why, "cache: class %u has no end", cls);
			return false;
		}
	}
	return true;
}

/* A whole walk for each so many calls. */
#define WALK_INTERVAL 16u

void validate_now_and_then(struct heap *heap)
{
	unsigned nr = __atomic_load_n(&heap->nr_arenas, __ATOMIC_ACQUIRE);
	char text[200];
	struct outbuf why;

	if (__atomic_fetch_add(&heap->nr_checks, 1, __ATOMIC_RELAXED) %
	    WALK_INTERVAL)
		return;
	outbuf_init(&why, text, sizeof(text), -1);
	for (unsigned i = 0; i < nr; i++) {
		struct arena *a = heap_arena_at(heap, i);

		lock_take(&a->lock);
		if (!validate_arena(a, &why)) {
			outbuf_flush(&why);
			fatal(text);
		}
		lock_drop(&a->lock);
	}
}

bool validate_heap(struct heap *heap, struct outbuf *why)
{
	bool ok = true;

	heap_lock_all(heap);
	for (unsigned i = 0; ok && i < heap->nr_arenas; i++)
		ok = validate_arena(heap_arena_at(heap, i), why);
	for (struct tcache *tc = heap->tcaches; ok && tc; tc = tc->next)
		ok = validate_tcache(tc, why);
	heap_unlock_all(heap);
	return ok;
}

PUBLIC int mmsim_heap_validate(struct mmsim_heap *heap, char *why, size_t len)
{
	struct outbuf out;

	outbuf_init(&out, why, len, -1);
	if (len > 0)
		why[0] = '\0';
	return validate_heap((struct heap *)(void *)heap, &out) ? 0 : -1;
}
