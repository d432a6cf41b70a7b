/*
 * pool.c: objects of one size, from the host's memory.
 *
 *   block:  | object | object | ...            | struct pool_block |
 *
 * The block's own record stands at its end, so that objects whose size is a
 * multiple of the host's page are page-aligned.  Blocks grow with the pool,
 * from 64 KiB to 1 MiB: small pools stay small, large ones take few mappings.
 */
#include "base/pool.h"

#include "base/hostmem.h"

#include <string.h>

enum { POOL_ALIGN = 16 };
#define POOL_MIN_BLOCK (64 * KIB)
#define POOL_MAX_BLOCK MIB

struct pool_block {
	struct pool_block *next;
	void *addr;
	size_t len;
};

void pool_init(struct pool *pool, size_t object_size)
{
	memset(pool, 0, sizeof(*pool));
	pool->object_size = align_up(max_size(object_size, sizeof(void *)),
				     POOL_ALIGN);
}

void pool_fini(struct pool *pool)
{
	struct pool_block *block = pool->blocks;

	while (block) {
		struct pool_block *next = block->next;

		hostmem_unmap(block->addr, block->len);
		block = next;
	}
	pool_init(pool, pool->object_size);
}

static bool pool_grow(struct pool *pool)
{
	size_t len = min_size(max_size(pool->host_bytes, POOL_MIN_BLOCK),
			      POOL_MAX_BLOCK);
	size_t least = pool->object_size + align_up(sizeof(struct pool_block),
						    POOL_ALIGN);
	struct pool_block *block;
	size_t count;
	char *addr;

	len = align_up(max_size(len, least), 4 * KIB);
	addr = hostmem_map(len);
	if (!addr)
		return false;
	block = (struct pool_block *)(void *)(addr + len) - 1;
	block->addr = addr;
	block->len = len;
	block->next = pool->blocks;
	pool->blocks = block;
	pool->host_bytes += len;
	count = (len - sizeof(*block)) / pool->object_size;
	pool->fresh = addr;
	pool->fresh_end = addr + count * pool->object_size;
	return true;
}

/* A freed object, or NULL. */
static void *pool_pop(struct pool *pool)
{
	void *object = pool->free;

	if (object) {
		memcpy(&pool->free, object, sizeof(pool->free));
		pool->nr_used++;
	}
	return object;
}

/* One that was never given out, so all zeros, or NULL. */
static void *pool_fresh(struct pool *pool)
{
	void *object;

	if (pool->fresh == pool->fresh_end && !pool_grow(pool))
		return NULL;
	object = pool->fresh;
	pool->fresh += pool->object_size;
	pool->nr_used++;
	return object;
}

void *pool_alloc(struct pool *pool)
{
	void *object = pool_pop(pool);

	return object ? object : pool_fresh(pool);
}

void *pool_zalloc(struct pool *pool)
{
	void *object = pool_pop(pool);

	if (!object)
		return pool_fresh(pool);
	return memset(object, 0, pool->object_size);
}

void pool_free(struct pool *pool, void *object)
{
	if (!object)
		return;
	ASSERT(pool->nr_used > 0);
	memcpy(object, &pool->free, sizeof(pool->free));
	pool->free = object;
	pool->nr_used--;
}
