/*
 * bin.c: random inserts, finds and removals against a plain list, and damage.
 */
#include "alloc/bin.h"

#include "alloc/arena.h"
#include "alloc/heap.h"
#include "unit.h"

#include <signal.h>

#define ROOM (4 * MIB)
#define NR_CHUNKS 2000

static struct heap heap;
static struct arena arena;
static char *memory;

static void setup(void)
{
	memory = mmsim_os_host()->map(NULL, ROOM);
	cr_assert_not_null(memory);
	heap.secret = 0x1280;
	arena_init(&arena, &heap, 0);
	arena.segments[0].base = (uintptr_t)memory;
	arena.segments[0].end = (uintptr_t)memory + ROOM;
	arena.segments[0].limit = arena.segments[0].end;
	arena.nr_segments = 1;
}

TestSuite(bin, .init = setup);

static struct chunk *make_chunk(size_t at, size_t units)
{
	struct chunk *c = (struct chunk *)(void *)(memory + at);

	chunk_write(c, arena.tag | CHUNK_L | CHUNK_F, units, CHUNK_P);
	return c;
}

Test(bin, index_is_monotonic_and_in_range)
{
	unsigned last = 0;

	for (size_t units = 1; units < 100000; units++) {
		unsigned i = bin_index(units);

		cr_assert(i == last || i == last + 1);
		cr_assert(units >= BIN_EXACT || i == units);
		last = i;
	}
	cr_assert_lt(bin_index((size_t)1 << 43), NR_BINS);
}

/* They are larger than the arena: only their headers are looked at. */
Test(bin, the_last_bin_holds_all_that_is_larger)
{
	size_t units = (size_t)1 << 32;
	struct chunk *small = make_chunk(0, units);
	struct chunk *large = make_chunk(64, 4 * units);

	cr_assert_eq(bin_index(units), NR_BINS - 1);
	cr_assert_eq(bin_index(4 * units), NR_BINS - 1);
	bin_insert(&arena.bins, large);
	bin_insert(&arena.bins, small);
	cr_assert_eq(bin_find(&arena, 100), small);
	cr_assert_eq(bin_find(&arena, 2 * units), large);
	cr_assert_null(bin_find(&arena, 5 * units));
	bin_unlink(&arena, small);
	cr_assert_eq(bin_find(&arena, 100), large);
}

/* The model: chunk i is in a bin or not. */
struct model {
	struct chunk *c[NR_CHUNKS];
	size_t units[NR_CHUNKS];
	bool is_in[NR_CHUNKS];
	size_t nr, nr_units;
};

static void model_toggle(struct model *m, size_t i)
{
	if (m->is_in[i])
		bin_unlink(&arena, m->c[i]);
	else
		bin_insert(&arena.bins, m->c[i]);
	m->is_in[i] = !m->is_in[i];
	m->nr += m->is_in[i] ? 1 : (size_t)-1;
	m->nr_units += m->is_in[i] ? m->units[i] : 0 - m->units[i];
}

/* Good fit: NULL only when there is none in a larger bin and none among the
 * first of the same bin; never one that is too small. */
static void model_check_find(const struct model *m, size_t units)
{
	struct chunk *found = bin_find(&arena, units);
	bool larger_bin = false;

	for (size_t i = 0; i < NR_CHUNKS; i++) {
		if (m->is_in[i] && bin_index(m->units[i]) > bin_index(units))
			larger_bin = true;
		if (found == m->c[i])
			cr_assert(m->is_in[i] && m->units[i] >= units);
	}
	cr_assert(found || !larger_bin);
	if (units < BIN_EXACT && found)
		for (size_t i = 0; i < NR_CHUNKS; i++)
			cr_assert(!m->is_in[i] || m->units[i] < units ||
				  bin_index(m->units[i]) >=
					  bin_index(chunk_units(found)));
}

static void random_operations(uint64_t seed)
{
	static struct model m;
	struct rng rng = {seed};
	size_t at = 0;

	memset(&m, 0, sizeof(m));
	for (size_t i = 0; i < NR_CHUNKS; i++) {
		m.units[i] = MIN_FREE_UNITS + rng_size(&rng, 8);
		m.c[i] = make_chunk(at, m.units[i]);
		at += m.units[i] * UNIT;
		cr_assert_lt(at, ROOM);
	}
	for (int n = 0; n < STEPS(100000); n++) {
		model_toggle(&m, rng_below(&rng, NR_CHUNKS));
		cr_assert_eq(arena.bins.nr_chunks, m.nr);
		cr_assert_eq(arena.bins.nr_units, m.nr_units);
		if (n % 50 == 0)
			model_check_find(&m, 2 + rng_size(&rng, 9));
	}
	for (size_t i = 0; i < NR_CHUNKS; i++)
		if (m.is_in[i])
			model_toggle(&m, i);
	cr_assert_eq(arena.bins.summary, 0u);
	cr_assert_eq(arena.bins.nr_units, 0u);
	cr_assert_null(bin_find(&arena, MIN_FREE_UNITS));
}

Test(bin, agrees_with_a_model)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		random_operations(seed);
}

Test(bin, takes_the_exact_size_before_a_larger_one)
{
	struct chunk *small = make_chunk(0, 10), *large = make_chunk(1024, 20);

	bin_insert(&arena.bins, small);
	bin_insert(&arena.bins, large);
	cr_assert_eq(bin_find(&arena, 10), small);
	cr_assert_eq(bin_find(&arena, 11), large);
	cr_assert_null(bin_find(&arena, 21));
}

static void insert_three(struct chunk *c[3])
{
	for (size_t i = 0; i < 3; i++) {
		c[i] = make_chunk(i * 1024, 10);
		bin_insert(&arena.bins, c[i]);
	}
}

Test(bin, damaged_forward_link_ends_the_program, .signal = SIGABRT)
{
	struct chunk *c[3];

	insert_three(c);
	c[1]->fd = (struct chunk *)(void *)(memory + 16 * 100);
	bin_unlink(&arena, c[1]);
}

Test(bin, wild_forward_link_ends_the_program, .signal = SIGABRT)
{
	struct chunk *c[3];

	insert_three(c);
	c[1]->fd = (struct chunk *)0x4141414141414140;
	bin_unlink(&arena, c[1]);
}

Test(bin, damaged_backward_link_ends_the_program, .signal = SIGABRT)
{
	struct chunk *c[3];

	insert_three(c);
	c[1]->bk = (struct chunk *)0x4141414141414140;
	bin_unlink(&arena, c[1]);
}

Test(bin, a_chunk_that_is_in_no_bin_ends_the_program, .signal = SIGABRT)
{
	struct chunk *c[3], *alone;

	insert_three(c);
	alone = make_chunk(8192, 10);
	alone->fd = alone->bk = NULL;
	bin_unlink(&arena, alone);
}
