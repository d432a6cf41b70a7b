/*
 * purge.c: the dirty list, and handing inner pages back.
 *
 * Only whole pages strictly inside a chunk go: the links at its start and the
 * size of the chunk, which stands behind its end, stay.  MADV_DONTNEED rather
 * than MADV_FREE, because only the former lowers the resident set that people
 * and container limits look at.  A chunk whose pages cannot be given back
 * (locked memory) is simply not asked for again.
 *
 * The list is in the order of freeing, except that a chunk that grew by
 * coalescing keeps the time of its larger part and goes to the front.
 *
 * Source: madvise(2).
 */
#include "alloc/purge.h"

#include "alloc/heap.h"
#include "alloc/top.h"

static void purge_link(struct arena *a, struct chunk *c, bool at_front)
{
	c->dirty_fd = at_front ? a->dirty_first : NULL;
	c->dirty_bk = at_front ? NULL : a->dirty_last;
	if (c->dirty_fd)
		c->dirty_fd->dirty_bk = c;
	else
		a->dirty_last = c;
	if (c->dirty_bk)
		c->dirty_bk->dirty_fd = c;
	else
		a->dirty_first = c;
}

static void purge_unlink(struct arena *a, struct chunk *c)
{
	if (c->dirty_fd)
		c->dirty_fd->dirty_bk = c->dirty_bk;
	else
		a->dirty_last = c->dirty_bk;
	if (c->dirty_bk)
		c->dirty_bk->dirty_fd = c->dirty_fd;
	else
		a->dirty_first = c->dirty_fd;
}

void purge_note(struct arena *a, struct chunk *c, uint64_t since_ns)
{
	if (!purge_is_candidate(c))
		return;
	if (since_ns == 0)
		since_ns = a->given_ns;
	c->freed_ns = since_ns ? since_ns : heap_now_ns(a->heap);
	purge_link(a, c, since_ns != 0);
	heap_wait(a->heap, c->freed_ns);
}

void purge_note_clean(struct chunk *c)
{
	if (purge_is_candidate(c))
		c->freed_ns = 0;
}

uint64_t purge_forget(struct arena *a, struct chunk *c)
{
	if (!purge_is_candidate(c) || c->freed_ns == 0)
		return 0;
	purge_unlink(a, c);
	return c->freed_ns;
}

/* Hands the inner pages back; returns their bytes. */
static size_t purge_chunk(struct arena *a, struct chunk *c)
{
	const struct mmsim_os *os = a->heap->os;
	uintptr_t from = align_up((uintptr_t)(c + 1), os->page_size);
	uintptr_t to = align_down((uintptr_t)chunk_next(c), os->page_size);

	if (top_is_before_fence(a, c) && top_release_segment(a, c, true))
		return to - from;
	if (from >= to || os->purge(os->ctx, (void *)from, to - from) != 0)
		return 0;
	a->nr_purges++;
	a->purged_bytes += to - from;
	return to - from;
}

void purge_expire(struct arena *a, uint64_t now_ns)
{
	struct chunk *c = a->dirty_first;

	if (load_relaxed(&a->heap->options.trim_threshold) == OPTION_NEVER)
		return;
	for (int n = 0; c && n < PURGE_BATCH; n++, c = a->dirty_first) {
		if (!heap_has_decayed(a->heap, c->freed_ns, now_ns))
			break;
		purge_unlink(a, c);
		c->freed_ns = 0;
		purge_chunk(a, c);
	}
	if (c)
		heap_wait(a->heap, c->freed_ns);
}

FAR size_t purge_all(struct arena *a)
{
	size_t bytes = 0;

	for (unsigned i = bin_index(a->heap->os->page_size / UNIT); i < NR_BINS;
	     i++)
		for (struct chunk *c = a->bins.first[i], *next; c; c = next) {
			next = c->fd;
			if (purge_is_candidate(c) && c->freed_ns == 0)
				continue;
			if (purge_forget(a, c))
				c->freed_ns = 0;
			bytes += purge_chunk(a, c);
		}
	return bytes;
}
