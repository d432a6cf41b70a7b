/*
 * sizeclass.c: the table of medium size classes.
 *
 * The classes grow geometrically, eight to a doubling, which bounds the
 * internal waste by an eighth: P. Wilson et al., "Dynamic Storage Allocation:
 * A Survey and Critical Review", 1995, section 3.6.
 */
#include "alloc/sizeclass.h"

void sizeclass_table(uint8_t table[MEDIUM_TABLE_SIZE])
{
	unsigned cls = CLASS_MEDIUM;

	for (size_t k = 0; k < MEDIUM_TABLE_SIZE; k++) {
		size_t units = k * MEDIUM_STEP / UNIT + 1;

		while (sizeclass_units(cls) < units)
			cls++;
		table[k] = (uint8_t)cls;
	}
}

bool sizeclass_is_exact(size_t units)
{
	size_t round = units - 1; /* b / 16: 64..127 in steps of 8, doubled */
	unsigned step;

	if (units <= NR_SMALL || units > CACHED_UNITS_MAX)
		return false;
	step = log2_floor(round) - 3;
	return is_aligned(round, (uintptr_t)1 << step);
}
