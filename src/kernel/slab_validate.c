/*
 * slab_validate.c: the self-check of the caches.
 *
 * Every slab is on the list where its objects put it, a bit is set for each
 * object that is out, the sums of the cache agree, and its frames say so.
 */
#include "base/outbuf.h"
#include "kernel/kmem_cache.h"

struct slab_check {
	const struct kmem_cache *cache;
	uint64_t nr_slabs, nr_objects, nr_used;
	const char *what; /* the first thing found wrong, or NULL */
};

static void check_that(struct slab_check *check, bool ok, const char *what)
{
	if (!ok && !check->what)
		check->what = what;
}

static void check_slab(struct slab_check *check, const struct slab *slab)
{
	unsigned nr_used = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(slab->used); i++)
		nr_used += (unsigned)__builtin_popcountll(slab->used[i]);
	check_that(check, nr_used == slab->nr_used && nr_used <= slab->objects,
		   "a slab's objects are miscounted");
	check_that(check, slab->cache == check->cache, "a slab is another's");
	for (unsigned i = 0; i < 1u << slab->order; i++)
		check_that(check,
			   page_has(&slab->page[i], PG_slab) &&
				   slab->page[i].mapping == slab &&
				   page_head(&slab->page[i])->refcount == 1,
			   "a frame does not know its slab");
	check->nr_slabs++;
	check->nr_objects += slab->objects;
	check->nr_used += nr_used;
}

static uint64_t check_list(struct slab_check *check,
			   const struct list_head *list, unsigned lowest,
			   bool full)
{
	const struct slab *slab;
	uint64_t nr = 0;

	list_for_each(slab, list, link)
	{
		check_slab(check, slab);
		check_that(check,
			   full ? slab->nr_used == slab->objects
				: slab->nr_used < slab->objects &&
					   slab->nr_used >= lowest &&
					   (lowest || slab->nr_used == 0),
			   "a slab is on the wrong list");
		nr++;
	}
	return nr;
}

static const char *check_cache(const struct kmem_cache *cache)
{
	struct slab_check check = {.cache = cache};

	if (cache->cpu_slab)
		check_slab(&check, cache->cpu_slab);
	check_list(&check, &cache->full, 0, true);
	check_that(&check,
		   check_list(&check, &cache->partial, 1, false) ==
			   cache->nr_partial,
		   "partial slabs are miscounted");
	check_that(&check,
		   check_list(&check, &cache->empty, 0, false) ==
			   cache->nr_empty,
		   "empty slabs are miscounted");
	check_that(&check,
		   check.nr_slabs == cache->nr_slabs &&
			   check.nr_objects == cache->nr_objects &&
			   check.nr_used == cache->nr_used,
		   "the cache's sums are wrong");
	return check.what;
}

int slab_validate(struct mmsim_machine *machine, char *why, size_t len)
{
	const struct kmem_cache *cache;
	struct outbuf out;

	list_for_each(cache, &machine->slab->caches, link)
	{
		const char *what = check_cache(cache);

		if (!what)
			continue;
		outbuf_init(&out, why, len, -1);
		outbuf_printf(&out, "slab cache %s: %s", cache->name, what);
		return -1;
	}
	return 0;
}
