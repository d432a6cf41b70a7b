/*
 * top.c: cutting from top, growing it, and shrinking it.
 *
 * The first growth asks for the request, top_pad (128 KiB) and TOP_MIN, rounded
 * up to pages: malloc(1) in a fresh process moves the break by 132 KiB.  Unless
 * one of the four thresholds was set by hand, the pad grows with the heap (an
 * eighth of it), so that a large heap does not pay one system call for each
 * 128 KiB.
 *
 * A first touch of a page costs a fault; many pages taken in one system call cost
 * less.  top_touch therefore fetches some pages ahead of what is carved: a 128th of
 * what is in use, from 16 KiB on.  Below that a call costs as much as the faults
 * that it saves, and what it fetches may not be needed.  Large chunks do not call
 * it: programs rely on their laziness.  Neither do programs that set
 * trim_threshold to -1: they touch their memory themselves, once, and want no
 * system call after that.
 *
 * Giving back: top is trimmed as soon as it is over trim_threshold, but by
 * default not twice within the decay time, so that a program that frees and
 * allocates in a loop keeps its pages: what is free then waits.  With a
 * trim_threshold set by hand it is always at once.  When most of top is a chunk
 * that was free before, its waiting counts.  Top that cannot be cut off, because
 * somebody else has moved the break, is purged when it has waited.
 *
 * Sources: brk(2), mallopt(3) for M_TOP_PAD and M_TRIM_THRESHOLD.
 */
#include "alloc/top.h"

#include "alloc/heap.h"
#include "base/fatal.h"

#include <string.h>

/* Foreign moves of the break that are put up with before brk is left alone. */
#define FOREIGN_MAX 16u
/* The first reservation of an arena without brk; each further one is twice as
 * large, so that many threads fit under a small `ulimit -v`. */
#define RESERVE_BYTES (1 * MIB)
#define RESERVE_DOUBLINGS 16u
#define PAD_MAX (32 * MIB)
/* Fewer pages than that cost no less in one call than in a fault each. */
#define POPULATE_MIN (16 * KIB)
#define POPULATE_PART 128u

static size_t page_size(const struct arena *a)
{
	return a->heap->os->page_size;
}

void top_write(struct arena *a)
{
	chunk_write(a->top, a->tag | CHUNK_L, top_bytes(a) / UNIT, CHUNK_P);
}

void top_check(struct arena *a)
{
	const struct chunk *top = a->top;

	if (((chunk_lo(top) ^ a->tag) & CHUNK_TAG_MASK) != 0 ||
	    chunk_bytes(top) != top_bytes(a))
		fatal_at("malloc(): corrupted top size", top);
}

static void top_set(struct arena *a, uintptr_t top)
{
	store_relaxed(&a->top, (struct chunk *)top);
	top_write(a);
	if (a->fresh < top + USER_OFFSET)
		a->fresh = top + USER_OFFSET;
}

struct chunk *top_cut(struct arena *a, size_t units, uintptr_t *zero_from)
{
	struct chunk *c = a->top;
	size_t bytes = units * UNIT;

	if (!c || top_bytes(a) < TOP_MIN || top_bytes(a) - TOP_MIN < bytes)
		return NULL;
	top_check(a);
	/* With the header behind it, which is written now. */
	if (bytes <= POPULATE_MIN)
		top_touch(a, (uintptr_t)c, (uintptr_t)c + bytes + USER_OFFSET);
	*zero_from = max_size(a->fresh, (uintptr_t)c + USER_OFFSET);
	chunk_write(c, a->tag | CHUNK_L, units, CHUNK_P);
	top_set(a, (uintptr_t)c + bytes);
	a->cut_bytes += bytes;
	return c;
}

/* Closes the newest segment: what is left of top becomes a free chunk, with a
 * fence behind it that is always in use. */
static void top_retire(struct arena *a)
{
	struct chunk *top = a->top;
	struct chunk *fence;
	size_t units;

	if (!top)
		return;
	top_check(a);
	units = top_bytes(a) / UNIT;
	store_relaxed(&a->top, NULL);
	if (units < 1 + MIN_FREE_UNITS) {
		chunk_write(top, a->tag | CHUNK_L, units, CHUNK_P);
		return;
	}
	fence = chunk_at(top, (ptrdiff_t)((units - 1) * UNIT));
	chunk_write(fence, a->tag | CHUNK_L, 1, CHUNK_P);
	chunk_write(top, a->tag | CHUNK_L, units - 1, CHUNK_P);
	arena_give(a, top);
}

void top_account(struct arena *a, size_t grown)
{
	a->system_bytes += grown;
	if (a->system_bytes > a->max_system_bytes)
		store_relaxed(&a->max_system_bytes, a->system_bytes);
}

static void top_hugepages(const struct arena *a, uintptr_t from, size_t len)
{
	const struct mmsim_os *os = a->heap->os;
	/* A break that somebody else has moved may end inside a page. */
	uintptr_t start = align_up(from, page_size(a));

	if (a->heap->options.hugepages && start < from + len)
		os->hugepage(os->ctx, (void *)start, from + len - start);
}

/* The segments move to a table; false: no memory. */
static FAR bool top_make_table(struct arena *a)
{
	struct segment *table =
		meta_alloc(&a->heap->meta, NR_SEGMENTS * sizeof(*table));

	if (!table)
		return false;
	memcpy(table, a->segments, a->nr_segments * sizeof(*table));
	a->segments = table;
	return true;
}

bool top_has_room(struct arena *a)
{
	if (a->nr_segments == NR_FIRST_SEGMENTS &&
	    a->segments == a->first_segments)
		return top_make_table(a);
	return a->nr_segments < NR_SEGMENTS;
}

/* Begins a segment; its first chunk is top. */
static void top_begin(struct arena *a, uintptr_t base, uintptr_t end,
		      uintptr_t limit, bool is_brk)
{
	struct segment *seg;

	top_retire(a);
	seg = &a->segments[a->nr_segments++];
	seg->base = align_up(base, UNIT);
	seg->end = end;
	seg->limit = limit;
	seg->is_brk = is_brk;
	seg->is_adopted = false;
	/* The rest of a page that somebody else had may be dirty. */
	a->fresh = align_up(base, page_size(a));
	a->populated = align_down(base, page_size(a));
	top_account(a, end - base);
	top_set(a, seg->base);
}

/* Bytes asked for beyond the request. */
static size_t top_pad(const struct arena *a)
{
	const struct options *o = &a->heap->options;
	size_t grown = min_size(a->system_bytes / 8, PAD_MAX);

	return o->thresholds_set ? o->top_pad : max_size(o->top_pad, grown);
}

static void top_extended(struct arena *a, size_t bytes)
{
	struct segment *seg = top_segment(a);

	top_hugepages(a, seg->end, bytes);
	seg->end += bytes;
	top_account(a, bytes);
	top_write(a);
}

/* Moves the break so that top, if it ends there, or else a new segment has
 * room for `need` more bytes. */
static bool top_grow_brk(struct arena *a, size_t need, size_t pad)
{
	const struct mmsim_os *os = a->heap->os;
	uintptr_t cur = (uintptr_t)os->sbrk(os->ctx, 0);
	bool joins =
		a->top && top_segment(a)->is_brk && cur == top_segment(a)->end;
	uintptr_t want = cur + need + pad + (joins ? 0 : UNIT);
	uintptr_t p;

	if (!cur || want < cur || !(joins || top_has_room(a)))
		return false;
	if (joins)
		want -= min_size(top_bytes(a), need + pad);
	want = align_up(want, page_size(a));
	if (want < cur || want - cur > PTRDIFF_MAX)
		return false;
	p = (uintptr_t)os->sbrk(os->ctx, (intptr_t)(want - cur));
	if (!p)
		return false;
	if (arena_has_range(a, p, 1))
		fatal_at("break adjusted to free malloc space", (void *)p);
	if (joins && p == cur) {
		top_extended(a, want - cur);
		return true;
	}
	if (a->nr_segments > 0)
		a->nr_foreign++;
	/* Somebody else was in between: if nothing can be made of it, it is lost. */
	if (!top_has_room(a))
		return false;
	top_hugepages(a, p, want - cur);
	top_begin(a, p, p + (want - cur), p + (want - cur), true);
	return true;
}

/* Makes more of the newest reservation accessible. */
static bool top_grow_reserved(struct arena *a, size_t need, size_t pad)
{
	const struct mmsim_os *os = a->heap->os;
	struct segment *seg = top_segment(a);
	size_t more = need - min_size(need, top_bytes(a));
	size_t room = seg->limit - seg->end;

	more = align_up(more, page_size(a));
	if (more > room)
		return false;
	more = min_size(align_up(more + pad, page_size(a)), room);
	if (os->commit(os->ctx, (void *)seg->end, more) != 0)
		return false;
	top_extended(a, more);
	return true;
}

/* Begins a segment in a new reservation. */
static bool top_grow_segment(struct arena *a, size_t need, size_t pad)
{
	const struct mmsim_os *os = a->heap->os;
	size_t least = align_up(need, page_size(a));
	size_t len = RESERVE_BYTES << min_size(a->nr_segments - a->nr_adopted,
					       RESERVE_DOUBLINGS);
	size_t committed;
	void *base;

	if (!top_has_room(a))
		return false;
	if (len < least)
		len = least;
	while (!(base = os->reserve(os->ctx, len))) {
		if (len == least)
			return false;
		len = max_size(align_up(len / 2, page_size(a)), least);
	}
	committed = min_size(align_up(need + pad, page_size(a)), len);
	if (os->commit(os->ctx, base, committed) != 0) {
		leftover_unmap(a->heap, (uintptr_t)base, len);
		return false;
	}
	top_hugepages(a, (uintptr_t)base, committed);
	top_begin(a, (uintptr_t)base, (uintptr_t)base + committed,
		  (uintptr_t)base + len, false);
	return true;
}

static bool top_grow_padded(struct arena *a, size_t need, size_t pad)
{
	bool may_brk = a->index == 0 && !a->heap->leaves_brk &&
		       a->nr_foreign < FOREIGN_MAX &&
		       (a->nr_segments == 0 || top_segment(a)->is_brk);

	if (may_brk && top_grow_brk(a, need, pad))
		return true;
	if (a->top && !top_segment(a)->is_brk &&
	    top_grow_reserved(a, need, pad))
		return true;
	return top_grow_segment(a, need, pad);
}

bool top_grow(struct arena *a, size_t units)
{
	size_t need = units * UNIT + TOP_MIN;
	size_t pad = top_pad(a);

	if (a->top)
		top_check(a);
	if (units > PTRDIFF_MAX / UNIT - 2 * PAD_MAX)
		return false;
	if (pad > PTRDIFF_MAX - need)
		pad = 0;
	return top_grow_padded(a, need, pad) ||
	       (pad > 0 && top_grow_padded(a, need, 0));
}

void top_touch(struct arena *a, uintptr_t from, uintptr_t to)
{
	const struct mmsim_os *os = a->heap->os;
	const struct segment *seg;
	uintptr_t start, end;
	size_t ahead;

	if (LIKELY(to <= a->populated) || a->heap->options.populate_max == 0 ||
	    load_relaxed(&a->heap->options.trim_threshold) == OPTION_NEVER ||
	    !a->top)
		return;
	seg = top_segment(a);
	if (from < seg->base || from >= seg->end)
		return;
	ahead = (from - seg->base) / POPULATE_PART;
	if (ahead < POPULATE_MIN)
		ahead = 0;
	ahead = min_size(ahead, a->heap->options.populate_max);
	start = max_size(align_down(from, page_size(a)), a->populated);
	end = align_down(min_size(align_up(to, page_size(a)) + ahead, seg->end),
			 page_size(a));
	a->populated = end;
	if (ahead > 0 && end > start)
		os->populate(os->ctx, (void *)start, end - start);
}

/* The least address at which top may be cut off when `pad` bytes stay. */
static uintptr_t top_cut_at(const struct arena *a, size_t pad)
{
	uintptr_t least = (uintptr_t)a->top + TOP_MIN;

	return pad > UINTPTR_MAX - least - page_size(a)
		       ? UINTPTR_MAX
		       : align_up(least + pad, page_size(a));
}

size_t top_trim(struct arena *a, size_t pad)
{
	const struct mmsim_os *os = a->heap->os;
	struct segment *seg;
	uintptr_t keep;
	size_t bytes;

	if (!a->top)
		return 0;
	seg = top_segment(a);
	keep = top_cut_at(a, pad);
	if (keep >= seg->end)
		return 0;
	bytes = seg->end - keep;
	if (seg->is_brk) {
		if ((uintptr_t)os->sbrk(os->ctx, 0) != seg->end ||
		    !os->sbrk(os->ctx, -(intptr_t)bytes))
			return 0;
	} else if (os->decommit(os->ctx, (void *)keep, bytes) != 0) {
		return 0;
	}
	seg->end = keep;
	a->system_bytes -= bytes;
	a->fresh = min_size(a->fresh, keep);
	a->populated = min_size(a->populated, keep);
	top_write(a);
	return bytes;
}

/* Gives back the pages of top that were touched, and keeps the addresses;
 * returns the bytes. */
static size_t top_purge(struct arena *a, size_t pad)
{
	const struct mmsim_os *os = a->heap->os;
	uintptr_t keep = top_cut_at(a, pad);
	uintptr_t end = min_size(
		align_up(max_size(a->fresh, a->populated), page_size(a)),
		align_down(top_segment(a)->end, page_size(a)));

	if (keep >= end || os->purge(os->ctx, (void *)keep, end - keep) != 0)
		return 0;
	a->nr_purges++;
	a->purged_bytes += end - keep;
	if (end >= a->fresh)
		a->fresh = min_size(a->fresh, keep);
	a->populated = min_size(a->populated, keep);
	return end - keep;
}

size_t top_give_back(struct arena *a, size_t pad)
{
	size_t bytes = top_trim(a, pad);

	return bytes > 0 || !a->top ? bytes : top_purge(a, pad);
}

static bool top_is_over_threshold(struct arena *a)
{
	const struct options *o = &a->heap->options;
	size_t extra = top_pad(a) - min_size(top_pad(a), o->top_pad);
	/* Once: the free of a mapping may raise it meanwhile. */
	size_t threshold = load_relaxed(&o->trim_threshold);

	return top_bytes(a) >= threshold && top_bytes(a) - threshold >= extra;
}

/* Whether top may be trimmed without waiting.  With a decay time of -1 free
 * pages are kept, unless the threshold was set by hand. */
static bool top_may_trim_now(const struct arena *a, uint64_t now_ns)
{
	const struct options *o = &a->heap->options;

	return o->trim_threshold_set ||
	       (a->last_trim_ns == 0 && o->decay_ms != OPTION_NEVER) ||
	       heap_has_decayed(a->heap, a->last_trim_ns, now_ns);
}

void top_freed(struct arena *a, uint64_t since_ns)
{
	const struct options *o = &a->heap->options;
	bool is_over;
	uint64_t now_ns;

	if (load_relaxed(&o->trim_threshold) == OPTION_NEVER ||
	    top_bytes(a) < o->top_pad)
		return;
	if (since_ns == 0)
		since_ns = a->given_ns;
	is_over = top_is_over_threshold(a);
	if (!is_over &&
	    (o->trim_threshold_set || (a->top_waits_ns != 0 && since_ns == 0)))
		return;
	now_ns = heap_now_ns(a->heap);
	if (is_over && top_may_trim_now(a, now_ns)) {
		a->last_trim_ns = now_ns;
		if (top_trim(a, o->top_pad) > 0)
			return;
	}
	if (since_ns == 0)
		since_ns = now_ns;
	if (a->top_waits_ns != 0 && a->top_waits_ns <= since_ns)
		return;
	a->top_waits_ns = since_ns;
	heap_wait(a->heap, since_ns);
}

void top_expire(struct arena *a, uint64_t now_ns)
{
	const struct options *o = &a->heap->options;

	if (!a->top || a->top_waits_ns == 0 ||
	    load_relaxed(&o->trim_threshold) == OPTION_NEVER ||
	    !heap_has_decayed(a->heap, a->top_waits_ns, now_ns))
		return;
	a->top_waits_ns = 0;
	if (top_is_over_threshold(a)) {
		a->last_trim_ns = now_ns;
		top_give_back(a, o->top_pad);
	} else {
		top_purge(a, o->top_pad);
	}
}

FAR bool top_release_segment(struct arena *a, struct chunk *c, bool waited)
{
	struct chunk *fence = chunk_next(c);
	struct segment *seg = NULL;
	uintptr_t base;
	unsigned i;

	if (load_relaxed(&a->heap->options.trim_threshold) == OPTION_NEVER)
		return false;
	for (i = 0; i + 1 < a->nr_segments; i++) {
		seg = &a->segments[i];
		if ((uintptr_t)c == seg->base && !seg->is_brk &&
		    (uintptr_t)chunk_next(fence) == segment_last(seg))
			break;
	}
	if (i + 1 >= a->nr_segments || (seg->is_adopted && !waited))
		return false;
	base = align_down(seg->base, page_size(a));
	bin_unlink(a, c);
	a->system_bytes -= seg->end - seg->base;
	a->nr_adopted -= seg->is_adopted;
	leftover_unmap(a->heap, base, seg->limit - base);
	for (; i + 1 < a->nr_segments; i++)
		a->segments[i] = a->segments[i + 1];
	a->nr_segments--;
	return true;
}

COLD_FAR void top_release_all(struct arena *a)
{
	const struct mmsim_os *os = a->heap->os;

	while (a->nr_segments > 0) {
		struct segment *seg = &a->segments[--a->nr_segments];
		uintptr_t base = align_down(seg->base, page_size(a));

		if (!seg->is_brk)
			os->unmap(os->ctx, (void *)base, seg->limit - base);
		else if ((uintptr_t)os->sbrk(os->ctx, 0) == seg->end)
			os->sbrk(os->ctx, -(intptr_t)(seg->end - seg->base));
	}
	store_relaxed(&a->top, NULL);
}
