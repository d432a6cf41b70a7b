/*
 * sh6 and sh8: many small sizes, freed in part in the order of allocation, in
 * part in reverse; in sh8 half of them by another thread.
 *
 * Written after published descriptions of MicroQuill's stress tests of
 * SmartHeap, sh6bench and sh8bench; an approximation, not their programs.
 *
 * A round allocates 2000 blocks.  The sizes climb a ladder on which small
 * steps repeat more often than large ones.  Then the second half is freed
 * last first; and the first half first first (sh6), or it goes as a letter
 * into the box of the next thread, which frees it at its next round (sh8):
 *
 *     thread 0 --> box 1    thread 1 --> box 2 ...    the last --> box 0
 *
 * A box holds 16 letters.  Who finds it full empties its own and then waits;
 * who has done its rounds empties its box until the sender has, too.  So each
 * letter is freed by its reader, and nobody waits for ever.
 */
#include "suite.h"

#include <sched.h>
#include <stdatomic.h>

enum { ROUND = 2000, HALF = ROUND / 2, LARGEST = 1000, ROUNDS = 12000 };
enum { MAX_THREADS = 4, BOX_MAX = 16 };

struct letter {
	struct letter *next;
	void *block[HALF];
};

struct box {
	_Alignas(64) _Atomic(struct letter *) first;
	atomic_int letters; /* posted and not yet freed */
	atomic_bool closed; /* no letter will come any more */
};

/* What all threads share. */
struct post {
	uint32_t ladder[ROUND];
	int threads;
	uint64_t rounds; /* of each thread */
	struct box box[MAX_THREADS];
};

struct worker {
	struct post *post;
	int number;
	bool hands_on; /* sh8 */
};

/* 8, 14, 21 ... LARGEST, each repeated in inverse proportion to itself. */
static void make_ladder(uint32_t *ladder)
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

static void allocate(const uint32_t *ladder, void **block, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		block[i] = block_make(ladder[i], i);
}

static void free_forwards(const uint32_t *ladder, void **block)
{
	for (uint32_t i = 0; i < HALF; i++)
		block_end(block[i], ladder[i], i);
}

static void free_backwards(const uint32_t *ladder, void **block)
{
	for (uint32_t i = HALF; i-- > 0;)
		block_end(block[i], ladder[i], i);
}

static void read_letters(const struct post *post, struct box *box)
{
	struct letter *l = atomic_exchange(&box->first, NULL);

	while (l) {
		struct letter *next = l->next;

		free_forwards(post->ladder, l->block);
		free(l);
		atomic_fetch_sub(&box->letters, 1);
		l = next;
	}
}

static void send_letter(struct post *post, int from, struct letter *l)
{
	struct box *box = &post->box[(from + 1) % post->threads];

	while (atomic_load(&box->letters) >= BOX_MAX) {
		read_letters(post, &post->box[from]);
		sched_yield();
	}
	atomic_fetch_add(&box->letters, 1);
	l->next = atomic_load(&box->first);
	while (!atomic_compare_exchange_weak(&box->first, &l->next, l))
		;
}

/* The end of a thread: tells its reader, and reads until its sender ends. */
static void close_boxes(struct post *post, int number)
{
	struct box *mine = &post->box[number];

	atomic_store(&post->box[(number + 1) % post->threads].closed, true);
	while (!atomic_load(&mine->closed)) {
		read_letters(post, mine);
		sched_yield();
	}
	read_letters(post, mine);
}

static void *rounds(void *argument)
{
	const struct worker *w = argument;
	struct post *post = w->post;
	void *block[ROUND];

	for (uint64_t n = 0; n < post->rounds; n++) {
		struct letter *l = w->hands_on ? block_new(sizeof *l) : NULL;
		void **first = l ? l->block : block;

		allocate(post->ladder, first, HALF);
		allocate(post->ladder + HALF, block + HALF, HALF);
		free_backwards(post->ladder + HALF, block + HALF);
		if (l) {
			send_letter(post, w->number, l);
			read_letters(post, &post->box[w->number]);
		} else {
			free_forwards(post->ladder, block);
		}
	}
	if (w->hands_on)
		close_boxes(post, w->number);
	return NULL;
}

/* arg: 1 for sh8. */
static void sh(struct suite_run *run)
{
	struct post *post = table_map(sizeof *post);
	struct worker w[MAX_THREADS];

	make_ladder(post->ladder);
	post->threads = run->row->threads;
	post->rounds = suite_share(run, ROUNDS);
	for (int i = 0; i < post->threads; i++)
		w[i] = (struct worker){
			.post = post, .number = i, .hands_on = run->row->arg};
	suite_begin(run);
	suite_threads(post->threads, rounds, w, sizeof *w);
	suite_end(run);
	run->ops = post->rounds * ROUND * (uint64_t)post->threads;
	table_unmap(post, sizeof *post);
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
