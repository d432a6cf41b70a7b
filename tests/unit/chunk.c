/*
 * chunk.c: headers come back as they were written, and the bits stand where
 * chunk.h draws them.
 */
#include "alloc/chunk.h"

#include "unit.h"

#define TAG 0xbeefu

Test(chunk, pointers_and_chunks_are_sixteen_bytes_apart)
{
	char memory[64] __attribute__((aligned(16)));
	struct chunk *c = chunk_of(memory + 16);

	cr_assert_eq((char *)c, memory);
	cr_assert_eq(chunk_user(c), memory + 16);
	cr_assert_eq((char *)chunk_at(c, 32), memory + 32);
	cr_assert_eq((char *)&c->lo, memory + 8);
	cr_assert_eq((char *)&c->fd, memory + 16);
}

Test(chunk, sizes_and_flags_come_back)
{
	static const uint32_t flags[] = {
		0,       CHUNK_M,           CHUNK_C,          CHUNK_L,
		CHUNK_F, CHUNK_L | CHUNK_F, CHUNK_M | CHUNK_L};
	struct rng rng = {1};

	for (int i = 0; i < 100000; i++) {
		size_t units = 1 + rng_size(&rng, 42);
		uint32_t f = flags[rng_below(&rng, ARRAY_SIZE(flags))];
		uint32_t p = rng_below(&rng, 2) ? CHUNK_P : 0;
		struct chunk c;

		memset(&c, 0xee, sizeof(c));
		chunk_write(&c, TAG | f, units, p);
		cr_assert_eq(chunk_units(&c), units);
		cr_assert_eq(chunk_bytes(&c), units * UNIT);
		cr_assert_eq((char *)chunk_next(&c), (char *)&c + units * UNIT);
		cr_assert_eq(chunk_prev_in_use(&c), p != 0);
		cr_assert_eq(chunk_lo(&c) & CHUNK_TAG_MASK, TAG);
		cr_assert_eq(chunk_lo(&c) &
				     (CHUNK_M | CHUNK_C | CHUNK_L | CHUNK_F),
			     f);
	}
}

Test(chunk, the_word_of_the_neighbour_is_not_the_word_of_the_holder)
{
	struct chunk c;
	uint32_t lo;

	memset(&c, 0, sizeof(c));
	chunk_write(&c, TAG | CHUNK_C, 12345678, CHUNK_P);
	lo = c.lo;
	chunk_set_prev_free(&c);
	cr_assert_not(chunk_prev_in_use(&c));
	chunk_set_prev_in_use(&c);
	cr_assert(chunk_prev_in_use(&c));
	cr_assert_eq(c.lo, lo);
	cr_assert_eq(chunk_units(&c), 12345678u);
}

/* An overflow of one byte hits the tag first. */
Test(chunk, the_tag_stands_first_in_memory)
{
	struct chunk c;

	memset(&c, 0, sizeof(c));
	chunk_write(&c, TAG, 0xabc, 0);
	cr_assert_eq(((unsigned char *)&c)[8], TAG & 0xff);
	cr_assert_eq(((unsigned char *)&c)[9], TAG >> 8);
	cr_assert_eq(c.lo >> CHUNK_UNITS_SHIFT, 0xabcu);
}

Test(chunk, units_for_a_size_are_enough_and_not_too_many)
{
	for (size_t size = 0; size < 5000; size++) {
		size_t units = chunk_units_for(size);

		cr_assert_geq(chunk_units_usable(units), size);
		cr_assert(units == 1 || chunk_units_usable(units - 1) < size);
	}
	cr_assert_eq(chunk_units_for(8), 1u);
	cr_assert_eq(chunk_units_for(9), 2u);
}
