/*
 * pack.c: what a recording says, and what it leaves unsaid, becomes the right
 * list of operations.
 */
#include "../../bench/trace/pack.h"
#include "../../bench/trace/raw.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <criterion/criterion.h>

enum { A = 0x1000, B = 0x2000, C = 0x3000 };

static char error[TRACE_ERROR_BYTES];
static struct pack_losses losses;
static struct trace trace;

static struct raw_event event(enum raw_op op, uint64_t address, uint64_t size)
{
	return (struct raw_event){.op = op, .address = address, .size = size};
}

static struct raw_event by(uint32_t thread, struct raw_event e)
{
	e.thread = thread;
	return e;
}

/* Packs a file of these events; its name is gone again afterwards. */
static int pack(const struct raw_event *events, size_t count)
{
	struct raw_header h = {.version = RAW_VERSION, .limit = count};
	char path[] = "/tmp/mmsim-pack-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "wb");
	int done;

	cr_assert(f != NULL);
	memcpy(h.magic, RAW_MAGIC, sizeof h.magic);
	strcpy(h.program, "program");
	cr_assert_eq(fwrite(&h, sizeof h, 1, f), 1u);
	cr_assert_eq(fwrite(events, sizeof *events, count, f), count);
	fclose(f);
	done = pack_raw(&trace, path, 1000, &losses, error);
	unlink(path);
	return done;
}

#define PACK(...)                                                              \
	pack((const struct raw_event[]){__VA_ARGS__},                          \
	     sizeof((const struct raw_event[]){__VA_ARGS__}) /                 \
		     sizeof(struct raw_event))

/* The list as text, such as "m0:10 f0 ". */
static const char *list(void)
{
	static char text[1000];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < trace.nr_ops; i++) {
		const struct trace_op *op = &trace.ops[i];

		used += (size_t)snprintf(
			text + used, sizeof text - used, "%s%c%u", i ? " " : "",
			trace_kind_name(op->kind)[0], op->slot);
		if (op->kind == TRACE_REALLOC)
			used += (size_t)snprintf(text + used,
						 sizeof text - used, ":%u>%u",
						 op->old_size, op->size);
		else
			used += (size_t)snprintf(text + used,
						 sizeof text - used, ":%u",
						 op->size);
	}
	return text;
}

Test(pack, a_block_that_moves_while_another_thread_takes_its_place)
{
	cr_assert(PACK(event(RAW_MALLOC, A, 10), event(RAW_RESIZE, A, 0),
		       by(1, event(RAW_MALLOC, A, 20)),
		       event(RAW_RESIZED, B, 30), by(1, event(RAW_FREE, A, 0)),
		       event(RAW_FREE, B, 0)),
		  "%s", error);
	cr_assert_str_eq(list(), "m0:10 m1:20 r0:10>30 f1:20 f0:30");
	cr_assert_eq(trace.nr_threads, 2u);
	cr_assert_eq(trace.nr_slots, 2u);
	cr_assert_eq(losses.lost + losses.unknown, 0u);
	cr_assert_str_eq(losses.program, "program");
}

Test(pack, a_failed_realloc_leaves_its_block)
{
	cr_assert(PACK(event(RAW_MALLOC, A, 10), event(RAW_RESIZE, A, 0),
		       event(RAW_RESIZED, 0, 0), event(RAW_FREE, A, 0)));
	cr_assert_str_eq(list(), "m0:10 f0:10");
}

Test(pack, blocks_from_before_are_left_out)
{
	cr_assert(PACK(event(RAW_FREE, A, 0), event(RAW_RESIZE, B, 0),
		       event(RAW_RESIZED, C, 5), event(RAW_RESIZE, A, 0),
		       event(RAW_RESIZED, 0, 0), event(RAW_FREE, C, 0)));
	cr_assert_str_eq(list(), "m0:5 f0:5");
	cr_assert_eq(losses.unknown, 2u);
}

Test(pack, a_block_whose_free_is_missing_is_freed_when_its_place_is_taken)
{
	cr_assert(PACK(event(RAW_MALLOC, A, 1), event(RAW_MALLOC, B, 2),
		       event(RAW_MALLOC, A, 3), event(RAW_RESIZE, B, 0),
		       event(RAW_RESIZED, A, 4)));
	cr_assert_str_eq(list(), "m0:1 m1:2 f0:1 m0:3 f0:3 r1:2>4");
	cr_assert_eq(losses.lost, 2u);
}

Test(pack, unfinished_events_mean_nothing)
{
	cr_assert(PACK(event(RAW_MALLOC, A, 1), event(RAW_NONE, B, 9),
		       event(RAW_FREE, A, 0), event(RAW_NONE, 0, 0)));
	cr_assert_str_eq(list(), "m0:1 f0:1");
}

Test(pack, what_is_no_recording_is_refused)
{
	cr_assert_not(PACK(event(RAW_NONE, 0, 0)));
	cr_assert_str_eq(error, "it has no events");
	cr_assert_not(PACK(event(RAW_NR_OPS, A, 1)));
	cr_assert_str_eq(error, "damaged: an event of an unknown kind");
	cr_assert_not(PACK(by(70000, event(RAW_MALLOC, A, 1))));
	cr_assert_str_eq(error, "damaged: an event of an unknown kind");
	cr_assert_not(PACK(event(RAW_RESIZED, A, 1)));
	cr_assert_str_eq(error, "a realloc ends that did not begin");
	cr_assert_not(PACK(event(RAW_MALLOC, A, (uint64_t)1 << 32)));
	cr_assert_str_eq(error, "it has a block of 4 GiB or more");
}
