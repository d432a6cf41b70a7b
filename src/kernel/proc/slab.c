/*
 * slab.c (proc): /proc/slabinfo, /proc/vmallocinfo, and the view "slabtop".
 *
 * SLUB counts the free objects of a cache's current slab as active, since it
 * does not look into it: so a fresh cache with one object shows a whole slab
 * of them.  The tunables are SLAB's and always 0.
 *
 * Source: slabinfo(5), proc(5), slabtop(1); recordings.
 */
#include "kernel/kmem_cache.h"
#include "kernel/proc/proc.h"
#include "kernel/view.h"
#include "kernel/vmap.h"

#include <errno.h>

static uint64_t active_objects(const struct kmem_cache *cache)
{
	const struct slab *slab = cache->cpu_slab;

	return cache->nr_used + (slab ? slab->objects - slab->nr_used : 0);
}

static int show_slabinfo(struct mmsim_machine *machine, struct mmsim_task *task,
			 struct outbuf *out, const void *arg)
{
	const struct kmem_cache *cache;

	(void)task;
	(void)arg;
	outbuf_str(out, "slabinfo - version: 2.1\n"
			"# name            <active_objs> <num_objs> <objsize> "
			"<objperslab> <pagesperslab> : tunables <limit> "
			"<batchcount> <sharedfactor> : slabdata <active_slabs> "
			"<num_slabs> <sharedavail>\n");
	list_for_each(cache, &machine->slab->caches, link) {
		unsigned long slabs = cache->nr_slabs;

		outbuf_printf(out, "%-17s %6lu %6lu %6u %4u %4u", cache->name,
			      (unsigned long)active_objects(cache),
			      (unsigned long)cache->nr_objects,
			      (unsigned)cache->size, cache->objects,
			      1u << cache->order);
		outbuf_printf(out,
			      " : tunables %4u %4u %4u"
			      " : slabdata %6lu %6lu %6lu\n",
			      0u, 0u, 0u, slabs, slabs, 0ul);
	}
	return 0;
}

/* " N0=3 N1=1": on which nodes the frames of an area lie. */
static void show_area_nodes(struct mmsim_machine *machine,
			    const struct vmap_area *area, struct outbuf *out)
{
	unsigned long counts[MAX_NODES] = {0};
	pfn_t pfn;

	for (uint64_t i = 0; i < area->nr_pages; i++)
		if (kernel_table_find(machine, area->start + (i << PAGE_SHIFT),
				      &pfn))
			counts[page_node(page_from_pfn(machine, pfn))]++;
	for (unsigned i = 0; i < MAX_NODES; i++)
		if (counts[i])
			outbuf_printf(out, " N%u=%lu", i, counts[i]);
}

static void show_area_range(const struct mmsim_machine *machine,
			    const struct vmap_area *area, struct outbuf *out)
{
	unsigned long start = area->start, end = area->end;

	if (machine->arch == ARCH_X86_64)
		outbuf_printf(out, "0x%016lx-0x%016lx", start, end);
	else
		outbuf_printf(out, "0x%08lx-0x%08lx", start, end);
	outbuf_printf(out, " %7lu", end - start);
}

static int show_vmallocinfo(struct mmsim_machine *machine,
			    struct mmsim_task *task, struct outbuf *out,
			    const void *arg)
{
	const struct vmap_area *area;

	(void)task;
	(void)arg;
	list_for_each(area, &machine->vmalloc->areas, link) {
		show_area_range(machine, area, out);
		if (area->is_ioremap) {
			outbuf_printf(out, " phys=0x%016lx ioremap",
				      (unsigned long)area->phys);
		} else {
			outbuf_printf(out, " pages=%lu vmalloc",
				      (unsigned long)area->nr_pages);
			show_area_nodes(machine, area, out);
		}
		outbuf_str(out, "\n");
	}
	return 0;
}

bool proc_find_slab(struct proc_file *file)
{
	return proc_is(file, "/proc/slabinfo", show_slabinfo, NULL, NULL) ||
	       proc_is(file, "/proc/vmallocinfo", show_vmallocinfo, NULL, NULL);
}

/* --- slabtop ------------------------------------------------------------- */

struct slab_sums {
	uint64_t active_objects, objects, slabs, active_caches, caches;
	uint64_t active_bytes, bytes;
	uint64_t smallest, largest;
};

static struct slab_sums sum_caches(const struct slab_state *state)
{
	struct slab_sums sums = {.smallest = UINT64_MAX};
	const struct kmem_cache *cache;

	list_for_each(cache, &state->caches, link) {
		sums.active_objects += active_objects(cache);
		sums.objects += cache->nr_objects;
		sums.slabs += cache->nr_slabs;
		sums.caches++;
		if (cache->nr_slabs)
			sums.active_caches++;
		sums.active_bytes += active_objects(cache) * cache->size;
		sums.bytes += cache->nr_objects * cache->size;
		if (cache->size < sums.smallest)
			sums.smallest = cache->size;
		if (cache->size > sums.largest)
			sums.largest = cache->size;
	}
	return sums;
}

/* "12.34K" of bytes, rounded; the whole part in `width` columns. */
static void put_kib(struct outbuf *out, uint64_t bytes, unsigned width)
{
	uint64_t hundredths = (bytes * 100 + KIB / 2) / KIB;

	outbuf_uint_pad(out, hundredths / 100, width);
	outbuf_printf(out, ".%02luK", (unsigned long)(hundredths % 100));
}

/* " (98.7%)" */
static void put_percent(struct outbuf *out, uint64_t part, uint64_t whole)
{
	uint64_t tenths = whole ? part * 1000 / whole : 0;

	outbuf_printf(out, " (%lu.%lu%%)\n", (unsigned long)(tenths / 10),
		      (unsigned long)(tenths % 10));
}

static void put_ratio(struct outbuf *out, const char *title, uint64_t part,
		      uint64_t whole)
{
	outbuf_printf(out, " %-35s: %lu / %lu", title, (unsigned long)part,
		      (unsigned long)whole);
	put_percent(out, part, whole);
}

static void put_head(struct outbuf *out, const struct slab_sums *sums)
{
	put_ratio(out, "Active / Total Objects (% used)", sums->active_objects,
		  sums->objects);
	put_ratio(out, "Active / Total Slabs (% used)", sums->slabs,
		  sums->slabs);
	put_ratio(out, "Active / Total Caches (% used)", sums->active_caches,
		  sums->caches);
	outbuf_printf(out, " %-35s: ", "Active / Total Size (% used)");
	put_kib(out, sums->active_bytes, 1);
	outbuf_str(out, " / ");
	put_kib(out, sums->bytes, 1);
	put_percent(out, sums->active_bytes, sums->bytes);
	outbuf_printf(out, " %-35s: ", "Minimum / Average / Maximum Object");
	put_kib(out, sums->smallest, 1);
	outbuf_str(out, " / ");
	put_kib(out, sums->objects ? sums->bytes / sums->objects : 0, 1);
	outbuf_str(out, " / ");
	put_kib(out, sums->largest, 1);
	outbuf_str(out, "\n\n");
}

/* The cache behind `last` in the order of slabtop: most objects first, caches
 * with as many in the order of /proc/slabinfo; NULL at the end. */
static const struct kmem_cache *next_by_objects(const struct slab_state *state,
						const struct kmem_cache *last)
{
	const struct kmem_cache *cache, *best = NULL;
	bool is_behind = false;

	list_for_each(cache, &state->caches, link) {
		bool is_left =
			!last || cache->nr_objects < last->nr_objects ||
			(cache->nr_objects == last->nr_objects && is_behind);

		if (is_left && (!best || cache->nr_objects > best->nr_objects))
			best = cache;
		if (cache == last)
			is_behind = true;
	}
	return best;
}

static void put_cache(struct outbuf *out, const struct kmem_cache *cache)
{
	uint64_t active = active_objects(cache);
	unsigned use = cache->nr_objects
			       ? (unsigned)(active * 100 / cache->nr_objects)
			       : 0;

	outbuf_printf(out, "%6lu %6lu %3u%% ", (unsigned long)cache->nr_objects,
		      (unsigned long)active, use);
	put_kib(out, cache->size, 4);
	outbuf_printf(out, " %6lu %8u %9luK %-23s\n",
		      (unsigned long)cache->nr_slabs, cache->objects,
		      (unsigned long)(cache->nr_slabs *
				      pages_to_kb(1u << cache->order)),
		      cache->name);
}

int view_slabtop(struct mmsim_machine *machine, struct outbuf *out,
		 const char *args)
{
	const struct slab_state *state = machine->slab;
	struct slab_sums sums = sum_caches(state);
	const struct kmem_cache *cache = NULL;

	if (*args)
		return -EINVAL;
	put_head(out, &sums);
	outbuf_str(out,
		   "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE "
		   "NAME\n");
	while ((cache = next_by_objects(state, cache)))
		put_cache(out, cache);
	return 0;
}
