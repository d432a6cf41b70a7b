/*
 * shrinker.c: caches that can give objects back when memory is short.
 *
 * Each shrinker tells how many objects it could free, and is asked for a part
 * of them: all at priority 0, half at 1, and so on to a 4096th at 12, where
 * reclaim begins.  It is asked in batches of 128, as long as it makes progress.
 *
 * Source: kernel documentation, mm/shrinker; admin-guide/sysctl/vm for
 * vfs_cache_pressure, which the file cache's own shrinker applies.
 */
#include "kernel/machine.h"
#include "kernel/slab.h"
#include "kernel/kmem_cache.h"

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
	uint64_t left = shrinker->count_objects(shrinker) >> priority;
	uint64_t freed = 0;

	while (left) {
		uint64_t batch = left < SHRINK_BATCH ? left : SHRINK_BATCH;
		uint64_t n = shrinker->scan_objects(shrinker, batch);

		count_vm_events(machine, SLABS_SCANNED, batch);
		freed += n;
		left -= batch;
		if (n == 0)
			break;
	}
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
