/* words.c: from a trace to what the replay reads; see words.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "words.h"

/* Live blocks while the list goes on: sizes by slot, plus 1; 0: none. */
static uint64_t *end_sizes(const struct trace *t)
{
	uint64_t *sizes = calloc((size_t)t->nr_slots + 1, sizeof *sizes);

	for (size_t i = 0; sizes && i < t->nr_ops; i++) {
		const struct trace_op *op = &t->ops[i];

		sizes[op->slot] =
			op->kind == TRACE_FREE ? 0 : (uint64_t)op->size + 1;
	}
	return sizes;
}

static int has_second(const struct trace_op *op)
{
	return op->kind == TRACE_REALLOC || op->kind == TRACE_ALIGNED;
}

static void put_header(const struct trace *t, const uint64_t *sizes, FILE *f)
{
	struct words_header h = {.nr_ops = t->nr_ops,
				 .nr_words = t->nr_ops,
				 .nr_slots = t->nr_slots};

	memcpy(h.magic, WORDS_MAGIC, sizeof h.magic);
	for (size_t i = 0; i < t->nr_ops; i++)
		h.nr_words += (uint64_t)has_second(&t->ops[i]);
	for (uint32_t slot = 0; slot < t->nr_slots; slot++) {
		h.nr_words += sizes[slot] > 0;
		h.nr_ops += sizes[slot] > 0;
	}
	fwrite(&h, sizeof h, 1, f);
}

static void put_word(uint64_t word, FILE *f)
{
	fwrite(&word, sizeof word, 1, f);
}

static void put_words(const struct trace *t, const uint64_t *sizes, FILE *f)
{
	for (size_t i = 0; i < t->nr_ops; i++) {
		const struct trace_op *op = &t->ops[i];

		put_word(word_make(op->kind, op->slot, op->size), f);
		if (has_second(op))
			put_word(op->kind == TRACE_REALLOC
					 ? op->old_size
					 : (uint64_t)1 << op->align_log2,
				 f);
	}
	for (uint32_t slot = 0; slot < t->nr_slots; slot++) {
		if (sizes[slot])
			put_word(word_make(TRACE_FREE, slot,
					   (uint32_t)(sizes[slot] - 1)),
				 f);
	}
}

int words_write(const struct trace *t, FILE *f, char *error)
{
	uint64_t *sizes = end_sizes(t);
	int done = 0;

	if (!sizes) {
		snprintf(error, TRACE_ERROR_BYTES, "out of memory");
	} else if (t->nr_slots > WORDS_MAX_SLOTS) {
		snprintf(error, TRACE_ERROR_BYTES,
			 "more than %d blocks live at once", WORDS_MAX_SLOTS);
	} else {
		put_header(t, sizes, f);
		put_words(t, sizes, f);
		done = !fflush(f) && !ferror(f);
		if (!done)
			snprintf(error, TRACE_ERROR_BYTES, "%s",
				 strerror(errno));
	}
	free(sizes);
	return done;
}
