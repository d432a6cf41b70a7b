/*
 * slab.h: caches of kernel objects of one size (SLUB's shape).
 *
 * A slab is 2^order frames that hold `objects` objects.  The simulated
 * kernel's own records (areas, tasks, ...) take their host memory from a pool
 * and are charged to a cache here: a slab knows which of its objects are out,
 * and its frames go back when it is empty, but for the few that a cache keeps.
 * kmalloc'ed objects have an address in the kernel's direct map.
 *
 * Sources: kernel documentation, mm/slub and core-api/memory-allocation.
 */
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include "base/list.h"
#include "base/pool.h"
#include "kernel/gfp.h"
#include "kernel/types.h"

struct mmsim_machine;
struct mmsim_task;
struct kmem_cache;

/* Caches of the simulated kernel's own records. */
enum kmem_record {
	KMEM_TASK_STRUCT,
	KMEM_MM_STRUCT,
	KMEM_VM_AREA_STRUCT,
	KMEM_ANON_VMA,
	KMEM_ANON_VMA_CHAIN,
	KMEM_FILP,
	KMEM_DENTRY,
	KMEM_INODE,       /* ext4_inode_cache: files of the disk */
	KMEM_SHMEM_INODE, /* shmem_inode_cache */
	KMEM_MEMPOLICY,   /* numa_policy */
	KMEM_VMAP_AREA,
	KMEM_RADIX_NODE,
	KMEM_BUFFER_HEAD,
	NR_KMEM_RECORDS,
};

int slab_init(struct mmsim_machine *machine);
void slab_fini(struct mmsim_machine *machine);

/* A record with its bytes cleared, charged to its cache; NULL: no memory.
 * host_size: sizeof of our struct, the same in all calls for one record. */
void *kmem_record_alloc(struct mmsim_machine *machine, enum kmem_record record,
			size_t host_size);
/* The same for who cannot do everything that GFP_KERNEL may do. */
void *kmem_record_alloc_gfp(struct mmsim_machine *machine,
			    enum kmem_record record, size_t host_size,
			    gfp_t gfp);
void kmem_record_free(struct mmsim_machine *machine, enum kmem_record record,
		      void *object);

/* A cache of one's own; NULL when the size is 0 or above 4 MiB.  `reclaimable`
 * counts in SReclaimable. */
struct kmem_cache *kmem_cache_create(struct mmsim_machine *machine,
				     const char *name, size_t object_size,
				     size_t align, bool reclaimable);
void kmem_cache_destroy(struct kmem_cache *cache);
/* The kernel address of an object, 0: no memory. */
uint64_t kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *cache, uint64_t object);
/* Empty slabs go back; pages freed. */
uint64_t kmem_cache_shrink(struct kmem_cache *cache);

/* The kernel address of `size` contiguous bytes; 0: no memory, or above 4 MiB. */
uint64_t kmalloc(struct mmsim_machine *machine, size_t size, gfp_t gfp);
void kfree(struct mmsim_machine *machine, uint64_t object);
size_t ksize(struct mmsim_machine *machine, uint64_t object);

/* A cache that can give objects back under pressure. */
struct shrinker {
	const char *name;
	uint64_t (*count_objects)(struct shrinker *shrinker);
	/* Frees up to nr; how many were freed. */
	uint64_t (*scan_objects)(struct shrinker *shrinker, uint64_t nr);
	void *arg;
	struct list_head link;
	bool is_cheap;        /* objects are made again without a disk */
	uint64_t nr_deferred; /* objects that it was not asked for yet */
};
void shrinker_register(struct mmsim_machine *machine,
		       struct shrinker *shrinker);
void shrinker_unregister(struct shrinker *shrinker);
/* Asks all shrinkers for a part of their objects: all at priority 0; the number
 * freed. */
uint64_t shrink_slab(struct mmsim_machine *machine, unsigned priority);

/* The books of all caches: 0, or -1 and what is wrong. */
int slab_validate(struct mmsim_machine *machine, char *why, size_t len);

#endif
