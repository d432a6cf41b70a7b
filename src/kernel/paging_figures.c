/*
 * paging_figures.c: why tables have levels.
 *
 * One table for a 32-bit address space has 2^20 entries: 4 MiB for each
 * process, used or not.  With two levels a table of the lower level exists only
 * where something is mapped: a small process needs 4 KiB + 4 KiB or so; if it
 * maps all 4 GiB it needs 4 KiB more than with one level.  For 48 bits one
 * table would take 512 GiB.  Each level costs one memory access more when the
 * TLB misses.
 *
 *   layout            index bits, top first   page     address
 *   one level, 32     20                      4 KiB    32 bits
 *   two levels        10 10                   4 KiB    32
 *   PAE               2 9 9                   4 KiB    32
 *   one level, 48     36                      4 KiB    48
 *   four levels       9 9 9 9                 4 KiB    48
 *   five levels       9 9 9 9 9               4 KiB    57
 *   three levels      10 10 10                8 KiB    43
 *
 * The last is what 64-bit Linux began with, on the Alpha: 8 TiB.
 *
 * Source: Intel SDM volume 3, chapter 4; Alpha Architecture Handbook.
 */
#include "kernel/paging_figures.h"

const struct paging_layout paging_layouts[NR_PAGING_LAYOUTS] = {
	[PAGING_ONE_LEVEL_32] = {"one level, 32 bits", 12, 4, 1, {20}},
	[PAGING_TWO_LEVELS_32] = {"two levels, 32 bits", 12, 4, 2, {10, 10}},
	[PAGING_PAE] = {"PAE, three levels", 12, 8, 3, {2, 9, 9}},
	[PAGING_ONE_LEVEL_48] = {"one level, 48 bits", 12, 8, 1, {36}},
	[PAGING_FOUR_LEVELS] = {"four levels, 48 bits", 12, 8, 4, {9, 9, 9, 9}},
	[PAGING_FIVE_LEVELS] =
		{"five levels, 57 bits", 12, 8, 5, {9, 9, 9, 9, 9}},
	[PAGING_THREE_LEVELS_43] =
		{"three levels, 43 bits", 13, 8, 3, {10, 10, 10}},
};

/* Bits of an address below the index of a level. */
static unsigned bits_below(const struct paging_layout *layout, unsigned level)
{
	unsigned bits = layout->page_shift;

	for (unsigned i = level + 1; i < layout->levels; i++)
		bits += layout->bits[i];
	return bits;
}

unsigned paging_address_bits(const struct paging_layout *layout)
{
	return bits_below(layout, 0) + layout->bits[0];
}

uint64_t paging_table_bytes(const struct paging_layout *layout, unsigned level)
{
	return (uint64_t)layout->entry_bytes << layout->bits[level];
}

uint64_t paging_entry_covers(const struct paging_layout *layout, unsigned level)
{
	return (uint64_t)1 << bits_below(layout, level);
}

uint64_t paging_tables_needed(const struct paging_layout *layout,
			      unsigned level, uint64_t start, uint64_t len)
{
	unsigned shift = bits_below(layout, level) + layout->bits[level];

	if (level == 0)
		return 1; /* the top table is always there */
	if (len == 0)
		return 0;
	return ((start + (len - 1)) >> shift) - (start >> shift) + 1;
}

uint64_t paging_bytes_for_range(const struct paging_layout *layout,
				uint64_t start, uint64_t len)
{
	uint64_t bytes = 0;

	for (unsigned level = 0; level < layout->levels; level++)
		bytes += paging_tables_needed(layout, level, start, len) *
			 paging_table_bytes(layout, level);
	return bytes;
}

uint64_t paging_bytes_full(const struct paging_layout *layout)
{
	return paging_bytes_for_range(
		layout, 0, (uint64_t)1 << paging_address_bits(layout));
}

unsigned paging_accesses(const struct paging_layout *layout)
{
	return layout->levels + 1;
}
