/*
 * public.c: the functions of <mmsim/malloc.h>: any heap, by name.
 */
#include "alloc/heap.h"
#include "alloc/top.h"
#include "base/fatal.h"

#include <errno.h>

struct mmsim_heap {
	struct heap heap;
};

static struct heap *heap_of(struct mmsim_heap *heap)
{
	return &heap->heap;
}

static void *with_errno(void *p)
{
	if (!p)
		errno = ENOMEM;
	return p;
}

PUBLIC struct mmsim_heap *mmsim_heap_create(const struct mmsim_os *os,
					    const char *options)
{
	struct options parsed;
	struct mmsim_heap *heap;
	size_t len;

	if (!os)
		os = mmsim_os_host();
	options_init(&parsed);
	if (options && !options_from_list(&parsed, options)) {
		errno = EINVAL;
		return NULL;
	}
	len = align_up(sizeof(*heap), os->page_size);
	heap = with_errno(os->map(os->ctx, len));
	if (!heap)
		return NULL;
	heap->heap.options = parsed;
	/* A process has one break, and two who move it at the same time can get
	 * the same memory. */
	heap->heap.leaves_brk = os == mmsim_os_host();
	heap_init(&heap->heap, os);
	return heap;
}

PUBLIC void mmsim_heap_destroy(struct mmsim_heap *heap)
{
	struct heap *h = heap_of(heap);
	const struct mmsim_os *os = h->os;

	if (h == &heap_default)
		fatal("mmsim_heap_destroy(): the default heap cannot be "
		      "destroyed");
	mapped_release_all(h);
	for (unsigned i = 0; i < h->nr_arenas; i++)
		top_release_all(heap_arena_at(h, i));
	leftover_retry(h);
	meta_fini(&h->meta);
	os->unmap(os->ctx, heap, align_up(sizeof(*heap), os->page_size));
}

PUBLIC struct mmsim_heap *mmsim_heap_default(void)
{
	heap_default_ready();
	return (struct mmsim_heap *)(void *)&heap_default;
}

PUBLIC void *mmsim_heap_malloc(struct mmsim_heap *heap, size_t size)
{
	struct heap *h = heap_of(heap);
	struct tcache *tc = heap_tcache(h);
	void *p = tcache_malloc(tc, size);

	return p ? p : with_errno(heap_malloc(h, tc, size));
}

PUBLIC void *mmsim_heap_calloc(struct mmsim_heap *heap, size_t n, size_t size)
{
	struct heap *h = heap_of(heap);
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return with_errno(NULL);
	return with_errno(heap_calloc(h, heap_tcache(h), bytes));
}

PUBLIC void *mmsim_heap_realloc(struct mmsim_heap *heap, void *p, size_t size)
{
	struct heap *h = heap_of(heap);

	if (!p)
		return mmsim_heap_malloc(heap, size);
	if (size == 0) {
		mmsim_heap_free(heap, p);
		return NULL;
	}
	return with_errno(heap_realloc(h, heap_tcache(h), p, size));
}

PUBLIC void *mmsim_heap_memalign(struct mmsim_heap *heap, size_t alignment,
				 size_t size)
{
	struct heap *h = heap_of(heap);

	if (!is_power_of_two(alignment)) {
		errno = EINVAL;
		return NULL;
	}
	return with_errno(heap_memalign(h, heap_tcache(h), alignment, size));
}

PUBLIC void mmsim_heap_free(struct mmsim_heap *heap, void *p)
{
	struct heap *h = heap_of(heap);
	struct tcache *tc;

	if (!p)
		return;
	tc = heap_tcache(h);
	if (!tcache_free(tc, p))
		heap_free(h, tc, p);
}

PUBLIC size_t mmsim_heap_usable_size(struct mmsim_heap *heap, void *p)
{
	return p ? heap_usable_size(heap_of(heap), p) : 0;
}

PUBLIC int mmsim_heap_mallopt(struct mmsim_heap *heap, int param, int value)
{
	return heap_mallopt(heap_of(heap), param, value);
}

PUBLIC int mmsim_heap_trim(struct mmsim_heap *heap, size_t pad)
{
	return heap_trim(heap_of(heap), pad);
}
