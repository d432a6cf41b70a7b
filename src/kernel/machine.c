/*
 * machine.c: the machine's life: boot, panic, shutdown.
 *
 * Boot builds from below: settings, then nodes and zones with their free
 * memory, then those who use memory, and at last the first task.  The memory
 * that the recorded kernel itself held (boot_used) is taken in the largest
 * blocks that there are, so that the machine's free memory is the recorded one.
 *
 * After a panic the machine does nothing more: every call gives -EIO, and the
 * log tells why.
 */
#include "kernel/machine.h"

#include "base/hostmem.h"
#include "kernel/blkdev.h"
#include "kernel/compaction.h"
#include "kernel/file.h"
#include "kernel/kthread.h"
#include "kernel/page_alloc.h"
#include "kernel/trace.h"
#include "kernel/shm.h"
#include "kernel/reclaim.h"
#include "kernel/swap.h"
#include "kernel/vmalloc.h"

#include <errno.h>
#include <string.h>

enum { MACHINE_WHY_LEN = 256, MACHINE_VALUE_MAX = 128 };

/* Takes up to nr_pages of the zone for good. */
static uint64_t machine_reserve_in_zone(struct zone *zone, uint64_t nr_pages)
{
	uint64_t left = nr_pages;

	for (unsigned order = MAX_ORDER; left > 0 && order-- > 0;) {
		while (left >> order > 0) {
			struct page *page =
				buddy_alloc(zone, order, MIGRATE_UNMOVABLE);

			if (!page)
				break;
			page->flags = (uint64_t)zone->type
					      << PAGE_FLAGS_ZONE_SHIFT |
				      (uint64_t)zone->node->id
					      << PAGE_FLAGS_NODE_SHIFT |
				      (uint64_t)order
					      << PAGE_FLAGS_ORDER_SHIFT |
				      PG_reserved;
			page->refcount = 1;
			list_init(&page->lru);
			left -= (uint64_t)1 << order;
		}
	}
	return nr_pages - left;
}

/* Takes pages of certain zones, on the node or (-1) on the lower nodes first;
 * the pages taken. */
static uint64_t machine_reserve_of_zones(struct mmsim_machine *machine,
					 const uint64_t *of, int id)
{
	uint64_t taken = 0;

	for (int type = 0; type < MAX_NR_ZONES; type++) {
		uint64_t wanted = of[type];
		struct pglist_data *node;
		unsigned i;

		for_each_node(machine, node, i) {
			uint64_t got = 0;

			if (id < 0 || (unsigned)id == i)
				got = machine_reserve_in_zone(
					&node->zones[type], wanted);
			taken += got;
			wanted -= got;
		}
	}
	return taken;
}

/* Takes pages of any zone, from the node's highest one on; the pages taken. */
static uint64_t machine_reserve_near(struct mmsim_machine *machine, unsigned id,
				     uint64_t nr_pages)
{
	const struct zonelist *list = &machine->nodes[id]->fallback;
	uint64_t left = nr_pages;

	for (unsigned i = 0; i < list->nr_refs && left > 0; i++)
		left -= machine_reserve_in_zone(list->refs[i].zone, left);
	return nr_pages - left;
}

/* The pages that were in use before the first task: of the nodes and zones that
 * the spec names; where it names none, an even share of each node, from its
 * highest zone. */
static void machine_take_boot_used(struct mmsim_machine *machine)
{
	const struct spec *spec = &machine->spec;
	uint64_t left = spec->boot_used;

	if (!spec->has_node_boot_used)
		left -= machine_reserve_of_zones(machine, spec->boot_used_of,
						 -1);
	for (unsigned id = 0; id < machine->nr_nodes; id++) {
		uint64_t share = left / (machine->nr_nodes - id);

		if (spec->has_node_boot_used) {
			machine_reserve_of_zones(
				machine, spec->node_boot_used_of[id], (int)id);
			share = spec->node_boot_used[id];
		}
		left -= machine_reserve_near(machine, id, share);
	}
}

/* The spec's vm.NAME=VALUE; they were checked when the spec was read. */
static int machine_apply_sysctls(struct mmsim_machine *machine)
{
	const struct spec *spec = &machine->spec;

	for (unsigned i = 0; i < spec->nr_sysctls; i++) {
		const struct spec_sysctl *setting = &spec->sysctls[i];
		char name[MACHINE_VALUE_MAX], value[MACHINE_VALUE_MAX];
		int err;

		ASSERT(setting->name_len < sizeof(name));
		ASSERT(setting->value_len < sizeof(value));
		memcpy(name, setting->name, setting->name_len);
		name[setting->name_len] = '\0';
		memcpy(value, setting->value, setting->value_len);
		value[setting->value_len] = '\0';
		err = sysctl_write(machine, name, value);
		if (err < 0)
			return err == -ENOENT ? -EINVAL : err;
	}
	return 0;
}

/* What the spec says, and settings that need no memory. */
static void machine_set_up(struct mmsim_machine *machine)
{
	const struct spec *spec = &machine->spec;

	machine->profile = spec->profile;
	machine->arch = spec->arch;
	machine->rng.state = spec->seed;
	machine->nr_nodes = spec->nodes;
	machine->nr_cpus = spec->cpus;
	machine->is_booting = true;
	machine->user_min_free_kbytes = -1;
	list_init(&machine->tasks);
	list_init(&machine->kthreads);
	machine->kthread_next_ns = KTHREAD_ASLEEP;
	blkdev_pool_init(machine);
	pool_init(&machine->contents, PAGE_SIZE);
	pool_init(&machine->radix_nodes, radix_node_size());
	sysctl_init(machine);
	machine->vm.randomize_va_space = spec->aslr;
}

static int machine_init(struct mmsim_machine *machine)
{
	int err;

	err = zone_init(machine);
	if (err < 0)
		goto out_zone;
	sysctl_init_memory(machine);
	err = machine_apply_sysctls(machine);
	if (err < 0)
		goto out_zone;
	machine_take_boot_used(machine);
	err = slab_init(machine);
	if (err < 0)
		goto out_zone;
	err = vmalloc_init(machine);
	if (err < 0)
		goto out_slab;
	err = swap_init(machine);
	if (err < 0)
		goto out_vmalloc;
	workingset_init(machine);
	err = kswapd_init(machine);
	if (err < 0)
		goto out_workingset;
	err = kcompactd_init(machine);
	if (err < 0)
		goto out_kswapd;
	err = file_init(machine);
	if (err < 0)
		goto out_kcompactd;
	err = shm_init(machine);
	if (err < 0)
		goto out_file;
	thp_init(machine);
	err = task_init(machine);
	if (err < 0)
		goto out_shm;
	machine->is_booting = false;
	return 0;

out_shm:
	shm_fini(machine);
out_file:
	file_fini(machine);
out_kcompactd:
	kcompactd_fini(machine);
out_kswapd:
	kswapd_fini(machine);
out_workingset:
	workingset_fini(machine);
	swap_fini(machine);
out_vmalloc:
	vmalloc_fini(machine);
out_slab:
	slab_fini(machine);
out_zone:
	zone_fini(machine);
	return err;
}

/* What is left when all parts have ended. */
static void machine_free(struct mmsim_machine *machine)
{
	blkdev_pool_fini(machine);
	pool_fini(&machine->contents);
	pool_fini(&machine->radix_nodes);
	log_fini(machine);
	if (machine->spec_text)
		hostmem_unmap(machine->spec_text,
			      strlen(machine->spec_text) + 1);
	hostmem_unmap(machine, sizeof(*machine));
}

PUBLIC int mmsim_machine_boot(const char *text, struct mmsim_machine **result)
{
	struct mmsim_machine *machine;
	char why[MACHINE_WHY_LEN];
	int err = -ENOMEM;

	if (!result)
		return -EINVAL;
	*result = NULL;
	if (!text)
		return -EINVAL;
	machine = hostmem_map(sizeof(*machine));
	if (!machine)
		return -ENOMEM;
	machine->spec_text = hostmem_map(strlen(text) + 1);
	if (!machine->spec_text)
		goto fail;
	strcpy(machine->spec_text, text);
	err = spec_parse(machine->spec_text, &machine->spec, why, sizeof(why));
	if (err < 0)
		goto fail;
	err = log_init(machine);
	if (err < 0)
		goto fail;
	machine_set_up(machine);
	err = machine_init(machine);
	if (err < 0)
		goto fail;
	*result = machine;
	return 0;

fail:
	machine_free(machine);
	return err;
}

PUBLIC void mmsim_machine_shutdown(struct mmsim_machine *machine)
{
	if (!machine)
		return;
	trace_fini(machine);
	task_fini(machine);
	shm_fini(machine);
	file_fini(machine);
	kcompactd_fini(machine);
	kswapd_fini(machine);
	workingset_fini(machine);
	swap_fini(machine);
	vmalloc_fini(machine);
	slab_fini(machine);
	tlb_fini(machine);
	zone_fini(machine);
	machine_free(machine);
}

PUBLIC bool mmsim_machine_has_panicked(const struct mmsim_machine *machine)
{
	return machine && machine->has_panicked;
}

void machine_panic(struct mmsim_machine *machine, const char *why)
{
	if (machine->has_panicked)
		return;
	printk(machine, "Kernel panic - not syncing: %s", why);
	printk(machine, "---[ end Kernel panic - not syncing: %s ]---", why);
	trace_machine(machine, TRACE_PANIC, 0);
	machine->has_panicked = true;
}
