/*
 * pool.h: objects of one size, from the host's memory.
 *
 * A pool takes blocks of 64 KiB and more from hostmem and cuts them; a freed object
 * goes on a list and is the next to be given out.  Memory goes back to the
 * host with the whole pool.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/base.h"

struct pool_block;

struct pool {
	size_t object_size; /* bytes, a multiple of 16 */
	void *free;         /* the first free object; its first word is the next */
	char *fresh;        /* never given out: up to fresh_end */
	char *fresh_end;
	struct pool_block *blocks;
	size_t nr_used;     /* objects given out */
	size_t host_bytes;  /* taken from the host */
};

void pool_init(struct pool *pool, size_t object_size);
/* Everything that was given out is gone, too. */
void pool_fini(struct pool *pool);
/* The object is not cleared; NULL when the host has no memory. */
void *pool_alloc(struct pool *pool);
void *pool_zalloc(struct pool *pool); /* cleared */
void pool_free(struct pool *pool, void *object);

#endif
