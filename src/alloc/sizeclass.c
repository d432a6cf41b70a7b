/*
 * sizeclass.c: the table of medium size classes.
 *
 * The classes grow geometrically, eight to a doubling, so that a chunk of the
 * next class is at most a quarter larger than what was asked for: P. Wilson et
 * al., "Dynamic Storage Allocation: A Survey and Critical Review", 1995,
 * section 3.6.
 */
#include "alloc/sizeclass.h"

void sizeclass_table(uint8_t table[MEDIUM_TABLE_SIZE])
{
	unsigned cls = CLASS_MEDIUM;

	for (size_t k = 0; k < MEDIUM_TABLE_SIZE; k++) {
		size_t units = k * MEDIUM_STEP_UNITS;

		while (cls + 1 < NR_CLASSES && sizeclass_units(cls + 1) <= units)
			cls++;
		table[k] = (uint8_t)cls;
	}
}
