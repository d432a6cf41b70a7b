/*
 * sizeclass.c: every size has a class with room for it that wastes little, and
 * both ways through the table agree.
 */
#include "alloc/sizeclass.h"

#include "unit.h"

static uint8_t table[MEDIUM_TABLE_SIZE];

static void setup(void)
{
	sizeclass_table(table);
}

TestSuite(sizeclass, .init = setup);

Test(sizeclass, small_sizes_fit_in_the_least_chunk)
{
	for (size_t size = 0; size <= SMALL_MAX; size++) {
		unsigned cls = sizeclass_of_small(size);

		cr_assert(sizeclass_is_small(cls));
		cr_assert_geq(cls, 1u);
		cr_assert_geq(chunk_units_usable(sizeclass_units(cls)), size);
		cr_assert(cls == 1 ||
			  chunk_units_usable(sizeclass_units(cls - 1)) < size);
	}
}

Test(sizeclass, medium_sizes_fit_and_waste_an_eighth_at_most)
{
	for (size_t size = SMALL_MAX + 1; size <= MEDIUM_MAX; size++) {
		unsigned cls = sizeclass_of_medium(table, size);
		size_t usable = chunk_units_usable(sizeclass_units(cls));

		cr_assert_geq(cls, CLASS_MEDIUM);
		cr_assert_lt(cls, NR_CLASSES);
		cr_assert_geq(usable, size);
		cr_assert_leq(usable - size, size / 8 + UNIT, "size %zu", size);
		cr_assert(cls == CLASS_MEDIUM ||
			  chunk_units_usable(sizeclass_units(cls - 1)) < size);
	}
}

Test(sizeclass, page_sizes_waste_nothing)
{
	for (size_t size = 1024; size <= 32 * KIB; size *= 2) {
		unsigned cls = sizeclass_of_medium(table, size);

		cr_assert_eq(sizeclass_units(cls) * UNIT, size + 16);
	}
}

Test(sizeclass, free_finds_the_class_that_malloc_used)
{
	for (unsigned cls = CLASS_MEDIUM; cls < NR_CLASSES; cls++) {
		size_t units = sizeclass_units(cls);

		cr_assert_eq(sizeclass_of_units(table, units), cls);
		cr_assert(sizeclass_is_exact(units));
		cr_assert_leq(units, CACHED_UNITS_MAX);
		cr_assert_gt(units, sizeclass_units(cls - 1));
	}
	cr_assert_eq(sizeclass_units(NR_CLASSES - 1), CACHED_UNITS_MAX);
}

Test(sizeclass, exact_are_the_classes_and_nothing_else)
{
	unsigned nr = 0;

	for (size_t units = 1; units < 2 * CACHED_UNITS_MAX; units++)
		nr += sizeclass_is_exact(units);
	cr_assert_eq(nr, NR_MEDIUM);
}

Test(sizeclass, caches_are_bounded)
{
	for (unsigned cls = 1; cls < NR_CLASSES; cls++) {
		unsigned n = sizeclass_cache_max(cls);

		cr_assert(n >= 4 && n <= 512);
		cr_assert(n == 4 ||
			  n * sizeclass_units(cls) * UNIT <= 64 * KIB);
	}
}
