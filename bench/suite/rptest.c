/*
 * rptest: blocks of 8..16000 bytes, in part freed by another thread.
 *
 * After the description of rpmalloc-benchmark by Mattias Jansson (2017), with
 * the arguments under which it is usually published: sizes with a linear
 * falloff, 1000 blocks live in each thread, 100 replaced at a time, every
 * second time across threads.
 *
 * A thread repeats: 100 of its 1000 slots, chosen at random, lose their blocks;
 * it frees them itself, or sends them in a letter to the next thread; then the
 * slots get new blocks, of which a quarter is written, and the letters that came
 * are read.  The mean block has 5 KiB: few thread caches hold such sizes, and an
 * allocator that has one lock for an arena spends its time waiting for it.
 */
#include "mailbox.h"
#include "suite.h"

enum { SLOTS = 1000, REPLACED = 100, SMALLEST = 8, LARGEST = 16000 };
enum { ROUNDS = 12000, CROSS_RATE = 2, THREADS = 4 };

struct slot {
	void *block;
	uint32_t size;
};

struct slots_letter {
	struct letter head;
	struct slot slot[REPLACED];
};

struct worker {
	_Alignas(64) struct rng rng;
	struct mail_ring *ring;
	int number;
	uint64_t rounds;
	unsigned drawn; /* numbers taken from sizes */
	struct sizes sizes;
	struct slot slot[SLOTS];
};

static void free_slots(const struct slot *slot, int count)
{
	for (int i = 0; i < count; i++)
		block_end(slot[i].block, slot[i].size, 0);
}

static void read_letter(struct letter *letter)
{
	free_slots(((struct slots_letter *)letter)->slot, REPLACED);
	free(letter);
}

static void slot_fill(struct worker *w, struct slot *s)
{
	s->size = w->sizes.size[w->drawn++ % NR_SIZES];
	s->block = malloc(s->size);
	if (!s->block)
		out_of_memory("malloc", s->size);
	memset(s->block, 1, s->size / 4);
	block_stamp(s->block, s->size, 0);
}

/* The density falls in a straight line from SMALLEST to 0 at LARGEST. */
static void draw_linear(struct sizes *t, struct rng *r)
{
	for (int i = 0; i < NR_SIZES; i++) {
		uint32_t a = rng_below(r, LARGEST - SMALLEST + 1);
		uint32_t b = rng_below(r, LARGEST - SMALLEST + 1);

		t->size[i] = SMALLEST + (a < b ? a : b);
	}
}

static void replace(struct worker *w, bool cross)
{
	/* Neighbours from a random place on: all different. */
	uint32_t start = rng_below(&w->rng, SLOTS);
	struct slot gone[REPLACED];
	struct slots_letter *l = NULL;

	for (uint32_t i = 0; i < REPLACED; i++)
		gone[i] = w->slot[(start + i) % SLOTS];
	if (cross) {
		l = block_new(sizeof *l);
		memcpy(l->slot, gone, sizeof gone);
		mail_send(w->ring, w->number, &l->head);
	} else {
		free_slots(gone, REPLACED);
	}
	for (uint32_t i = 0; i < REPLACED; i++)
		slot_fill(w, &w->slot[(start + i) % SLOTS]);
}

static void *rounds(void *argument)
{
	struct worker *w = argument;

	for (int i = 0; i < SLOTS; i++)
		slot_fill(w, &w->slot[i]);
	for (uint64_t n = 0; n < w->rounds; n++) {
		replace(w, n % CROSS_RATE == 1);
		mail_read(w->ring, w->number);
	}
	mail_close(w->ring, w->number);
	free_slots(w->slot, SLOTS);
	return NULL;
}

static void rptest(struct suite_run *run)
{
	static struct mailbox box[THREADS];
	struct mail_ring ring = {
		.threads = THREADS, .read = read_letter, .box = box};
	struct worker *w = table_map(THREADS * sizeof *w);

	for (int i = 0; i < THREADS; i++) {
		w[i].rng.state = 71 + (unsigned)i;
		w[i].ring = &ring;
		w[i].number = i;
		w[i].rounds = suite_share(run, ROUNDS);
		draw_linear(&w[i].sizes, &w[i].rng);
		run->ops += SLOTS + w[i].rounds * REPLACED;
	}
	suite_begin(run);
	suite_threads(THREADS, rounds, w, sizeof *w);
	suite_end(run);
	table_unmap(w, THREADS * sizeof *w);
}

const struct suite_row rptest_rows[] = {
	{.name = "rptest/4", .threads = THREADS, .work = rptest},
	{.name = NULL},
};
