/*
 * kmalloc.c: kernel memory by size: contiguous frames, mapped already.
 *
 * Up to 8 KiB an object of the next larger size: 8, 16, 32, 64, 96, 128, 192,
 * 256, 512, 1k, 2k, 4k, 8k.  Each size exists four times: for ordinary
 * requests, for those charged to a cgroup (-cg), for reclaimable ones (-rcl)
 * and for the DMA zone (dma-).  Above 8 KiB, up to 4 MiB, whole pages come
 * straight from the buddy allocator, 2^order of them.
 *
 * The address is that of the frames in the direct map: nothing is mapped, and
 * the memory is there at once.
 *
 * Source: kernel documentation, core-api/memory-allocation; recordings.
 */
#include "kernel/address_map.h"
#include "kernel/kmem_cache.h"
#include "kernel/page_alloc.h"
#include "kernel/vmalloc.h"

#include <errno.h>
#include <string.h>

static const struct kmalloc_size {
	size_t size;
	char suffix[8];
} kmalloc_sizes[KMALLOC_NR_SIZES] = {
	{8, "8"},     {16, "16"},   {32, "32"},   {64, "64"},   {96, "96"},
	{128, "128"}, {192, "192"}, {256, "256"}, {512, "512"}, {1024, "1k"},
	{2048, "2k"}, {4096, "4k"}, {8192, "8k"},
};

static const char kmalloc_prefixes[NR_KMALLOC_TYPES][16] = {
	[KMALLOC_NORMAL] = "kmalloc-",
	[KMALLOC_CGROUP] = "kmalloc-cg-",
	[KMALLOC_RECLAIM] = "kmalloc-rcl-",
	[KMALLOC_DMA] = "dma-kmalloc-",
};

static struct kmem_cache *kmalloc_create(struct mmsim_machine *machine,
					 enum kmalloc_type type,
					 const struct kmalloc_size *size)
{
	struct kmem_cache *cache;
	char name[KMEM_NAME_LEN];

	strcpy(name, kmalloc_prefixes[type]);
	strcat(name, size->suffix);
	cache = kmem_cache_create(machine, name, size->size, 8,
				  type == KMALLOC_RECLAIM);
	if (cache && type == KMALLOC_DMA)
		cache->gfp |= GFP_F_DMA;
	return cache;
}

int kmalloc_init(struct mmsim_machine *machine)
{
	struct slab_state *state = machine->slab;

	for (unsigned type = 0; type < NR_KMALLOC_TYPES; type++) {
		for (unsigned i = 0; i < KMALLOC_NR_SIZES; i++) {
			struct kmem_cache *cache =
				kmalloc_create(machine, (enum kmalloc_type)type,
					       &kmalloc_sizes[i]);

			if (!cache)
				return -ENOMEM;
			state->kmalloc[type][i] = cache;
		}
	}
	return 0;
}

static enum kmalloc_type kmalloc_type(gfp_t gfp)
{
	if (gfp & GFP_F_DMA)
		return KMALLOC_DMA;
	if (gfp & GFP_F_RECLAIMABLE)
		return KMALLOC_RECLAIM;
	return gfp & GFP_F_ACCOUNT ? KMALLOC_CGROUP : KMALLOC_NORMAL;
}

static uint64_t kmalloc_large(struct mmsim_machine *machine, size_t size,
			      gfp_t gfp)
{
	unsigned order = log2_floor((size - 1) >> PAGE_SHIFT) + 1;
	struct page *page =
		alloc_pages(machine, machine->current, gfp | GFP_F_COMP, order);

	if (!page)
		return 0;
	list_add(&page->lru, &machine->slab->large);
	page_set(page, PG_slab);
	node_stat_add(machine_node_of(machine, page), NR_SLAB_UNRECLAIMABLE,
		      (int64_t)1 << order);
	return direct_map_address(machine, page_pfn(machine, page));
}

uint64_t kmalloc(struct mmsim_machine *machine, size_t size, gfp_t gfp)
{
	unsigned i = 0;

	gfp &= ~(gfp_t)(GFP_F_HIGHMEM | GFP_F_MOVABLE);
	if (size == 0 || size > KMALLOC_MAX_SIZE)
		return 0;
	if (size > (size_t)1 << KMALLOC_SHIFT_HIGH)
		return kmalloc_large(machine, size, gfp);
	while (kmalloc_sizes[i].size < size)
		i++;
	return kmem_cache_alloc(machine->slab->kmalloc[kmalloc_type(gfp)][i],
				gfp & ~(gfp_t)GFP_F_RECLAIMABLE);
}

/* The object at an address: its slab and number, or the head of its pages.
 * False when nothing begins there. */
static bool kmalloc_find(struct mmsim_machine *machine, uint64_t object,
			 struct slab **slab, unsigned *index,
			 struct page **large)
{
	uint64_t offset;
	pfn_t pfn;

	*slab = NULL;
	if (address_map_find(machine, object) != AREA_DIRECT_MAP ||
	    !kernel_address_to_pfn(machine, object, &pfn))
		return false;
	if (pfn >= machine->max_pfn)
		return false;
	*large = page_from_pfn(machine, pfn);
	*slab = slab_of_page(*large);
	if (!*slab)
		return page_has(*large, PG_slab) &&
		       is_aligned(object, PAGE_SIZE);
	offset = object -
		 direct_map_address(machine, page_pfn(machine, (*slab)->page));
	*index = (unsigned)(offset / (*slab)->cache->size);
	return offset % (*slab)->cache->size == 0 &&
	       *index < (*slab)->objects &&
	       ((*slab)->used[*index / 64] >> *index % 64 & 1);
}

void kfree(struct mmsim_machine *machine, uint64_t object)
{
	struct slab *slab;
	struct page *large;
	unsigned index;

	if (object == 0)
		return;
	if (!kmalloc_find(machine, object, &slab, &index, &large)) {
		machine_panic(machine, "kfree: not an object in use");
		return;
	}
	if (slab) {
		slab_give(slab, index);
		return;
	}
	list_del(&large->lru);
	page_clear(large, PG_slab);
	node_stat_add(machine_node_of(machine, large), NR_SLAB_UNRECLAIMABLE,
		      -((int64_t)1 << page_order(large)));
	free_pages(machine, large, page_order(large));
}

void kmem_cache_free(struct kmem_cache *cache, uint64_t object)
{
	struct slab *slab;
	struct page *large;
	unsigned index;

	if (!kmalloc_find(cache->machine, object, &slab, &index, &large) ||
	    !slab || slab->cache != cache) {
		machine_panic(cache->machine,
			      "kmem_cache_free: not an object of this cache");
		return;
	}
	slab_give(slab, index);
}

size_t ksize(struct mmsim_machine *machine, uint64_t object)
{
	struct slab *slab;
	struct page *large;
	unsigned index;

	if (object == 0 ||
	    !kmalloc_find(machine, object, &slab, &index, &large))
		return 0;
	return slab ? slab->cache->size : PAGE_SIZE << page_order(large);
}
