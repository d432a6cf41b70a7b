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

Test(sizeclass, small_chunks_are_their_own_class)
{
	for (size_t size = 0; size <= SMALL_MAX; size++) {
		size_t units = chunk_units_for(size);

		cr_assert(units >= 1 && units <= NR_SMALL);
		cr_assert_eq(sizeclass_of(table, (uint32_t)units), units);
		cr_assert_geq(chunk_units_usable(units), size);
		cr_assert(units == 1 || chunk_units_usable(units - 1) < size);
	}
	cr_assert_gt(chunk_units_for(SMALL_MAX + 1), NR_SMALL);
}

Test(sizeclass, medium_chunks_have_the_last_class_they_are_large_enough_for)
{
	for (uint32_t units = NR_SMALL + 1; units <= CACHED_UNITS_MAX;
	     units++) {
		unsigned cls = (unsigned)sizeclass_of_medium(table, units);

		cr_assert(sizeclass_has_medium(units));
		cr_assert(cls >= CLASS_MEDIUM && cls < NR_CLASSES);
		cr_assert_leq(sizeclass_units(cls), units);
		cr_assert(cls + 1 == NR_CLASSES ||
			  sizeclass_units(cls + 1) > units);
	}
	cr_assert_not(sizeclass_has_medium(NR_SMALL));
	cr_assert_not(sizeclass_has_medium(CACHED_UNITS_MAX + 1));
}

/* malloc's fast path asks both by bytes, without rounding up. */
Test(sizeclass, a_request_in_bytes_finds_class_and_chunk)
{
	for (size_t size = SMALL_MAX + 1; size <= MEDIUM_MAX; size++) {
		uint32_t units = (uint32_t)chunk_units_for(size);
		uint32_t least = chunk_cached_lo_for(size);

		cr_assert_eq(sizeclass_of_request(table, size),
			     sizeclass_of_medium(table, units));
		cr_assert_geq(CHUNK_C | units << CHUNK_UNITS_SHIFT, least);
		cr_assert_lt(CHUNK_TAG_MASK | CHUNK_C |
				     (units - 1) << CHUNK_UNITS_SHIFT,
			     least);
	}
}

Test(sizeclass, the_next_class_is_at_most_an_eighth_larger)
{
	for (unsigned cls = CLASS_MEDIUM + 1; cls < NR_CLASSES; cls++) {
		size_t least = sizeclass_units(cls - 1);

		cr_assert_gt(sizeclass_units(cls), least);
		cr_assert_leq(sizeclass_units(cls) - least, least / 8);
	}
}

Test(sizeclass, the_largest_medium_request_can_be_a_unit_too_large)
{
	cr_assert_eq(chunk_units_for(MEDIUM_MAX) + 1, CACHED_UNITS_MAX);
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
