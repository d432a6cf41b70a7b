/*
 * paging_figures.h: what the page tables of different layouts cost, computed.
 */
#ifndef KERNEL_PAGING_FIGURES_H
#define KERNEL_PAGING_FIGURES_H

#include "base/base.h"

enum { PAGING_MAX_LEVELS = 5 };

struct paging_layout {
	char name[24];
	unsigned page_shift;
	unsigned entry_bytes;
	unsigned levels;
	unsigned bits[PAGING_MAX_LEVELS]; /* of the index, top level first */
};

enum paging_layout_name {
	PAGING_ONE_LEVEL_32, /* one table for 4 GiB */
	PAGING_TWO_LEVELS_32,
	PAGING_PAE,
	PAGING_ONE_LEVEL_48, /* one table for 256 TiB */
	PAGING_FOUR_LEVELS,
	PAGING_FIVE_LEVELS,
	PAGING_THREE_LEVELS_43, /* old 64-bit Linux (Alpha): 8 KiB pages */
	NR_PAGING_LAYOUTS,
};

extern const struct paging_layout paging_layouts[NR_PAGING_LAYOUTS];

/* Bits of an address that the tables translate. */
unsigned paging_address_bits(const struct paging_layout *layout);
/* Bytes of one table of a level, the top one being level 0. */
uint64_t paging_table_bytes(const struct paging_layout *layout, unsigned level);
/* Bytes that one entry of a level covers. */
uint64_t paging_entry_covers(const struct paging_layout *layout,
			     unsigned level);
/* Tables of a level that a mapped range [start, start + len) needs. */
uint64_t paging_tables_needed(const struct paging_layout *layout,
			      unsigned level, uint64_t start, uint64_t len);
/* Bytes of all tables for this one range. */
uint64_t paging_bytes_for_range(const struct paging_layout *layout,
				uint64_t start, uint64_t len);
/* The same when every address is mapped. */
uint64_t paging_bytes_full(const struct paging_layout *layout);
/* Memory accesses of one load when no TLB helps: one a level, and the data. */
unsigned paging_accesses(const struct paging_layout *layout);

#endif
