/*
 * kmem_cache.h: the inside of a cache, for slab.c, kmalloc.c and those who
 * print it.
 *
 *   cache -+- cpu_slab   objects come from here; its free ones count as taken
 *          +- partial    some objects out
 *          +- full       all out
 *          +- empty      none out; at most as many as SLUB keeps
 *
 *   slab: 2^order frames, the first at `page`
 *   +----------+----------+----------+-- ... --+-------+
 *   | object 0 | object 1 | object 2 |         | waste |
 *   +----------+----------+----------+-- ... --+-------+
 *
 * Simplified: one cpu_slab and one set of lists a cache, not one for each CPU
 * and node; the free object with the lowest number is the next.
 */
#ifndef KERNEL_KMEM_CACHE_H
#define KERNEL_KMEM_CACHE_H

#include "kernel/machine.h"
#include "kernel/slab.h"

enum {
	KMEM_NAME_LEN = 32,
	SLAB_MAX_OBJECTS = 512, /* 8 bytes each in one page */
	SLAB_MAX_ORDER = 3,
	SLAB_MIN_PARTIAL = 5, /* empty or partial slabs kept, at least */
	SLAB_MAX_PARTIAL = 10,
	KMALLOC_SHIFT_HIGH = 13, /* 8 KiB */
	KMALLOC_NR_SIZES = 13,   /* 8 .. 8192, 96 and 192 */
	KMALLOC_MAX_SIZE = 1 << 22,
};

enum kmalloc_type {
	KMALLOC_NORMAL,
	KMALLOC_CGROUP,  /* GFP_F_ACCOUNT */
	KMALLOC_RECLAIM, /* GFP_F_RECLAIMABLE */
	KMALLOC_DMA,     /* GFP_F_DMA */
	NR_KMALLOC_TYPES,
};

struct slab {
	struct kmem_cache *cache;
	struct page *page;
	struct list_head link; /* in a list of the cache; none for cpu_slab */
	unsigned order, objects, nr_used;
	uint64_t used[SLAB_MAX_OBJECTS / 64]; /* bit n: object n is out */
};

struct kmem_cache {
	struct mmsim_machine *machine;
	char name[KMEM_NAME_LEN];
	size_t object_size, size; /* asked for, and from object to object */
	unsigned order, objects;  /* of a slab */
	unsigned min_order;       /* when memory is short: one object fits */
	unsigned min_partial;
	bool reclaimable;
	gfp_t gfp;             /* added to every request for frames */
	struct list_head link; /* in slab_state.caches, newest first */
	struct slab *cpu_slab; /* or NULL */
	struct list_head partial, full, empty;
	uint64_t nr_partial, nr_empty, nr_slabs;
	uint64_t nr_objects, nr_used; /* room for, and out */
};

struct slab_state {
	struct list_head caches;
	struct pool cache_pool,
		slab_pool; /* of struct kmem_cache, struct slab */
	struct kmem_cache *records[NR_KMEM_RECORDS];
	struct pool record_pools[NR_KMEM_RECORDS];
	struct kmem_cache *kmalloc[NR_KMALLOC_TYPES][KMALLOC_NR_SIZES];
	struct list_head large; /* page->lru of kmalloc's that are whole pages
				 * (PG_slab on the first, mapping NULL) */
	struct list_head shrinkers;
	uint64_t nr_freed_pages; /* given back, ever: what shrinking brings */
};

/* Frames (as an order) and objects of a slab of objects of this size. */
unsigned slab_calculate_order(size_t size, unsigned nr_cpus);

/* An object, as its slab and its number there: 0 or -ENOMEM. */
int slab_take(struct kmem_cache *cache, gfp_t gfp, struct slab **slab,
	      unsigned *index);
void slab_give(struct slab *slab, unsigned index);
/* The slab that owns a page; NULL: no slab's, or one of kmalloc's own. */
struct slab *slab_of_page(const struct page *page);

/* slab_record.c */
int slab_record_init(struct mmsim_machine *machine);
void slab_record_fini(struct mmsim_machine *machine);
/* kmalloc.c */
int kmalloc_init(struct mmsim_machine *machine);

#endif
