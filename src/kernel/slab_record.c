/*
 * slab_record.c: the simulated kernel's own records, charged to their caches.
 *
 * The bytes of a record are the host's, in a pool; what the record costs the
 * simulated machine is an object of the cache that the real kernel would take
 * it from.  A small head in front of the record says which object that is:
 *
 *   +---------------+--------------------------------+
 *   | slab | number | the record, as the caller sees |
 *   +---------------+--------------------------------+
 *
 * Records that boot makes are the kernel image's and charged to nothing
 * (slab NULL).
 *
 * Sizes are those of the recorded 6.1 for x86-64, in every profile.
 */
#include "kernel/kmem_cache.h"

#include <errno.h>
#include <string.h>

struct record_head {
	struct slab *slab;
	uint64_t index;
};

_Static_assert(sizeof(struct record_head) == 16, "records stay aligned");

static const struct record_kind {
	char name[20];
	size_t size;
	bool reclaimable;
} record_kinds[NR_KMEM_RECORDS] = {
	[KMEM_TASK_STRUCT] = {"task_struct", 8448, false},
	[KMEM_MM_STRUCT] = {"mm_struct", 1152, false},
	[KMEM_VM_AREA_STRUCT] = {"vm_area_struct", 152, false},
	[KMEM_ANON_VMA] = {"anon_vma", 104, false},
	[KMEM_ANON_VMA_CHAIN] = {"anon_vma_chain", 64, false},
	[KMEM_FILP] = {"filp", 256, false},
	[KMEM_DENTRY] = {"dentry", 192, true},
	[KMEM_INODE] = {"ext4_inode_cache", 1192, true},
	[KMEM_SHMEM_INODE] = {"shmem_inode_cache", 784, false},
	[KMEM_MEMPOLICY] = {"numa_policy", 272, false},
	[KMEM_VMAP_AREA] = {"vmap_area", 64, false},
	[KMEM_RADIX_NODE] = {"radix_tree_node", 584, true},
	[KMEM_BUFFER_HEAD] = {"buffer_head", 104, true},
};

/* As the recorded machine made them, oldest first: /proc/slabinfo shows them
 * the other way round. */
static const enum kmem_record creation_order[NR_KMEM_RECORDS] = {
	KMEM_VMAP_AREA,   KMEM_MM_STRUCT,      KMEM_RADIX_NODE,
	KMEM_MEMPOLICY,   KMEM_ANON_VMA,       KMEM_ANON_VMA_CHAIN,
	KMEM_TASK_STRUCT, KMEM_VM_AREA_STRUCT, KMEM_DENTRY,
	KMEM_FILP,        KMEM_SHMEM_INODE,    KMEM_BUFFER_HEAD,
	KMEM_INODE,
};

int slab_record_init(struct mmsim_machine *machine)
{
	struct slab_state *state = machine->slab;

	for (unsigned i = 0; i < NR_KMEM_RECORDS; i++) {
		enum kmem_record record = creation_order[i];
		const struct record_kind *kind = &record_kinds[record];
		struct kmem_cache *cache = kmem_cache_create(
			machine, kind->name, kind->size, 8, kind->reclaimable);

		if (!cache)
			return -ENOMEM;
		state->records[record] = cache;
	}
	return 0;
}

void slab_record_fini(struct mmsim_machine *machine)
{
	for (unsigned i = 0; i < NR_KMEM_RECORDS; i++) {
		struct pool *pool = &machine->slab->record_pools[i];

		if (pool->object_size)
			pool_fini(pool);
	}
}

void *kmem_record_alloc_gfp(struct mmsim_machine *machine,
			    enum kmem_record record, size_t host_size,
			    gfp_t gfp)
{
	struct slab_state *state = machine->slab;
	struct pool *pool = &state->record_pools[record];
	struct record_head *head;
	unsigned index;

	host_size = align_up(host_size, 16) + sizeof(*head);
	if (!pool->object_size)
		pool_init(pool, host_size);
	ASSERT(pool->object_size == host_size);
	head = pool_zalloc(pool);
	if (!head || machine->is_booting)
		return head ? head + 1 : NULL;
	if (slab_take(state->records[record], gfp, &head->slab, &index)) {
		pool_free(pool, head);
		machine_refuse(machine, REFUSAL_NO_MEMORY);
		return NULL;
	}
	head->index = index;
	return head + 1;
}

void *kmem_record_alloc(struct mmsim_machine *machine, enum kmem_record record,
			size_t host_size)
{
	return kmem_record_alloc_gfp(machine, record, host_size, GFP_KERNEL);
}

void kmem_record_free(struct mmsim_machine *machine, enum kmem_record record,
		      void *object)
{
	struct record_head *head;

	if (!object)
		return;
	head = (struct record_head *)object - 1;
	if (head->slab) {
		ASSERT(head->slab->cache == machine->slab->records[record]);
		slab_give(head->slab, (unsigned)head->index);
	}
	pool_free(&machine->slab->record_pools[record], head);
}
