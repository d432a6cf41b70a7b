/*
 * meta.c: blocks of powers of two for the allocator's own structures.
 *
 * There are few of these blocks and most live as long as their thread, so a
 * free list for each size is enough; nothing is split or joined again.
 */
#include "alloc/meta.h"

#include <string.h>

#define META_AREA_BYTES (256 * KIB)

void meta_init(struct meta *meta, const struct mmsim_os *os)
{
	lock_init(&meta->lock, LOCK_RANK_META);
	meta->os = os;
	meta->next = (uintptr_t)meta->first;
	meta->end = (uintptr_t)meta->first + sizeof(meta->first);
}

static unsigned meta_log2(size_t bytes)
{
	unsigned log2 = META_MIN_LOG2;

	while (((size_t)1 << log2) < bytes)
		log2++;
	return log2;
}

/* Cuts a block off the newest area; NULL: it is used up. */
static void *meta_cut(struct meta *meta, size_t bytes)
{
	void *block = (void *)meta->next;

	if (meta->end - meta->next < bytes)
		return NULL;
	meta->next += bytes;
	return block;
}

static bool meta_grow(struct meta *meta)
{
	struct meta_area *area = meta->os->map(meta->os->ctx, META_AREA_BYTES);

	if (!area)
		return false;
	area->next = meta->areas;
	area->len = META_AREA_BYTES;
	meta->areas = area;
	meta->bytes += area->len;
	meta->next = align_up((uintptr_t)(area + 1), 64);
	meta->end = (uintptr_t)area + area->len;
	return true;
}

void *meta_alloc(struct meta *meta, size_t bytes)
{
	unsigned log2 = meta_log2(bytes);
	struct meta_block *block, *used;

	ASSERT(log2 <= META_MAX_LOG2);
	lock_take(&meta->lock);
	block = used = meta->free[log2];
	if (block) {
		meta->free[log2] = block->next;
	} else {
		block = meta_cut(meta, (size_t)1 << log2);
		if (!block && meta_grow(meta))
			block = meta_cut(meta, (size_t)1 << log2);
	}
	lock_drop(&meta->lock);
	return used ? memset(used, 0, (size_t)1 << log2) : block;
}

COLD_FAR void meta_prepare(struct meta *meta)
{
	lock_take(&meta->lock);
	if (meta->end - meta->next < META_AREA_BYTES / 2)
		meta_grow(meta);
	lock_drop(&meta->lock);
}

void meta_free(struct meta *meta, void *p, size_t bytes)
{
	unsigned log2 = meta_log2(bytes);
	struct meta_block *block = p;

	lock_take(&meta->lock);
	block->next = meta->free[log2];
	meta->free[log2] = block;
	lock_drop(&meta->lock);
}

COLD_FAR void meta_fini(struct meta *meta)
{
	while (meta->areas) {
		struct meta_area *area = meta->areas;

		meta->areas = area->next;
		meta->os->unmap(meta->os->ctx, area, area->len);
	}
}
