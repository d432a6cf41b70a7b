/*
 * proc/memory.c: /sys/devices/system/memory: the blocks of memory.
 *
 *   block_size_bytes      hexadecimal
 *   auto_online_blocks    what becomes of blocks that are plugged in
 *   memoryN/state         online or offline; takes these two, online_kernel and
 *                         online_movable
 *   memoryN/online        1 or 0; takes the same
 *   memoryN/valid_zones   its zone; of a block that is off the zones that it
 *                         may go to, the first by "online"
 *   memoryN/phys_index    N, hexadecimal
 *   memoryN/removable     1, whatever is in it
 *   memoryN/phys_device   0
 *
 * Errors of a write: EINVAL wrong words, or the block is in that state already
 * (`online` takes that); EBUSY a page in it can never be moved; EINTR a signal
 * ended the wait for pages that could not be moved.
 *
 * Simplified: whoever writes "offline" waits for 10 s of virtual time at most,
 * as if timeout(1) stood in front.  For another limit there is
 * mmsim_memory_offline.
 *
 * Sources: kernel documentation, ABI/testing/sysfs-devices-memory and
 * admin-guide/mm/memory-hotplug; recordings.
 */
#include "kernel/memory_block.h"
#include "kernel/proc/proc.h"

#include <errno.h>
#include <string.h>

#define MEMORY_WAIT_NS ((uint64_t)10 * 1000 * 1000 * 1000)

static const char *const online_words[] = {
	[ONLINE_OFFLINE] = "offline",
	[ONLINE] = "online",
	[ONLINE_KERNEL] = "online_kernel",
	[ONLINE_MOVABLE] = "online_movable",
};

/* Before 3.8 there was one way to be online. */
static int parse_online(const struct mmsim_machine *machine, const char *text)
{
	int word = proc_find_word(online_words, ARRAY_SIZE(online_words), text);

	if (machine->profile < PROFILE_3_10 && word > ONLINE)
		return -EINVAL;
	return word;
}

static int show_block_size(struct mmsim_machine *machine,
			   struct mmsim_task *task, struct outbuf *out,
			   const void *arg)
{
	(void)task;
	(void)arg;
	outbuf_printf(
		out, "%lx\n",
		(unsigned long)(machine->hotplug->block_pages * PAGE_SIZE));
	return 0;
}

static int show_auto_online(struct mmsim_machine *machine,
			    struct mmsim_task *task, struct outbuf *out,
			    const void *arg)
{
	(void)task;
	(void)arg;
	if (machine->profile < PROFILE_6_1)
		return -ENOENT;
	outbuf_printf(out, "%s\n", online_words[machine->hotplug->auto_online]);
	return 0;
}

static int write_auto_online(struct mmsim_machine *machine,
			     struct mmsim_task *task, const char *text,
			     const void *arg)
{
	int word = parse_online(machine, text);

	(void)task;
	(void)arg;
	if (machine->profile < PROFILE_6_1)
		return -ENOENT;
	if (word < 0)
		return word;
	machine->hotplug->auto_online = (enum online_type)word;
	return 0;
}

/* --- memoryN ---------------------------------------------------------- */

/* The block is given as `arg`. */
static int show_state(struct mmsim_machine *machine, struct mmsim_task *task,
		      struct outbuf *out, const void *arg)
{
	static const char words[][8] = {
		[MEMORY_AS_BOOTED] = "online",
		[MEMORY_OFFLINE] = "offline",
		[MEMORY_ONLINE] = "online",
	};
	const struct memory_block *block = arg;

	(void)machine;
	(void)task;
	outbuf_printf(out, "%s\n", words[block->state]);
	return 0;
}

static int set_online(struct mmsim_machine *machine, struct memory_block *block,
		      enum online_type type)
{
	return type == ONLINE_OFFLINE
		       ? memory_block_offline(machine, block, MEMORY_WAIT_NS)
		       : memory_block_online(machine, block, type);
}

/* The block that the table's functions are given may be changed. */
static struct memory_block *block_of(struct mmsim_machine *machine,
				     const void *arg)
{
	const struct memory_block *block = arg;

	return &machine->hotplug->blocks[memory_block_nr(machine, block)];
}

static int write_state(struct mmsim_machine *machine, struct mmsim_task *task,
		       const char *text, const void *arg)
{
	int word = parse_online(machine, text);

	(void)task;
	if (word < 0)
		return word;
	return set_online(machine, block_of(machine, arg),
			  (enum online_type)word);
}

static int show_online(struct mmsim_machine *machine, struct mmsim_task *task,
		       struct outbuf *out, const void *arg)
{
	const struct memory_block *block = arg;

	(void)task;
	if (machine->profile < PROFILE_6_1)
		return -ENOENT;
	outbuf_printf(out, "%d\n", block->state != MEMORY_OFFLINE);
	return 0;
}

static int write_online(struct mmsim_machine *machine, struct mmsim_task *task,
			const char *text, const void *arg)
{
	static const char *const words[] = {"0", "1"};
	int word = proc_find_word(words, ARRAY_SIZE(words), text);
	struct memory_block *block = block_of(machine, arg);

	(void)task;
	if (machine->profile < PROFILE_6_1)
		return -ENOENT;
	if (word < 0)
		return word;
	if ((block->state != MEMORY_OFFLINE) == word)
		return 0;
	return set_online(machine, block,
			  !word ? ONLINE_OFFLINE
			  : block->online_as
				  ? (enum online_type)block->online_as
				  : ONLINE);
}

static int show_valid_zones(struct mmsim_machine *machine,
			    struct mmsim_task *task, struct outbuf *out,
			    const void *arg)
{
	static const enum online_type kinds[] = {ONLINE_KERNEL, ONLINE_MOVABLE};
	const struct memory_block *block = arg;
	const struct zone *zone = memory_block_zone(machine, block), *first;

	(void)task;
	if (machine->profile < PROFILE_6_1)
		return -ENOENT;
	if (block->state != MEMORY_OFFLINE) {
		outbuf_printf(out, "%s\n",
			      zone ? zone_names[zone->type] : "none");
		return 0;
	}
	first = memory_zone_for(machine, block, ONLINE);
	outbuf_str(out, zone_names[first->type]);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		zone = memory_zone_for(machine, block, kinds[i]);
		if (zone != first)
			outbuf_printf(out, " %s", zone_names[zone->type]);
	}
	outbuf_str(out, "\n");
	return 0;
}

static int show_phys_index(struct mmsim_machine *machine,
			   struct mmsim_task *task, struct outbuf *out,
			   const void *arg)
{
	(void)task;
	outbuf_printf(out, "%08lx\n",
		      (unsigned long)memory_block_nr(machine, arg));
	return 0;
}

static int show_removable(struct mmsim_machine *machine,
			  struct mmsim_task *task, struct outbuf *out,
			  const void *arg)
{
	(void)machine;
	(void)task;
	(void)arg;
	outbuf_str(out, "1\n");
	return 0;
}

static int show_phys_device(struct mmsim_machine *machine,
			    struct mmsim_task *task, struct outbuf *out,
			    const void *arg)
{
	(void)machine;
	(void)task;
	(void)arg;
	outbuf_str(out, "0\n");
	return 0;
}

#define MEMORY "/sys/devices/system/memory/"

bool proc_find_memory(struct proc_file *file)
{
	return proc_is(file, MEMORY "block_size_bytes", show_block_size, NULL,
		       NULL) ||
	       proc_is(file, MEMORY "auto_online_blocks", show_auto_online,
		       write_auto_online, NULL) ||
	       proc_is(file, MEMORY "memoryN/state", show_state, write_state,
		       NULL) ||
	       proc_is(file, MEMORY "memoryN/online", show_online, write_online,
		       NULL) ||
	       proc_is(file, MEMORY "memoryN/valid_zones", show_valid_zones,
		       NULL, NULL) ||
	       proc_is(file, MEMORY "memoryN/phys_index", show_phys_index, NULL,
		       NULL) ||
	       proc_is(file, MEMORY "memoryN/removable", show_removable, NULL,
		       NULL) ||
	       proc_is(file, MEMORY "memoryN/phys_device", show_phys_device,
		       NULL, NULL);
}
