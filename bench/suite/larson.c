/*
 * larson: a server whose threads die and leave their objects to the next.
 *
 * After the description by Larson and Krishnan, "Memory allocation for
 * long-running server applications" (ISMM 1998).  Each of N chains holds a
 * table of 5000 blocks of 8..1000 bytes that the main thread has filled.  A
 * thread replaces blocks at random: it frees one and allocates another of a
 * random size.  When its life is over it starts its successor, which goes on
 * with the same table, and ends:
 *
 *     chain 0   [thread]-->[thread]-->[thread]        each --> is a
 *     chain 1   [thread]-->[thread]-->[thread]        pthread_create by the
 *     ...                                             thread that ends
 *
 * So nearly every block is freed by a thread that did not allocate it, often
 * after its allocator is gone, and threads come and go all the time.
 * Stressed: frees of dead threads' blocks, reuse of dead threads' memory,
 * scaling.  The published program runs for a time; this one counts
 * replacements.
 */
#include "suite.h"

enum { SLOTS = 5000, LIFE = 100000, REPLACED = 16000000 };
enum { SMALLEST = 8, LARGEST = 1000 };

struct slot {
	void *block;
	uint32_t size;
};

struct chain {
	_Alignas(64) struct rng rng;
	uint64_t left;     /* replacements to do */
	unsigned drawn;    /* numbers taken from sizes */
	int lives;         /* threads that the chain needs */
	int life;          /* the one that runs, from 0 */
	pthread_t *thread; /* [lives]; each starts the one after it */
	struct sizes sizes;
	struct slot slot[SLOTS];
};

static void slot_fill(struct chain *c, uint32_t i)
{
	struct slot *s = &c->slot[i];

	s->size = c->sizes.size[c->drawn++ % NR_SIZES];
	s->block = block_make(s->size, i);
}

static void *chain_life(void *argument)
{
	struct chain *c = argument;
	uint64_t steps = c->left < LIFE ? c->left : LIFE;

	c->left -= steps;
	while (steps--) {
		uint32_t i = rng_below(&c->rng, SLOTS);

		block_end(c->slot[i].block, c->slot[i].size, i);
		slot_fill(c, i);
	}
	if (++c->life < c->lives)
		c->thread[c->life] = suite_thread(chain_life, c);
	return NULL;
}

static void chain_init(struct chain *c, int number, uint64_t replacements)
{
	c->rng.state = 53 + (unsigned)number;
	c->left = replacements;
	c->lives = (int)((replacements + LIFE - 1) / LIFE);
	c->thread = table_map((size_t)c->lives * sizeof *c->thread);
	sizes_draw(&c->sizes, &c->rng, SMALLEST, LARGEST);
	for (uint32_t i = 0; i < SLOTS; i++)
		slot_fill(c, i);
}

/* Waits for all threads of a chain: each has its successor's number. */
static void chain_join(struct chain *c)
{
	for (int i = 0; i < c->lives; i++)
		pthread_join(c->thread[i], NULL);
}

static void chain_fini(struct chain *c)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		block_end(c->slot[i].block, c->slot[i].size, i);
	table_unmap(c->thread, (size_t)c->lives * sizeof *c->thread);
}

static void larson(struct suite_run *run)
{
	int chains = run->row->threads;
	uint64_t each = suite_count(run, (uint64_t)REPLACED / (uint64_t)chains);
	struct chain *c = table_map((size_t)chains * sizeof *c);

	for (int i = 0; i < chains; i++)
		chain_init(&c[i], i, each);
	suite_begin(run);
	for (int i = 0; i < chains; i++)
		c[i].thread[0] = suite_thread(chain_life, &c[i]);
	for (int i = 0; i < chains; i++)
		chain_join(&c[i]);
	suite_end(run);
	run->ops = each * (uint64_t)chains;
	for (int i = 0; i < chains; i++)
		chain_fini(&c[i]);
	table_unmap(c, (size_t)chains * sizeof *c);
}

const struct suite_row larson_rows[] = {
	{.name = "larson/1", .threads = 1, .work = larson},
	{.name = "larson/2", .threads = 2, .work = larson},
	{.name = "larson/4", .threads = 4, .work = larson},
	{.name = NULL},
};
