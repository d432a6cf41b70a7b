/*
 * codec.c: a trace comes back from its bytes as it was, and bytes that were
 * changed are refused or give a list that is sound.
 *
 * The checksum of the file is left out here, so that the reader itself meets
 * the damage.
 */
#include "../../bench/trace/codec.h"
#include "../../bench/trace/order.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>
#include <criterion/criterion.h>

enum { OPS = 4000, SLOTS = 300, THREADS = 3, ORDERED = 500 };

/* What a list of operations has to keep. */
struct model {
	uint32_t size[SLOTS];
	int live[SLOTS];
	uint32_t left[SLOTS]; /* free slots, the one to take next at the end */
	uint32_t nr_left;
};

static void fill_op(struct model *m, struct rng *rng, struct trace *t)
{
	struct trace_op *op = &t->ops[t->nr_ops++];
	uint32_t slot = (uint32_t)rng_below(rng, SLOTS);
	uint32_t size = (uint32_t)(rng_next(rng) >> (32 + rng_below(rng, 32)));

	*op = (struct trace_op){.thread = (uint16_t)rng_below(rng, THREADS),
				.slot = slot,
				.size = size};
	if (m->live[slot]) {
		op->kind = rng_below(rng, 3) ? TRACE_FREE : TRACE_REALLOC;
		if (op->kind == TRACE_FREE) {
			op->size = m->size[slot];
			m->live[slot] = 0;
			m->left[m->nr_left++] = slot;
		} else {
			op->old_size = m->size[slot];
			m->size[slot] = size;
		}
		return;
	}
	op->kind = (uint8_t)rng_below(rng, TRACE_REALLOC);
	if (op->kind == TRACE_ALIGNED)
		op->align_log2 = (uint8_t)rng_below(rng, 20);
	op->slot = slot = m->left[--m->nr_left];
	m->live[slot] = 1;
	m->size[slot] = size;
	if (slot >= t->nr_slots)
		t->nr_slots = slot + 1;
	t->nr_allocations++;
}

static struct trace random_trace(uint64_t seed)
{
	struct trace t = {.nr_threads = THREADS};
	struct rng rng = {seed};
	struct model m = {.nr_left = 0};
	char error[TRACE_ERROR_BYTES];

	for (uint32_t slot = SLOTS; slot > 0; slot--)
		m.left[m.nr_left++] = slot - 1;
	cr_assert(trace_reserve(&t, OPS, error));
	while (t.nr_ops < OPS)
		fill_op(&m, &rng, &t);
	return t;
}

static int is_sound(const struct trace *t)
{
	uint8_t *live = calloc((size_t)t->nr_slots + 1, 1);
	int sound = live != NULL;

	for (size_t i = 0; sound && i < t->nr_ops; i++) {
		const struct trace_op *op = &t->ops[i];
		int old = op->kind == TRACE_FREE || op->kind == TRACE_REALLOC;

		sound = op->slot < t->nr_slots && op->thread < t->nr_threads &&
			op->kind < TRACE_NR_KINDS && live[op->slot] == old;
		if (sound)
			live[op->slot] = op->kind != TRACE_FREE;
	}
	free(live);
	return sound;
}

Test(codec, comes_back_as_it_was)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct trace t = random_trace(seed), back = {.ops = NULL};
		char error[TRACE_ERROR_BYTES] = "";
		uint8_t *start;
		size_t length;

		cr_assert(trace_encode(&t, &start, &length, error));
		cr_assert(trace_decode(&back, start, length, error), "%s",
			  error);
		cr_assert_eq(back.nr_ops, t.nr_ops);
		cr_assert_eq(back.nr_slots, t.nr_slots);
		cr_assert_eq(back.nr_allocations, t.nr_allocations);
		cr_assert_eq(back.nr_threads, t.nr_threads);
		cr_assert(!memcmp(back.ops, t.ops, OPS * sizeof *t.ops));
		trace_unload(&back);
		trace_unload(&t);
		free(start);
	}
}

/* Decodes a copy of exactly `length` bytes; 0: refused. */
static int decodes(const uint8_t *start, size_t length)
{
	struct trace back = {.ops = NULL};
	char error[TRACE_ERROR_BYTES] = "";
	uint8_t *copy = malloc(length + !length);
	int done;

	cr_assert(copy != NULL);
	memcpy(copy, start, length);
	done = trace_decode(&back, copy, length, error);
	if (done)
		cr_assert(is_sound(&back));
	else
		cr_assert(error[0] != '\0');
	trace_unload(&back);
	free(copy);
	return done;
}

Test(codec, changed_bytes_are_refused_or_sound)
{
	struct trace t = random_trace(99);
	struct rng rng = {7};
	char error[TRACE_ERROR_BYTES];
	uint8_t *start;
	size_t length, accepted = 0;

	cr_assert(trace_encode(&t, &start, &length, error));
	for (size_t at = 0; at < length; at += at < 64 ? 1 : 13) {
		uint8_t old = start[at];

		start[at] ^= (uint8_t)(1 + rng_below(&rng, 255));
		accepted += (size_t)decodes(start, length);
		start[at] = old;
	}
	/* A changed size is as good as the right one. */
	cr_assert_gt(accepted, 0u);
	for (size_t cut = 0; cut < length; cut += 29)
		cr_assert_not(decodes(start, cut));
	cr_assert(decodes(start, length));
	trace_unload(&t);
	free(start);
}

Test(codec, order_is_that_of_a_plain_list)
{
	uint32_t list[ORDERED], length = 0;
	struct rng rng = {3};
	struct order o;

	cr_assert(order_init(&o, ORDERED));
	while (o.next < ORDERED || length > 0) {
		if (o.next < ORDERED && rng_below(&rng, 5) < 3) {
			list[length++] = order_add(&o);
		} else if (length > 0) {
			uint32_t at = (uint32_t)rng_below(&rng, length);

			order_remove(&o, list[at]);
			memmove(list + at, list + at + 1,
				(--length - at) * sizeof *list);
		}
		cr_assert_eq(o.live, length);
		for (uint32_t i = 0; i < length; i++) {
			cr_assert_eq(order_find(&o, i), list[i]);
			cr_assert_eq(order_older(&o, list[i]), i);
		}
	}
	order_fini(&o);
}
