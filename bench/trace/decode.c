/*
 * decode.c: from bytes to operations; see trace.h for the format.
 *
 * Places in, slots out.  Nothing in the bytes is believed: counts have bounds,
 * columns have ends, a place has a block, and all of it must be used up.
 */
#include <stdio.h>
#include <stdlib.h>
#include "codec.h"
#include "order.h"

/* What is known of a live block. */
struct block {
	uint32_t number; /* in the order of allocation */
	uint32_t size;
};

struct reader {
	struct trace *trace;
	struct order order;
	uint32_t *slot_of;    /* of each block that ever came, its slot */
	struct block *blocks; /* one for each slot */
	uint32_t *left;       /* slots that are free, the last left on top */
	uint32_t nr_left;
	uint32_t previous; /* place of the block changed last */
	uint32_t thread;   /* of the operation before */
	struct bytes heads;
	struct bytes sizes;
	struct bytes places;
	struct bytes rest;
	const char *wrong; /* the first thing that is wrong, or NULL */
};

/* 0 and a note when there is no such number. */
static uint32_t number(struct reader *r, struct bytes *b, uint32_t max)
{
	uint64_t value = 0;
	unsigned shift = 0;

	for (; b->at < b->end && shift < 35; shift += 7) {
		uint8_t byte = *b->at++;

		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128) {
			if (value <= max)
				return (uint32_t)value;
			break;
		}
	}
	if (!r->wrong)
		r->wrong = "a number is cut off or too large";
	return 0;
}

static struct block *block_at(struct reader *r, uint32_t older, uint32_t *slot)
{
	uint32_t block;

	if (older >= r->order.live) {
		r->wrong = "an operation names a block that is not there";
		return NULL;
	}
	block = order_find(&r->order, older);
	*slot = r->slot_of[block];
	r->previous = older;
	return &r->blocks[*slot];
}

/* The block that a realloc or free is about; NULL and a note: none. */
static struct block *named(struct reader *r, uint8_t head, uint32_t *slot)
{
	uint32_t place = number(r, &r->places, UINT32_MAX);
	uint32_t older;

	if (!(head & HEAD_FROM_PREVIOUS))
		older = r->order.live - 1 - place;
	else if (place & 1)
		older = r->previous - (place / 2 + 1);
	else
		older = r->previous + place / 2;
	return r->wrong ? NULL : block_at(r, older, slot);
}

static struct block *arrive(struct reader *r, uint32_t *slot)
{
	if (!r->nr_left || r->order.next == r->order.size) {
		r->wrong = "more blocks than it says";
		return NULL;
	}
	*slot = r->left[--r->nr_left];
	r->slot_of[r->order.next] = *slot;
	r->blocks[*slot].number = order_add(&r->order);
	return &r->blocks[*slot];
}

static void leave(struct reader *r, uint32_t slot)
{
	order_remove(&r->order, r->blocks[slot].number);
	r->left[r->nr_left++] = slot;
}

static void read_op(struct reader *r, struct trace_op *op)
{
	uint8_t head = *r->heads.at++;
	struct block *block;

	op->kind = head & HEAD_KIND;
	if (op->kind >= TRACE_NR_KINDS || head > HEAD_BITS) {
		r->wrong = "an operation of an unknown kind";
		return;
	}
	if (head & HEAD_THREAD)
		r->thread = number(r, &r->rest, r->trace->nr_threads - 1);
	op->thread = (uint16_t)r->thread;
	if (op->kind == TRACE_REALLOC || op->kind == TRACE_FREE)
		block = named(r, head, &op->slot);
	else
		block = arrive(r, &op->slot);
	if (!block)
		return;
	if (op->kind == TRACE_ALIGNED)
		op->align_log2 = (uint8_t)number(r, &r->rest, 63);
	if (op->kind == TRACE_FREE) {
		op->size = block->size;
		leave(r, op->slot);
		return;
	}
	op->size = number(r, &r->sizes, UINT32_MAX);
	if (op->kind == TRACE_REALLOC)
		op->old_size = block->size;
	block->size = op->size;
}

/* The counts and the bounds of the columns. */
static void read_counts(struct reader *r, const uint8_t *start, size_t length)
{
	struct bytes all = {(uint8_t *)(uintptr_t)start,
			    (uint8_t *)(uintptr_t)start + length};
	struct trace *t = r->trace;
	uint32_t sizes, places, rest;

	t->nr_ops = number(r, &all, TRACE_MAX_OPS);
	t->nr_allocations = number(r, &all, TRACE_MAX_OPS);
	t->nr_slots = number(r, &all, TRACE_MAX_OPS);
	t->nr_threads = number(r, &all, TRACE_MAX_THREADS);
	sizes = number(r, &all, UINT32_MAX);
	places = number(r, &all, UINT32_MAX);
	rest = number(r, &all, UINT32_MAX);
	if (r->wrong)
		return;
	if (t->nr_slots > t->nr_allocations || t->nr_allocations > t->nr_ops ||
	    !t->nr_threads) {
		r->wrong = "its counts contradict each other";
		return;
	}
	if ((uint64_t)t->nr_ops + sizes + places + rest !=
	    (uint64_t)(all.end - all.at)) {
		r->wrong = "its columns are not as long as it says";
		return;
	}
	r->heads = (struct bytes){all.at, all.at + t->nr_ops};
	r->sizes = (struct bytes){r->heads.end, r->heads.end + sizes};
	r->places = (struct bytes){r->sizes.end, r->sizes.end + places};
	r->rest = (struct bytes){r->places.end, r->places.end + rest};
}

static int get_tables(struct reader *r, char *error)
{
	const struct trace *t = r->trace;

	r->slot_of = calloc(t->nr_allocations + 1, sizeof *r->slot_of);
	r->blocks = calloc((size_t)t->nr_slots + 1, sizeof *r->blocks);
	r->left = calloc((size_t)t->nr_slots + 1, sizeof *r->left);
	if (!order_init(&r->order, (uint32_t)t->nr_allocations) ||
	    !r->slot_of || !r->blocks || !r->left) {
		snprintf(error, TRACE_ERROR_BYTES, "out of memory");
		return 0;
	}
	for (uint32_t slot = t->nr_slots; slot > 0; slot--)
		r->left[r->nr_left++] = slot - 1;
	return trace_reserve(r->trace, t->nr_ops, error);
}

static void read_ops(struct reader *r)
{
	struct trace *t = r->trace;

	for (size_t i = 0; i < t->nr_ops && !r->wrong; i++)
		read_op(r, &t->ops[i]);
	if (!r->wrong &&
	    (r->sizes.at < r->sizes.end || r->places.at < r->places.end ||
	     r->rest.at < r->rest.end || r->order.next < t->nr_allocations))
		r->wrong = "something is left over at its end";
}

int trace_decode(struct trace *t, const uint8_t *start, size_t length,
		 char *error)
{
	struct reader r = {.trace = t};
	int done;

	read_counts(&r, start, length);
	done = !r.wrong && get_tables(&r, error);
	if (done)
		read_ops(&r);
	if (r.wrong)
		snprintf(error, TRACE_ERROR_BYTES, "damaged: %s", r.wrong);
	order_fini(&r.order);
	free(r.slot_of);
	free(r.blocks);
	free(r.left);
	return done && !r.wrong;
}
