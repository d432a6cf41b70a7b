/*
 * proc/compaction.c: the files about free memory in pieces.
 *
 *   /proc/sys/vm/compact_memory        written: all zones are compacted
 *   /sys/devices/system/node/nodeN/compact   the same for one node
 *   /sys/kernel/debug/extfrag/extfrag_index  why a request of each order fails:
 *                                      too little memory (0) or pieces (1); -1:
 *                                      it does not
 *   /sys/kernel/debug/extfrag/unusable_index  the part of the free memory that is
 *                                      of no use to it
 *
 * What is written does not matter before 6.4; then it must be 1.
 *
 * Sources: kernel documentation, admin-guide/sysctl/vm (compact_memory) and
 * ABI/stable/sysfs-devices-node; recordings for the form of extfrag.
 */
#include "kernel/compaction.h"
#include "kernel/proc/proc.h"

#include <errno.h>

/* Compaction came with 2.6.35. */
static bool has_compaction(const struct mmsim_machine *machine)
{
	return machine->profile > PROFILE_2_6_32;
}

static int check_one(const struct mmsim_machine *machine, const char *text)
{
	static const char *const words[] = {"1"};

	return machine->profile < PROFILE_6_18 ? 0
					       : proc_find_word(words, 1, text);
}

static int write_compact_memory(struct mmsim_machine *machine,
				struct mmsim_task *task, const char *text,
				const void *arg)
{
	struct pglist_data *node;
	unsigned i;

	(void)task;
	(void)arg;
	if (!has_compaction(machine))
		return -ENOENT;
	if (check_one(machine, text))
		return -EINVAL;
	for_each_node(machine, node, i)
		compact_node(node);
	return 0;
}

static int write_node_compact(struct mmsim_machine *machine,
			      struct mmsim_task *task, const char *text,
			      const void *arg)
{
	const struct pglist_data *node = arg;

	(void)task;
	(void)text;
	if (!has_compaction(machine))
		return -ENOENT;
	compact_node(machine->nodes[node->id]);
	return 0;
}

static void show_index(struct outbuf *out, int index)
{
	outbuf_printf(out, "%s%d.%03d ", index < 0 ? "-" : "",
		      (index < 0 ? -index : index) / 1000,
		      (index < 0 ? -index : index) % 1000);
}

/* `arg`: the unusable index, else the fragmentation index. */
static int show_extfrag(struct mmsim_machine *machine, struct mmsim_task *task,
			struct outbuf *out, const void *arg)
{
	struct pglist_data *node;
	unsigned i;

	(void)task;
	if (!has_compaction(machine))
		return -ENOENT;
	for_each_node(machine, node, i)
		for (int type = 0; type < MAX_NR_ZONES; type++) {
			const struct zone *zone = &node->zones[type];

			if (!zone_is_populated(zone))
				continue;
			outbuf_printf(out, "Node %u, zone %8s ", i,
				      zone_names[type]);
			for (unsigned order = 0; order < MAX_ORDER; order++)
				show_index(out, arg ? (int)unusable_free_index(
							      zone, order)
						    : fragmentation_index(
							      zone, order));
			outbuf_str(out, "\n");
		}
	return 0;
}

bool proc_find_compaction(struct proc_file *file)
{
	return proc_is(file, "/proc/sys/vm/compact_memory", NULL,
		       write_compact_memory, NULL) ||
	       proc_is(file, "/sys/kernel/debug/extfrag/extfrag_index",
		       show_extfrag, NULL, NULL) ||
	       proc_is(file, "/sys/kernel/debug/extfrag/unusable_index",
		       show_extfrag, NULL, (const void *)1) ||
	       proc_is(file, "/sys/devices/system/node/nodeN/compact", NULL,
		       write_node_compact, NULL);
}
