/*
 * shrinker.c: caches that can give objects back when memory is short.
 *
 * Each shrinker tells how many objects it could free.  Of these it is asked, in
 * each pass of reclaim, for a part that follows the priority: twice as many as
 * there are >> priority, so all at priority 0 and 1, half at 2, and so on.
 * Objects that can be made again without a disk are dearer than pages: half of
 * them go at once.
 *
 * It is asked in batches of 128, as long as it makes progress.  Less than a
 * batch is not worth while unless it is all: it waits, is added to what comes
 * next, and so is not forgotten where priorities stay high (nr_deferred).
 *
 * Source: kernel documentation, mm/shrinker; admin-guide/sysctl/vm for
 * vfs_cache_pressure, which the file cache's own shrinker applies.
 */
#include "kernel/kmem_cache.h"
#include "kernel/machine.h"
#include "kernel/slab.h"

enum { SHRINK_BATCH = 128 };

void shrinker_register(struct mmsim_machine *machine, struct shrinker *shrinker)
{
	list_add_tail(&shrinker->link, &machine->slab->shrinkers);
}

void shrinker_unregister(struct shrinker *shrinker)
{
	list_del(&shrinker->link);
}

static uint64_t shrink_one(struct mmsim_machine *machine,
			   struct shrinker *shrinker, unsigned priority)
{
	uint64_t freeable = shrinker->count_objects(shrinker);
	uint64_t most = 2 * freeable, scanned = 0, freed = 0, delta, left;

	if (freeable == 0)
		return 0;
	delta = shrinker->is_cheap ? (freeable + 1) / 2 : most >> priority;
	left = min_size((shrinker->nr_deferred >> priority) + delta, most);
	while (left >= SHRINK_BATCH || left >= freeable) {
		uint64_t batch = min_size(left, SHRINK_BATCH);
		uint64_t n = shrinker->scan_objects(shrinker, batch);

		count_vm_events(machine, SLABS_SCANNED, batch);
		freed += n;
		scanned += batch;
		left -= batch;
		if (n == 0 || left == 0)
			break;
	}
	left = shrinker->nr_deferred + delta;
	shrinker->nr_deferred =
		min_size(left > scanned ? left - scanned : 0, most);
	return freed;
}

uint64_t shrink_slab(struct mmsim_machine *machine, unsigned priority)
{
	struct shrinker *shrinker, *tmp;
	uint64_t freed = 0;

	if (priority > 63)
		return 0;
	list_for_each_safe(shrinker, tmp, &machine->slab->shrinkers, link)
		freed += shrink_one(machine, shrinker, priority);
	return freed;
}
