/*
 * leftover.c: unmapping that is put off when the system refuses it.
 */
#include "alloc/leftover.h"

#include "alloc/heap.h"

/* Remembers a range, joined with one that ends or begins where it does. */
static void leftover_add(struct leftover *l, uintptr_t from, size_t len)
{
	for (unsigned i = 0; i < l->nr; i++) {
		if (l->ranges[i].from + l->ranges[i].len == from) {
			l->ranges[i].len += len;
			return;
		}
		if (from + len == l->ranges[i].from) {
			l->ranges[i].from = from;
			l->ranges[i].len += len;
			return;
		}
	}
	if (l->nr == NR_LEFTOVERS)
		return;
	l->ranges[l->nr].from = from;
	l->ranges[l->nr].len = len;
	store_relaxed(&l->nr, l->nr + 1);
}

/* The system has refused it. */
static FAR void leftover_put_off(struct heap *heap, uintptr_t from, size_t len)
{
	const struct mmsim_os *os = heap->os;

	os->purge(os->ctx, (void *)from, len);
	lock_take(&heap->leftover.lock);
	leftover_add(&heap->leftover, from, len);
	lock_drop(&heap->leftover.lock);
	heap_wait(heap, os->now_ns(os->ctx));
}

void leftover_unmap(struct heap *heap, uintptr_t from, size_t len)
{
	const struct mmsim_os *os = heap->os;

	if (os->unmap(os->ctx, (void *)from, len) != 0)
		leftover_put_off(heap, from, len);
}

size_t leftover_retry(struct heap *heap)
{
	const struct mmsim_os *os = heap->os;
	struct leftover *l = &heap->leftover;
	size_t bytes = 0;

	lock_take(&l->lock);
	for (unsigned i = l->nr; i-- > 0;) {
		if (os->unmap(os->ctx, (void *)l->ranges[i].from,
			      l->ranges[i].len) != 0)
			continue;
		bytes += l->ranges[i].len;
		l->ranges[i] = l->ranges[l->nr - 1];
		store_relaxed(&l->nr, l->nr - 1);
	}
	lock_drop(&l->lock);
	return bytes;
}
