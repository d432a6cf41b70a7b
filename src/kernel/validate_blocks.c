/*
 * validate_blocks.c: the self-check of memory blocks and DIMMs.
 *
 *   a block of a DIMM      is not "as booted", and others are no DIMM's
 *   an online one          is in a zone that spans it and is its node's
 *   one that is off        has never-used frames, in no zone
 *   DIMMs                  lie in the region, apart from each other, and have
 *                          the struct pages that their frames need
 *   nothing is isolated    between two calls, neither free nor used pages
 */
#include "kernel/memory_block.h"
#include "kernel/page_alloc.h"
#include "kernel/validate.h"

/* Whose frames these are; NULL: there at boot. */
static const struct dimm *dimm_of(const struct hotplug_state *hotplug,
				  const struct memory_range *range)
{
	for (unsigned i = 0; i < hotplug->nr_slots; i++) {
		const struct memory_range *other = &hotplug->dimms[i].range;

		if (range->start < other->end && range->end > other->start)
			return &hotplug->dimms[i];
	}
	return NULL;
}

static void validate_online(struct validate *v,
			    const struct memory_block *block,
			    const struct memory_range *range)
{
	unsigned long nr = memory_block_nr(v->machine, block);
	const struct zone *zone = block->zone;

	VALIDATE(v,
		 zone && range->start >= zone->start_pfn &&
			 range->end <= zone_end_pfn(zone) &&
			 zone->node->id == block->node,
		 "memory block %lu is online outside of its zone", nr);
	for (pfn_t pfn = range->start; pfn < range->end; pfn += HPAGE_PMD_NR)
		VALIDATE(v,
			 pageblock_migratetype(v->machine, pfn) !=
				 MIGRATE_ISOLATE,
			 "memory block %lu is isolated", nr);
}

/* The first frame of each host page of the memory map stands for its
 * neighbours. */
static void validate_offline(struct validate *v,
			     const struct memory_block *block,
			     const struct memory_range *range)
{
	unsigned long nr = memory_block_nr(v->machine, block);

	VALIDATE(v, !block->zone, "memory block %lu is off and in a zone", nr);
	for (pfn_t pfn = range->start; pfn < range->end;
	     pfn += PAGE_SIZE / STRUCT_PAGE_BYTES) {
		const struct page *page = page_from_pfn(v->machine, pfn);

		VALIDATE(v, page->flags == 0 && page->refcount == 0,
			 "frame %lu is in use, and its memory block is off",
			 (unsigned long)pfn);
	}
}

static void validate_block(struct validate *v, const struct memory_block *block)
{
	struct memory_range range = memory_block_range(v->machine, block);
	const struct dimm *dimm = dimm_of(v->machine->hotplug, &range);
	unsigned long nr = memory_block_nr(v->machine, block);

	VALIDATE(v, block->is_of_dimm == (dimm != NULL),
		 "memory block %lu does not know its DIMM", nr);
	VALIDATE(v, !dimm || block->state != MEMORY_AS_BOOTED,
		 "memory block %lu came with a DIMM, not with boot", nr);
	VALIDATE(v, !dimm || block->node == dimm->node,
		 "memory block %lu is not on its DIMM's node", nr);
	if (block->state == MEMORY_ONLINE)
		validate_online(v, block, &range);
	else if (block->state == MEMORY_OFFLINE)
		validate_offline(v, block, &range);
}

static void validate_dimm(struct validate *v, const struct dimm *dimm)
{
	const struct hotplug_state *hotplug = v->machine->hotplug;
	unsigned slot = (unsigned)(dimm - hotplug->dimms);
	uint64_t nr_frames = dimm->range.end - dimm->range.start;
	uint64_t nr_pages = 0;
	const struct page *page;

	VALIDATE(v,
		 dimm->range.start >= hotplug->region.start &&
			 dimm->range.end <= hotplug->region.end &&
			 dimm->range.end <= v->machine->max_pfn &&
			 is_aligned(dimm->range.start | nr_frames,
				    hotplug->block_pages),
		 "DIMM %u is where none can be", slot);
	for (unsigned i = 0; i < slot; i++)
		VALIDATE(v,
			 hotplug->dimms[i].range.start >= dimm->range.end ||
				 hotplug->dimms[i].range.end <=
					 dimm->range.start,
			 "DIMMs %u and %u overlap", i, slot);
	list_for_each(page, &dimm->memmap, lru) {
		VALIDATE(v, page_has(page, PG_reserved) && page->refcount == 1,
			 "frame %lu holds struct pages, and is not reserved",
			 (unsigned long)page_pfn(v->machine, page));
		nr_pages += (uint64_t)1 << page_order(page);
	}
	VALIDATE(v, nr_pages * PAGE_SIZE == nr_frames * STRUCT_PAGE_BYTES,
		 "DIMM %u has %lu pages of struct pages", slot,
		 (unsigned long)nr_pages);
}

void validate_blocks(struct validate *v)
{
	const struct hotplug_state *hotplug = v->machine->hotplug;
	uint64_t nr_changed = 0, nr_isolated = 0;

	for (unsigned i = 0; i < hotplug->nr_slots && !v->has_failed; i++)
		if (hotplug->dimms[i].range.end > 0)
			validate_dimm(v, &hotplug->dimms[i]);
	/* a machine without hotplug has no table to be looked at */
	for (uint64_t i = 0; hotplug->nr_changed > 0 && !v->has_failed &&
			     i * hotplug->block_pages < v->machine->max_pfn;
	     i++) {
		validate_block(v, &hotplug->blocks[i]);
		nr_changed += hotplug->blocks[i].state != MEMORY_AS_BOOTED;
	}
	for (unsigned i = 0; i < MAX_NODES; i++)
		for (int type = 0; type < MAX_NR_ZONES; type++)
			nr_isolated += v->nr_isolated[i][type];
	VALIDATE(v, nr_changed == hotplug->nr_changed,
		 "%lu memory blocks have changed, %lu counted",
		 (unsigned long)nr_changed, (unsigned long)hotplug->nr_changed);
	VALIDATE(v,
		 vmstat_node_total(v->machine, NR_ISOLATED_ANON) == 0 &&
			 vmstat_node_total(v->machine, NR_ISOLATED_FILE) == 0,
		 "pages are still isolated");
	VALIDATE(v, nr_isolated == 0, "%lu free pages are still isolated",
		 (unsigned long)nr_isolated);
}
