/*
 * workingset.c: should a page that came back have stayed?
 *
 * An inactive page that is used once is reclaimed before it is used again when
 * the inactive list is too short.  How much too short, one can tell when the
 * page comes back.  Each node counts evictions and activations (its age); a
 * page that is evicted leaves the age of that moment in its place, its shadow:
 *
 *     age   |----- E -------------------- R ----->
 *               evicted                comes back
 *
 *     refault distance  R - E  =  so many pages more would have been enough
 *
 * They could have been had from the active pages.  So if there are that many
 * (of files; anonymous ones, too, while there is swap to put them), the page
 * is activated at once, and competes with those.  If it had been active before
 * (PG_workingset), it is part of what is in steady use, and its kind of pages
 * bears the cost of having lost it (lru_note_cost).
 *
 *     shadow   | age | node: 4 bits | was active: 1 bit |
 *
 * A node of a page cache's tree that has nothing but shadows holds memory for
 * no page.  When there are more of them than an eighth of what could be pages
 * in as many nodes, the oldest go (workingset_nodereclaim).
 *
 * The two older kernels have none of this: 3.15 brought it for files, 5.9 for
 * anonymous pages.
 *
 * Simplified: nodes of trees are counted on the first memory node.
 *
 * Source: J. Weiner's description of thrash detection ("mm: thrash detection-
 * based file cache sizing", LWN 2012) and of 5.9's for anonymous pages;
 * recordings of files that are read in a loop.
 */
#include "kernel/file.h"
#include "kernel/lru.h"
#include "kernel/machine.h"
#include "kernel/reclaim.h"

enum {
	SHADOW_ACTIVE_BITS = 1,
	SHADOW_NODE_BITS = 4,
	SHADOW_SHIFT = SHADOW_ACTIVE_BITS + SHADOW_NODE_BITS,
	SHADOW_VALUE_BITS = 63,
	/* pages in an eighth of a tree node */
	SHADOWS_SHIFT = 3,
};

#define SHADOW_AGE_MASK                                                        \
	(((uint64_t)1 << (SHADOW_VALUE_BITS - SHADOW_SHIFT)) - 1)

_Static_assert(MAX_NODES <= 1 << SHADOW_NODE_BITS, "a node fits");

void *workingset_eviction(struct mmsim_machine *machine, struct page *page)
{
	struct pglist_data *node = machine_node_of(machine, page);
	uint64_t age = node->lruvec.nonresident_age & SHADOW_AGE_MASK;
	uint64_t was_active = page_has(page, PG_workingset);

	if (machine->profile < PROFILE_6_1)
		return NULL;
	node->lruvec.nonresident_age += page_nr(page);
	return radix_from_value(age << SHADOW_SHIFT |
				(uint64_t)node->id << SHADOW_ACTIVE_BITS |
				was_active);
}

/* Pages that the one that is back would have had to compete with. */
static uint64_t workingset_size(const struct mmsim_machine *machine,
				const struct pglist_data *node, bool file)
{
	uint64_t size = node->stat[NR_ACTIVE_FILE];

	if (!file)
		size += node->stat[NR_INACTIVE_FILE];
	if (machine->nr_swap_pages == 0)
		return size;
	size += node->stat[NR_ACTIVE_ANON];
	if (file)
		size += node->stat[NR_INACTIVE_ANON];
	return size;
}

void workingset_refault(struct mmsim_machine *machine, struct page *page,
			void *shadow)
{
	uint64_t value = radix_to_value(shadow);
	struct pglist_data *evicted =
		machine->nodes[value >> SHADOW_ACTIVE_BITS & (MAX_NODES - 1)];
	struct pglist_data *node = machine_node_of(machine, page);
	bool file = page_is_file_lru(page), was_active = value & 1;
	uint64_t distance;

	if (!evicted)
		return;
	distance = (evicted->lruvec.nonresident_age - (value >> SHADOW_SHIFT)) &
		   SHADOW_AGE_MASK;
	node_stat_add(node, WORKINGSET_REFAULT_ANON + file, page_nr(page));
	if (distance > workingset_size(machine, evicted, file))
		return;
	page_set(page, PG_active);
	node->lruvec.nonresident_age += page_nr(page);
	node_stat_add(node, WORKINGSET_ACTIVATE_ANON + file, page_nr(page));
	if (!was_active)
		return;
	page_set(page, PG_workingset);
	lru_note_cost(node, file, page_nr(page), 0);
	node_stat_add(node, WORKINGSET_RESTORE_ANON + file, page_nr(page));
}

/* --- nodes with nothing but shadows -------------------------------------- */

static struct address_space *node_mapping(const struct radix_node *node)
{
	return container_of(node->radix, struct address_space, pages);
}

static void count_nodes(struct mmsim_machine *machine, int64_t delta)
{
	machine->workingset.nr_nodes += (uint64_t)delta;
	node_stat_add(machine->nodes[0], WORKINGSET_NODES, delta);
}

void workingset_update_node(struct radix_node *node)
{
	struct mmsim_machine *machine = node_mapping(node)->machine;
	bool is_wanted = node->nr_used > 0 && node->nr_used == node->nr_values;

	if (is_wanted == !list_is_empty(&node->link))
		return;
	if (is_wanted)
		list_add_tail(&node->link, &machine->workingset.nodes);
	else
		list_del(&node->link);
	count_nodes(machine, is_wanted ? 1 : -1);
}

static uint64_t shadow_count(struct shrinker *shrinker)
{
	const struct mmsim_machine *machine = shrinker->arg;
	const struct pglist_data *node;
	uint64_t nr_pages = 0, most;
	unsigned i;

	for_each_node(machine, node, i)
		nr_pages += node->present_pages;
	most = nr_pages >> SHADOWS_SHIFT;
	return machine->workingset.nr_nodes > most
		       ? machine->workingset.nr_nodes - most
		       : 0;
}

static void drop_shadows(struct radix_node *node)
{
	struct address_space *mapping = node_mapping(node);
	uint64_t first = node->first;
	unsigned left = node->nr_used;

	/* the last one takes the node along */
	for (unsigned i = 0; left > 0; i++) {
		if (!radix_find(&mapping->pages, first + i))
			continue;
		filemap_drop_value(mapping, first + i);
		left--;
	}
}

static uint64_t shadow_scan(struct shrinker *shrinker, uint64_t nr)
{
	struct mmsim_machine *machine = shrinker->arg;
	struct list_head *nodes = &machine->workingset.nodes;
	uint64_t freed = 0;

	for (; freed < nr && !list_is_empty(nodes); freed++) {
		struct radix_node *node =
			list_first(nodes, struct radix_node, link);

		drop_shadows(node);
		node_stat_add(machine->nodes[0], WORKINGSET_NODERECLAIM, 1);
	}
	return freed;
}

void workingset_init(struct mmsim_machine *machine)
{
	struct shrinker *shrinker = &machine->workingset.shrinker;

	list_init(&machine->workingset.nodes);
	shrinker->name = "mm-shadow";
	shrinker->count_objects = shadow_count;
	shrinker->scan_objects = shadow_scan;
	shrinker->arg = machine;
	shrinker->is_cheap = true;
	shrinker_register(machine, shrinker);
}

void workingset_fini(struct mmsim_machine *machine)
{
	shrinker_unregister(&machine->workingset.shrinker);
}
