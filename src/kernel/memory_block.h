/*
 * memory_block.h: physical memory in blocks, the unit that is switched on and
 * off.
 *
 *     frames   0                     max_pfn                    nr_frames
 *              |  b0 |  b1 |  b2 |..|  .. |   d0  d1  d2  d3 ...  |
 *              '---- there at boot ----'   '- room for DIMMs: base.. -'
 *
 *   as booted   the frames that boot found there, perhaps with holes and in
 *               several zones; perhaps none at all
 *   offline     frames that the kernel does not use, in no zone
 *   online      all frames belong to one zone
 *
 * A block that was switched off and on again is no longer "as booted".
 *
 * Source: kernel documentation, admin-guide/mm/memory-hotplug.
 */
#ifndef KERNEL_MEMORY_BLOCK_H
#define KERNEL_MEMORY_BLOCK_H

#include "kernel/machine.h"

enum memory_state {
	MEMORY_AS_BOOTED, /* also of blocks that nobody ever looked at */
	MEMORY_OFFLINE,
	MEMORY_ONLINE,
};

/* What is written into a block's `state`. */
enum online_type { ONLINE_OFFLINE, ONLINE, ONLINE_KERNEL, ONLINE_MOVABLE };

struct memory_block {
	struct zone *zone; /* of all frames while online; or NULL */
	uint8_t state;     /* enum memory_state */
	uint8_t online_as; /* enum online_type: what it was last switched on as
			    */
	uint8_t node;
	uint8_t is_of_dimm; /* it goes away with its DIMM */
};

enum { MAX_DIMMS = 256 };

struct dimm {
	struct memory_range range; /* frames; start 0: the slot is empty */
	struct list_head memmap;   /* pages that hold its struct pages */
	uint8_t node;
};

struct hotplug_state {
	uint64_t block_pages;        /* frames of a block */
	struct memory_range region;  /* where DIMMs may go */
	struct memory_block *blocks; /* of all nr_frames */
	uint64_t nr_blocks;
	uint64_t nr_changed;    /* blocks that are not as booted */
	unsigned nr_slots;
	enum online_type auto_online; /* what a new block is switched on as */
	uint64_t log_begin_ns; /* memory_offline.c: so many lines since */
	unsigned log_nr_lines;
	struct dimm dimms[MAX_DIMMS];
};

/* When the frames of boot are known: how many there may be in all. */
int memory_block_init(struct mmsim_machine *machine);
void memory_block_fini(struct mmsim_machine *machine);

static inline uint64_t memory_block_nr(const struct mmsim_machine *machine,
				       const struct memory_block *block)
{
	return (uint64_t)(block - machine->hotplug->blocks);
}
/* The block's frames. */
struct memory_range memory_block_range(const struct mmsim_machine *machine,
				       const struct memory_block *block);
/* The block of this number, if the machine has memory there; NULL. */
struct memory_block *memory_block_find(const struct mmsim_machine *machine,
				       uint64_t nr);
/* The zone that all its frames are in; NULL: it has several, or none. */
struct zone *memory_block_zone(const struct mmsim_machine *machine,
			       const struct memory_block *block);
/* Every frame of the block is memory: no holes. */
bool memory_block_is_whole(const struct mmsim_machine *machine,
			   const struct memory_block *block);
void memory_block_set_state(struct mmsim_machine *machine,
			    struct memory_block *block,
			    enum memory_state state);

/* Some of these frames (of one block) are memory, online or not. */
bool memory_is_present(const struct mmsim_machine *machine, pfn_t start,
		       uint64_t nr);
/* Some of these frames (of one block) belong to the zone. */
bool zone_has_frames(const struct zone *zone, pfn_t start, uint64_t nr);
/* The next run of frames of the zone behind range->end, which is 0 at first;
 * false: no more.  Runs have gaps between them. */
bool zone_next_range(const struct zone *zone, struct memory_range *range);

/* memory_offline.c: 0; -EINVAL: it is not online, has holes or several zones;
 * -EBUSY: a page of it can never be moved; -EINTR: pages of it could not be
 * moved until `timeout_ns` of virtual time had passed.  Then it is online as
 * before. */
int memory_block_offline(struct mmsim_machine *machine,
			 struct memory_block *block, uint64_t timeout_ns);
/* memory_online.c: 0; -EINVAL: the block is not offline.  */
int memory_block_online(struct mmsim_machine *machine,
			struct memory_block *block, enum online_type type);
/* The zone that a block would go to. */
struct zone *memory_zone_for(struct mmsim_machine *machine,
			     const struct memory_block *block,
			     enum online_type type);
/* All its frames are free and isolated: they leave their zone. */
void memory_block_take_off(struct mmsim_machine *machine,
			   struct memory_block *block);

#endif
