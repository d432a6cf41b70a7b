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
	size_t k = 0;

	for (unsigned cls = CLASS_MEDIUM; cls < NR_CLASSES; cls++) {
		size_t end = cls + 1 < NR_CLASSES ? (sizeclass_units(cls + 1) +
						     MEDIUM_STEP_UNITS - 1) /
							    MEDIUM_STEP_UNITS
						  : MEDIUM_TABLE_SIZE;

		for (; k < end; k++)
			table[k] = (uint8_t)cls;
	}
}
