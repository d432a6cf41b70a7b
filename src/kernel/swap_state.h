/*
 * swap_state.h: what the swap_*.c files and swapon.c share: the areas.
 *
 * What is known of a slot stands in three arrays of its area, reserved in one
 * piece and touched where slots are used, so that a large area costs nothing
 * at first and about 20 bytes a slot at most:
 *
 *     slot          0        1        2        3     ...
 *     map      | header |   0    | 2, cached |  1  |      entries, and a bit
 *     cache    |   -    | NULL   | page      | shadow |
 *     contents |   -    | NULL   | NULL      | bytes  |   on the device
 *
 * NULL contents are zeros: a page of zeros costs the host nothing here either.
 */
#ifndef KERNEL_SWAP_STATE_H
#define KERNEL_SWAP_STATE_H

#include "kernel/machine.h"
#include "kernel/swap.h"

struct mmsim_file;

enum {
	SWAPFILE_CLUSTER = 256, /* slots that are given out in sequence */
	SWAP_BATCH = 64, /* slots that areas of one priority take in turn */
	SWAP_LEAF_SLOTS = 64, /* of a node of the cache's tree */
	SWAP_DEVICE_PATH_MAX = 16,
	SWAP_QUEUE_PAGES = 256, /* requests that the device's queue holds */
};

/* Bits of a slot in `map`; below them the count of entries. */
#define SLOT_COUNT_MASK ((uint32_t)0x7fffffff)
#define SLOT_CACHED ((uint32_t)1 << 31) /* the swap cache has a page for it */

struct swap_area {
	struct mmsim_machine *machine;
	struct list_head link;   /* in swap_state.areas */
	unsigned type;           /* its number: that of its entries */
	const char *path;        /* of the device or the file */
	struct mmsim_file *file; /* open; NULL: a device */
	uint64_t kernel_map;     /* what the map costs the machine: vmalloc */
	int prio;                /* the higher the earlier */
	bool is_closing;         /* swapoff empties it: no new slots */
	uint64_t nr_slots;       /* the header counted */
	uint64_t nr_used;        /* the header not counted */
	uint64_t nr_idle;        /* cached, and no entry names them */
	uint32_t *map;           /* entries that name it, SLOT_CACHED */
	void **cache;            /* struct page *, or the value of a shadow */
	void **contents;         /* PAGE_SIZE bytes each */
	uint16_t *cluster_used;  /* slots in use of each SWAPFILE_CLUSTER */
	/* of each 64 slots: what the node of the cache's tree costs, and how
	 * many places in the cache are not NULL */
	struct radix_node_record **leaves;
	uint8_t *leaf_used;
	uint64_t free_hint;  /* no cluster before this one is empty */
	uint64_t next;       /* where the next slot is looked for */
	unsigned turn_left;  /* slots until the next area's turn */
	size_t arrays_bytes; /* of all arrays, which begin at cache */
	struct blkdev dev;   /* a block is a slot */
};

/* A device of the spec, swapped on or not. */
struct swap_device {
	char path[SWAP_DEVICE_PATH_MAX];
	uint64_t nr_slots;
};

struct swap_state {
	struct swap_device devices[MAX_SWAPFILES];
	unsigned nr_devices;
	struct swap_area *types[MAX_SWAPFILES]; /* NULL: not in use */
	struct list_head areas;                 /* highest priority first */
	int least_prio; /* the last that was given without being asked */
	/* swap_ra.c */
	uint64_t ra_prev_offset; /* slot of the last fault without hits */
	unsigned ra_hits;        /* pages read ahead that were used since */
	unsigned ra_last_window; /* pages */
};

/* An area of so many slots is there from now on; 29 are not there yet.  `path`
 * must outlive it.  prio < 0: the lowest so far.  NULL: the host has no memory.
 */
struct swap_area *swap_area_add(struct mmsim_machine *machine, const char *path,
				uint64_t nr_slots, int prio);
static inline uint64_t swap_area_nr_clusters(const struct swap_area *area)
{
	return (area->nr_slots + SWAPFILE_CLUSTER - 1) / SWAPFILE_CLUSTER;
}

static inline uint64_t swap_area_nr_free(const struct swap_area *area)
{
	return area->nr_slots - 1 - area->nr_used;
}

/* Into the list of areas, behind all of its priority or above. */
void swap_area_enqueue(struct swap_area *area);
/* No slots of it are given out any more, and it counts in no sum; and back. */
void swap_area_close(struct swap_area *area);
void swap_area_reopen(struct swap_area *area);
/* The closed area is gone, with all that its slots hold. */
void swap_area_remove(struct swap_area *area);
/* swapoff.c: all pages of the closed area come back: 0 or -ENOMEM. */
int swap_area_empty(struct swap_area *area, struct mmsim_task *task);
/* swap_out.c: a page is on the device. */
void swap_end_write(struct mmsim_machine *machine, struct page *page);

static inline struct swap_area *
swap_area_of(const struct mmsim_machine *machine, swp_entry_t entry)
{
	return machine->swap->types[swp_type(entry)];
}

/* All changes of a slot of the map. */
static inline void swap_map_set(struct swap_area *area, uint64_t offset,
				uint32_t value)
{
	area->nr_idle += value == SLOT_CACHED;
	area->nr_idle -= area->map[offset] == SLOT_CACHED;
	area->map[offset] = value;
}

/* A slot that nobody names yet, from the area whose turn it is: 0, -ENOSPC. */
int swap_slot_alloc(struct mmsim_machine *machine, swp_entry_t *entry);
/* The same, with a node of the cache's tree for it: 0, -ENOSPC, -ENOMEM. */
int swap_take_slot(struct mmsim_machine *machine, swp_entry_t *entry);
/* Nobody names it, and it is not in the cache: it is free, and its content is
 * forgotten. */
void swap_slot_release(struct swap_area *area, uint64_t offset);
/* The content of a frame to the slot and back; 0 or -ENOMEM (of the host).
 * Zeros are NULL, whatever the frame has. */
int swap_slot_store(struct swap_area *area, uint64_t offset,
		    const struct page *page);
int swap_slot_load(struct swap_area *area, uint64_t offset, struct page *page);
/* The page is out of the cache.  A content that they have together stays with
 * the slot if anybody names that, else with the page. */
void swap_slot_part(struct swap_area *area, uint64_t offset, struct page *page);

/* Since 6.12 a slot of zeros is noted and neither written nor read. */
static inline bool swap_slot_is_on_device(const struct swap_area *area,
					  uint64_t offset)
{
	return area->contents[offset] || area->machine->profile < PROFILE_6_18;
}

/* The tree has a node for the slot: 0 or -ENOMEM.  Then the cache gets the page
 * for the slot, which has none; or swap_leaf_trim. */
int swap_leaf_prepare(struct swap_area *area, uint64_t offset, gfp_t gfp);
void swap_leaf_trim(struct swap_area *area, uint64_t offset);
void swap_cache_insert(struct mmsim_machine *machine, struct page *page,
		       swp_entry_t entry);
/* The slot's place in the cache is empty: no page, no shadow. */
void swap_cache_clear(struct swap_area *area, uint64_t offset);

/* swap_in.c: the swap entry becomes one for the page, with these bits, and
 * takes over a reference.  The slot's count is the caller's to lower. */
void swap_in_page(struct vm_area_struct *vma, uintptr_t addr, pte_t *entry,
		  struct page *page, pte_t bits, bool exclusive);

/* swap_ra.c: who wants a page from swap; vma NULL: an object of shmem. */
struct swap_reader {
	struct mmsim_task *task;
	struct vm_area_struct *vma;
	uintptr_t addr;
	gfp_t gfp; /* beside GFP_HIGHUSER_MOVABLE */
};
/* A page of the cache that a fault wants, with a reference; NULL.  Counts hits
 * of readahead. */
struct page *swap_cache_get(struct mmsim_machine *machine, swp_entry_t entry);
/* Reads the slot's page and its neighbours into the cache.  The page, with a
 * reference; NULL: no memory, or the slot is not in use any more. */
struct page *swap_readahead(struct mmsim_machine *machine,
			    const struct swap_reader *reader,
			    swp_entry_t entry);
/* The same for this page alone; *is_new: the cache did not have it, and the
 * device has to be read, if the slot is on it. */
struct page *swap_cache_read(struct mmsim_machine *machine,
			     const struct swap_reader *reader,
			     swp_entry_t entry, bool *is_new);

#endif
