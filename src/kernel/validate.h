/*
 * validate.h: the self-check of a machine, taken apart.
 *
 *   validate_mm.c      areas and page tables: notes in each frame's note what
 *                      refers to it
 *   validate_frames.c  every frame is in one place, and its own books agree
 *                      with the notes
 *   validate_swap.c    slots of swap: likewise
 *   validate_blocks.c  blocks of memory and DIMMs
 *   validate.c         sums: zones, nodes, commitments
 */
#ifndef KERNEL_VALIDATE_H
#define KERNEL_VALIDATE_H

#include "base/outbuf.h"
#include "kernel/machine.h"
#include "kernel/swap.h"

/* Where a frame was found. */
enum frame_place {
	FRAME_NOWHERE, /* in use, or no memory at all */
	FRAME_BUDDY,
	FRAME_PCP,
	FRAME_TABLE,
	NR_FRAME_PLACES,
};

/* What the walks say about a frame. */
struct frame_note {
	uint32_t nr_small;  /* entries of small pages */
	uint16_t nr_huge;   /* huge entries, in the first frame of the page */
	uint8_t place;      /* enum frame_place */
	uint8_t is_on_lru;
};

struct validate {
	struct mmsim_machine *machine;
	struct frame_note *notes; /* one for each frame */
	struct outbuf why;
	bool has_failed;
	uint64_t committed;       /* pages of charged areas */
	unsigned nr_tasks;
	uint32_t *slot_notes[MAX_SWAPFILES]; /* entries that name each slot */
	uint64_t nr_slot_notes;   /* in all */
	uint64_t nr_swap_pages, nr_swap_used, nr_swapcache; /* of all areas */
	uint64_t nr_swap_idle;    /* of one */
	/* What the frames add up to, by node and by zone. */
	uint64_t node_stat[MAX_NODES][NR_NODE_STAT_ITEMS];
	uint64_t zone_stat[MAX_NODES][MAX_NR_ZONES][NR_ZONE_STAT_ITEMS];
	uint64_t nr_in_use[MAX_NODES][MAX_NR_ZONES];
	uint64_t nr_isolated[MAX_NODES][MAX_NR_ZONES]; /* free, for nobody */
};

/* Notes the first thing that is wrong; the format is outbuf_printf's. */
void validate_fail(struct validate *v, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Goes on with `return` after the first failure. */
#define VALIDATE(v, condition, ...)                                            \
	do {                                                                   \
		if (UNLIKELY(!(condition))) {                                  \
			validate_fail((v), __VA_ARGS__);                       \
			return;                                                \
		}                                                              \
	} while (0)

void validate_tasks(struct validate *v);
void validate_inodes(struct validate *v);
void validate_free_lists(struct validate *v);
void validate_lru(struct validate *v);
void validate_frames(struct validate *v);
/* The notes of slots, which begin empty; false: the host has no memory. */
bool validate_swap_begin(struct validate *v);
void validate_swap_end(struct validate *v);
/* An entry, of a page table or of a shared object, names this slot. */
void validate_swap_entry(struct validate *v, uint64_t value);
void validate_swap(struct validate *v);
void validate_blocks(struct validate *v);

static inline struct frame_note *validate_note(struct validate *v, pfn_t pfn)
{
	return &v->notes[pfn];
}

#endif
