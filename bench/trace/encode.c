/*
 * encode.c: from operations to bytes; see trace.h for the format.
 *
 * Slots in, places out: the writer keeps the live blocks in their order and
 * asks where each block stands that an operation names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "codec.h"
#include "order.h"

enum { NUMBER_BYTES = 5, NR_COUNTS = 7 };

/* Everything that goes along the list of operations. */
struct writer {
	struct order order;
	uint32_t *number_of; /* of the block in each slot, its number */
	uint32_t previous;   /* place of the block changed last */
	uint32_t thread;     /* of the operation before */
	struct bytes heads;  /* the four columns */
	struct bytes sizes;
	struct bytes places;
	struct bytes rest;
};

static void put_number(struct bytes *b, uint32_t number)
{
	for (; number >= 128; number >>= 7)
		*b->at++ = (uint8_t)(number | 128);
	*b->at++ = (uint8_t)number;
}

/* The place of the block in a slot; returns the head's bit. */
static uint8_t put_place(struct writer *w, uint32_t slot)
{
	uint32_t older = order_older(&w->order, w->number_of[slot]);
	uint32_t newer = w->order.live - 1 - older;
	uint32_t step = older >= w->previous ? 2 * (older - w->previous)
					     : 2 * (w->previous - older) - 1;

	w->previous = older;
	put_number(&w->places, step < newer ? step : newer);
	return step < newer ? HEAD_FROM_PREVIOUS : 0;
}

static void put_op(struct writer *w, const struct trace_op *op)
{
	uint8_t head = op->kind;

	if (op->thread != w->thread) {
		head |= HEAD_THREAD;
		put_number(&w->rest, op->thread);
		w->thread = op->thread;
	}
	if (op->kind == TRACE_REALLOC || op->kind == TRACE_FREE)
		head |= put_place(w, op->slot);
	else
		w->number_of[op->slot] = order_add(&w->order);
	if (op->kind == TRACE_ALIGNED)
		put_number(&w->rest, op->align_log2);
	if (op->kind == TRACE_FREE)
		order_remove(&w->order, w->number_of[op->slot]);
	else
		put_number(&w->sizes, op->size);
	*w->heads.at++ = head;
}

static int open_column(struct bytes *b, size_t bytes)
{
	b->end = b->at = malloc(bytes + 1);
	return b->at != NULL;
}

/* While a column is written, its `end` remembers where it starts. */
static size_t column_length(const struct bytes *b)
{
	return (size_t)(b->at - b->end);
}

static void append(struct bytes *all, const struct bytes *column)
{
	memcpy(all->at, column->end, column_length(column));
	all->at += column_length(column);
}

static int join(const struct trace *t, const struct writer *w, uint8_t **start,
		size_t *length)
{
	struct bytes all;

	*start = malloc(NR_COUNTS * NUMBER_BYTES + column_length(&w->heads) +
			column_length(&w->sizes) + column_length(&w->places) +
			column_length(&w->rest));
	if (!*start)
		return 0;
	all.at = *start;
	put_number(&all, (uint32_t)t->nr_ops);
	put_number(&all, (uint32_t)t->nr_allocations);
	put_number(&all, t->nr_slots);
	put_number(&all, t->nr_threads);
	put_number(&all, (uint32_t)column_length(&w->sizes));
	put_number(&all, (uint32_t)column_length(&w->places));
	put_number(&all, (uint32_t)column_length(&w->rest));
	append(&all, &w->heads);
	append(&all, &w->sizes);
	append(&all, &w->places);
	append(&all, &w->rest);
	*length = (size_t)(all.at - *start);
	return 1;
}

int trace_encode(const struct trace *t, uint8_t **start, size_t *length,
		 char *error)
{
	struct writer w = {.previous = 0};
	int done;

	w.number_of = calloc((size_t)t->nr_slots + 1, sizeof *w.number_of);
	done = order_init(&w.order, (uint32_t)t->nr_allocations) &&
	       w.number_of && open_column(&w.heads, t->nr_ops) &&
	       open_column(&w.sizes, t->nr_ops * NUMBER_BYTES) &&
	       open_column(&w.places, t->nr_ops * NUMBER_BYTES) &&
	       open_column(&w.rest, t->nr_ops * 2 * NUMBER_BYTES);
	if (done) {
		for (size_t i = 0; i < t->nr_ops; i++)
			put_op(&w, &t->ops[i]);
		done = join(t, &w, start, length);
	}
	if (!done)
		snprintf(error, TRACE_ERROR_BYTES, "out of memory");
	order_fini(&w.order);
	free(w.number_of);
	free(w.heads.end);
	free(w.sizes.end);
	free(w.places.end);
	free(w.rest.end);
	return done;
}
