/*
 * sh6 and sh8: many small sizes, freed in part in the order of allocation, in
 * part in reverse; in sh8 half of them by another thread.
 *
 * Written after published descriptions of MicroQuill's stress tests of
 * SmartHeap, sh6bench and sh8bench; an approximation, not their programs.
 *
 * A round allocates 2000 blocks.  The sizes climb a ladder on which small
 * steps repeat more often than large ones.  Then the second half is freed
 * last first; and the first half first first (sh6), or it goes as a letter to
 * the next thread, which frees it (sh8).
 */
#include "mailbox.h"
#include "suite.h"

enum { ROUND = 2000, HALF = ROUND / 2, LARGEST = 1000, ROUNDS = 9000 };
enum { MAX_THREADS = 4 };

/* The sizes of a round; the same for all threads. */
static uint32_t ladder[ROUND];

struct blocks_letter {
	struct letter head;
	void *block[HALF]; /* of the sizes ladder[0 .. HALF - 1] */
};

struct worker {
	struct mail_ring *ring; /* NULL: sh6 */
	int number;
	uint64_t rounds;
};

/* From 8 to LARGEST, each size repeated in inverse proportion to itself. */
static void make_ladder(void)
{
	uint32_t size = 8;
	uint32_t repeat = 0;

	for (int i = 0; i < ROUND; i++) {
		ladder[i] = size;
		if (++repeat * size >= LARGEST) {
			repeat = 0;
			size = size + size / 4 + 4;
			if (size > LARGEST)
				size = 8;
		}
	}
}

static void free_forwards(void **block)
{
	for (uint32_t i = 0; i < HALF; i++)
		block_end(block[i], ladder[i], i);
}

static void read_letter(struct letter *letter)
{
	free_forwards(((struct blocks_letter *)letter)->block);
	free(letter);
}

static void *rounds(void *argument)
{
	const struct worker *w = argument;
	void *own[HALF], *late[HALF];

	for (uint64_t n = 0; n < w->rounds; n++) {
		struct blocks_letter *l = w->ring ? block_new(sizeof *l) : NULL;
		void **early = l ? l->block : own;

		for (uint32_t i = 0; i < HALF; i++)
			early[i] = block_make(ladder[i], i);
		for (uint32_t i = 0; i < HALF; i++)
			late[i] = block_make(ladder[HALF + i], i);
		for (uint32_t i = HALF; i-- > 0;)
			block_end(late[i], ladder[HALF + i], i);
		if (l) {
			mail_send(w->ring, w->number, &l->head);
			mail_read(w->ring, w->number);
		} else {
			free_forwards(own);
		}
	}
	if (w->ring)
		mail_close(w->ring, w->number);
	return NULL;
}

/* arg: 1 for sh8. */
static void sh(struct suite_run *run)
{
	static struct mailbox box[MAX_THREADS];
	int threads = run->row->threads;
	struct mail_ring ring = {
		.threads = threads, .read = read_letter, .box = box};
	struct worker w[MAX_THREADS];

	make_ladder();
	for (int i = 0; i < threads; i++) {
		w[i] = (struct worker){.ring = run->row->arg ? &ring : NULL,
				       .number = i,
				       .rounds = suite_share(run, ROUNDS)};
		run->ops += w[i].rounds * ROUND;
	}
	suite_begin(run);
	suite_threads(threads, rounds, w, sizeof *w);
	suite_end(run);
}

const struct suite_row sh_rows[] = {
	{.name = "sh6/1", .threads = 1, .work = sh, .arg = 0},
	{.name = "sh6/2", .threads = 2, .work = sh, .arg = 0},
	{.name = "sh6/4", .threads = 4, .work = sh, .arg = 0},
	{.name = "sh8/1", .threads = 1, .work = sh, .arg = 1},
	{.name = "sh8/2", .threads = 2, .work = sh, .arg = 1},
	{.name = "sh8/4", .threads = 4, .work = sh, .arg = 1},
	{.name = NULL},
};
