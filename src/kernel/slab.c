/*
 * slab.c: caches of objects of one size, in the shape of SLUB.
 *
 * How large a slab is: the smallest order up to 3 that holds at least
 * 4 x (fls(CPUs) + 1) objects and wastes at most 1/16 of itself.  When no order
 * does, the waste may be 1/8, then 1/4, and after that one object fewer is
 * asked for.  Objects too large for that get the smallest order that holds one.
 * The recordings' caches all follow it.
 *
 * Which slab: objects come from the cache's current slab.  When that is full,
 * the next is a partial one, then an empty one, then a new one.  A slab
 * whose last object comes back is kept while the cache has few others (log2 of
 * the size halved, 5 to 10), and its frames go back to the buddy allocator
 * otherwise.
 *
 * When frames are short a slab may be smaller, down to one object.
 *
 * Source: kernel documentation, mm/slub; recordings of /proc/slabinfo.
 */
#include "kernel/kmem_cache.h"
#include "base/hostmem.h"
#include "kernel/address_map.h"
#include "kernel/page_alloc.h"

#include <errno.h>
#include <string.h>

static unsigned order_for_bytes(size_t bytes)
{
	return bytes <= PAGE_SIZE ? 0
				  : log2_floor((bytes - 1) >> PAGE_SHIFT) + 1;
}

/* The smallest order from the one that holds min_objects on, that wastes at
 * most 1/fraction; SLAB_MAX_ORDER + 1: none. */
static unsigned order_with_waste(size_t size, unsigned min_objects,
				 unsigned fraction)
{
	unsigned order = order_for_bytes(min_objects * size);

	for (; order <= SLAB_MAX_ORDER; order++) {
		size_t bytes = PAGE_SIZE << order;

		if (bytes % size <= bytes / fraction)
			break;
	}
	return order;
}

unsigned slab_calculate_order(size_t size, unsigned nr_cpus)
{
	unsigned min_objects = 4 * (log2_floor(nr_cpus) + 2);
	unsigned most = (unsigned)((PAGE_SIZE << SLAB_MAX_ORDER) / size);

	if (min_objects > most)
		min_objects = most;
	for (; min_objects > 1; min_objects--) {
		for (unsigned fraction = 16; fraction >= 4; fraction /= 2) {
			unsigned order =
				order_with_waste(size, min_objects, fraction);

			if (order <= SLAB_MAX_ORDER)
				return order;
		}
	}
	return order_for_bytes(size);
}

struct slab *slab_of_page(const struct page *page)
{
	return page_has(page, PG_slab) ? page->mapping : NULL;
}

/* --- slabs --------------------------------------------------------------- */

static enum node_stat_item slab_counter(const struct kmem_cache *cache)
{
	return cache->reclaimable ? NR_SLAB_RECLAIMABLE : NR_SLAB_UNRECLAIMABLE;
}

static struct page *slab_alloc_pages(struct kmem_cache *cache, gfp_t gfp,
				     unsigned *order)
{
	struct mmsim_machine *machine = cache->machine;
	struct page *page;
	gfp_t first;

	gfp = (gfp & ~(gfp_t)GFP_F_ZERO) | cache->gfp | GFP_F_COMP;
	*order = cache->order;
	if (cache->order == cache->min_order)
		return alloc_pages(machine, machine->current, gfp, *order);
	first = (gfp | GFP_F_NOWARN | GFP_F_NORETRY | GFP_F_NOMEMALLOC) &
		~(gfp_t)(GFP_F_NOFAIL | GFP_F_DIRECT_RECLAIM);
	page = alloc_pages(machine, machine->current, first, *order);
	if (page)
		return page;
	*order = cache->min_order;
	return alloc_pages(machine, machine->current, gfp, *order);
}

static struct slab *slab_create(struct kmem_cache *cache, gfp_t gfp)
{
	struct mmsim_machine *machine = cache->machine;
	struct slab *slab = pool_zalloc(&machine->slab->slab_pool);

	if (!slab)
		return NULL;
	slab->page = slab_alloc_pages(cache, gfp, &slab->order);
	if (!slab->page) {
		pool_free(&machine->slab->slab_pool, slab);
		return NULL;
	}
	slab->cache = cache;
	slab->objects = (unsigned)((PAGE_SIZE << slab->order) / cache->size);
	list_init(&slab->link);
	for (unsigned i = 0; i < 1u << slab->order; i++) {
		page_set(&slab->page[i], PG_slab);
		slab->page[i].mapping = slab;
	}
	node_stat_add(machine_node_of(machine, slab->page), slab_counter(cache),
		      (int64_t)1 << slab->order);
	cache->nr_slabs++;
	cache->nr_objects += slab->objects;
	return slab;
}

static void slab_destroy(struct slab *slab)
{
	struct kmem_cache *cache = slab->cache;
	struct mmsim_machine *machine = cache->machine;

	ASSERT(slab->nr_used == 0);
	for (unsigned i = 0; i < 1u << slab->order; i++) {
		page_clear(&slab->page[i], PG_slab);
		slab->page[i].mapping = NULL;
		page_content_drop(machine, &slab->page[i]);
	}
	node_stat_add(machine_node_of(machine, slab->page), slab_counter(cache),
		      -((int64_t)1 << slab->order));
	cache->nr_slabs--;
	cache->nr_objects -= slab->objects;
	machine->slab->nr_freed_pages += (uint64_t)1 << slab->order;
	free_pages(machine, slab->page, slab->order);
	pool_free(&machine->slab->slab_pool, slab);
}

/* --- lists --------------------------------------------------------------- */

static bool slab_is_full(const struct slab *slab)
{
	return slab->nr_used == slab->objects;
}

/* A slab that is on no list goes where its objects say; empty ones are kept
 * only while there are few to take from. */
static void slab_put_on_list(struct slab *slab)
{
	struct kmem_cache *cache = slab->cache;

	if (slab_is_full(slab)) {
		list_add(&slab->link, &cache->full);
	} else if (slab->nr_used) {
		list_add_tail(&slab->link, &cache->partial);
		cache->nr_partial++;
	} else if (cache->nr_partial + cache->nr_empty < cache->min_partial) {
		list_add(&slab->link, &cache->empty);
		cache->nr_empty++;
	} else {
		slab_destroy(slab);
	}
}

/* Out of its list, by the number of objects that it had there. */
static void slab_take_off_list(struct slab *slab, unsigned nr_used)
{
	list_del(&slab->link);
	if (nr_used == 0)
		slab->cache->nr_empty--;
	else if (nr_used < slab->objects)
		slab->cache->nr_partial--;
}

static void cpu_slab_set(struct kmem_cache *cache, struct slab *slab)
{
	struct slab *old = cache->cpu_slab;

	cache->cpu_slab = slab;
	if (old)
		slab_put_on_list(old);
}

/* A current slab with a free object: 0 or -ENOMEM. */
static int cpu_slab_refill(struct kmem_cache *cache, gfp_t gfp)
{
	struct slab *slab;

	if (!list_is_empty(&cache->partial))
		slab = list_first(&cache->partial, struct slab, link);
	else if (!list_is_empty(&cache->empty))
		slab = list_first(&cache->empty, struct slab, link);
	else
		slab = NULL;
	if (slab) {
		slab_take_off_list(slab, slab->nr_used);
	} else {
		slab = slab_create(cache, gfp);
		if (!slab)
			return -ENOMEM;
	}
	cpu_slab_set(cache, slab);
	return 0;
}

int slab_take(struct kmem_cache *cache, gfp_t gfp, struct slab **result,
	      unsigned *index)
{
	struct slab *slab = cache->cpu_slab;
	unsigned word = 0;

	if (!slab || slab_is_full(slab)) {
		int err = cpu_slab_refill(cache, gfp);

		if (err)
			return err;
		slab = cache->cpu_slab;
	}
	while (~slab->used[word] == 0)
		word++;
	*index = word * 64 + log2_lowest(~slab->used[word]);
	slab->used[word] |= (uint64_t)1 << *index % 64;
	slab->nr_used++;
	cache->nr_used++;
	*result = slab;
	return 0;
}

void slab_give(struct slab *slab, unsigned index)
{
	struct kmem_cache *cache = slab->cache;
	unsigned before = slab->nr_used;

	ASSERT(slab->used[index / 64] >> index % 64 & 1);
	slab->used[index / 64] &= ~((uint64_t)1 << index % 64);
	slab->nr_used--;
	cache->nr_used--;
	if (slab == cache->cpu_slab)
		return;
	if (before < slab->objects && slab->nr_used > 0)
		return;
	slab_take_off_list(slab, before);
	slab_put_on_list(slab);
}

/* --- caches -------------------------------------------------------------- */

static unsigned min_partial_for(size_t size)
{
	unsigned n = log2_floor(size) / 2;

	if (n < SLAB_MIN_PARTIAL)
		return SLAB_MIN_PARTIAL;
	return n > SLAB_MAX_PARTIAL ? SLAB_MAX_PARTIAL : n;
}

struct kmem_cache *kmem_cache_create(struct mmsim_machine *machine,
				     const char *name, size_t object_size,
				     size_t align, bool reclaimable)
{
	struct slab_state *state = machine->slab;
	struct kmem_cache *cache;

	if (object_size == 0 || object_size > KMALLOC_MAX_SIZE)
		return NULL;
	if (align < 8)
		align = 8;
	if (!is_power_of_two(align) || align > PAGE_SIZE)
		return NULL;
	cache = pool_zalloc(&state->cache_pool);
	if (!cache)
		return NULL;
	cache->machine = machine;
	strncpy(cache->name, name, sizeof(cache->name) - 1);
	cache->object_size = object_size;
	cache->size = align_up(object_size, align);
	cache->order = slab_calculate_order(cache->size, machine->nr_cpus);
	cache->objects = (unsigned)((PAGE_SIZE << cache->order) / cache->size);
	cache->min_order = order_for_bytes(cache->size);
	cache->min_partial = min_partial_for(cache->size);
	cache->reclaimable = reclaimable;
	cache->gfp = reclaimable ? GFP_F_RECLAIMABLE : 0;
	list_init(&cache->partial);
	list_init(&cache->full);
	list_init(&cache->empty);
	list_add(&cache->link, &state->caches);
	return cache;
}

uint64_t kmem_cache_shrink(struct kmem_cache *cache)
{
	uint64_t freed = 0;
	struct slab *slab, *tmp;

	if (cache->cpu_slab) {
		slab = cache->cpu_slab;
		cache->cpu_slab = NULL;
		if (slab->nr_used) {
			slab_put_on_list(slab);
		} else {
			freed += 1u << slab->order;
			slab_destroy(slab);
		}
	}
	list_for_each_safe(slab, tmp, &cache->empty, link)
	{
		freed += 1u << slab->order;
		slab_take_off_list(slab, 0);
		slab_destroy(slab);
	}
	return freed;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	struct slab_state *state = cache->machine->slab;

	if (cache->nr_used) {
		printk(cache->machine,
		       "kmem_cache_destroy %s: Slab cache still has objects",
		       cache->name);
		return;
	}
	kmem_cache_shrink(cache);
	list_del(&cache->link);
	pool_free(&state->cache_pool, cache);
}

uint64_t kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	struct mmsim_machine *machine = cache->machine;
	struct slab *slab;
	unsigned index;

	if (slab_take(cache, gfp, &slab, &index))
		return 0;
	return direct_map_address(machine, page_pfn(machine, slab->page)) +
	       index * cache->size;
}

/* --- the machine --------------------------------------------------------- */

int slab_init(struct mmsim_machine *machine)
{
	struct slab_state *state = hostmem_map(sizeof(*state));
	int err;

	if (!state)
		return -ENOMEM;
	machine->slab = state;
	list_init(&state->caches);
	list_init(&state->large);
	list_init(&state->shrinkers);
	pool_init(&state->cache_pool, sizeof(struct kmem_cache));
	pool_init(&state->slab_pool, sizeof(struct slab));
	err = kmalloc_init(machine);
	if (!err)
		err = slab_record_init(machine);
	if (err)
		slab_fini(machine);
	return err;
}

void slab_fini(struct mmsim_machine *machine)
{
	struct slab_state *state = machine->slab;

	if (!state)
		return;
	slab_record_fini(machine);
	pool_fini(&state->slab_pool);
	pool_fini(&state->cache_pool);
	hostmem_unmap(state, sizeof(*state));
	machine->slab = NULL;
}
