/*
 * xmalloc: every block is freed by a thread that did not allocate it.
 *
 * After the description of xmalloc-test by Lever and Boreham, "malloc()
 * performance in a multithreaded Linux environment" (USENIX 2000).  Half of
 * the threads allocate batches of 4096 blocks of 64 bytes, write them and put
 * them on one list; the other half take batches off, check and free them.  The
 * batches themselves are allocated, too.
 *
 *     producers ---> list of at most 100 batches ---> consumers
 *     (malloc)       one lock; the newest first        (free)
 *
 * The consumers begin when the list is full for the first time, so that all
 * allocators meet the same peak.
 *
 * No block ever comes back to its thread by itself: an allocator must carry
 * memory from the consumers to the producers, in large portions and without a
 * lock for each block, or grow.  In the row of one thread that thread does
 * both: it allocates a batch and frees the oldest of 50.
 */
#include "suite.h"

enum { PER_BATCH = 4096, SIZE = 64, LIST_MAX = 100, BATCHES = 2500 };
enum { HELD = 50 };

struct batch {
	struct batch *next;
	void *block[PER_BATCH];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t not_full;
	pthread_cond_t not_empty;
	struct batch *first; /* the newest */
	unsigned length;
	unsigned begin_at; /* consumers wait for this length; then 0 */
} list = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.not_full = PTHREAD_COND_INITIALIZER,
	.not_empty = PTHREAD_COND_INITIALIZER,
};

static void list_put(struct batch *b)
{
	pthread_mutex_lock(&list.lock);
	while (list.length == LIST_MAX)
		pthread_cond_wait(&list.not_full, &list.lock);
	b->next = list.first;
	list.first = b;
	list.length++;
	if (list.length == list.begin_at) {
		list.begin_at = 0;
		pthread_cond_broadcast(&list.not_empty);
	}
	pthread_cond_signal(&list.not_empty);
	pthread_mutex_unlock(&list.lock);
}

static struct batch *list_take(void)
{
	struct batch *b;

	pthread_mutex_lock(&list.lock);
	while (!list.length || list.begin_at)
		pthread_cond_wait(&list.not_empty, &list.lock);
	b = list.first;
	list.first = b->next;
	list.length--;
	pthread_cond_signal(&list.not_full);
	pthread_mutex_unlock(&list.lock);
	return b;
}

static struct batch *batch_new(void)
{
	struct batch *b = block_new(sizeof *b);

	for (uint32_t i = 0; i < PER_BATCH; i++) {
		b->block[i] = malloc(SIZE);
		if (!b->block[i])
			out_of_memory("malloc", SIZE);
		memset(b->block[i], (int)i, SIZE);
		block_stamp(b->block[i], SIZE, i);
	}
	return b;
}

static void batch_free(struct batch *b)
{
	for (uint32_t i = 0; i < PER_BATCH; i++)
		block_end(b->block[i], SIZE, i);
	free(b);
}

struct worker {
	bool frees; /* a consumer */
	uint64_t batches;
};

static void *work(void *argument)
{
	const struct worker *w = argument;

	for (uint64_t n = 0; n < w->batches; n++) {
		if (w->frees)
			batch_free(list_take());
		else
			list_put(batch_new());
	}
	return NULL;
}

static void alone(uint64_t batches)
{
	struct batch *held[HELD] = {NULL};

	for (uint64_t n = 0; n < batches; n++) {
		struct batch **b = &held[n % HELD];

		if (*b)
			batch_free(*b);
		*b = batch_new();
	}
	for (int i = 0; i < HELD; i++)
		if (held[i])
			batch_free(held[i]);
}

static void xmalloc(struct suite_run *run)
{
	int threads = run->row->threads;
	uint64_t batches = threads == 1 ? suite_count(run, BATCHES)
					: suite_share(run, 2 * BATCHES);
	uint64_t all = threads == 1 ? batches : batches * (unsigned)threads / 2;
	struct worker w[4];

	for (int i = 0; i < threads; i++)
		w[i] = (struct worker){.frees = i % 2, .batches = batches};
	list.begin_at = all < LIST_MAX ? (unsigned)all : LIST_MAX;
	suite_begin(run);
	if (threads == 1)
		alone(batches);
	else
		suite_threads(threads, work, w, sizeof *w);
	suite_end(run);
	run->ops = all * PER_BATCH;
}

const struct suite_row xmalloc_rows[] = {
	{.name = "xmalloc/1", .threads = 1, .work = xmalloc},
	{.name = "xmalloc/2", .threads = 2, .work = xmalloc},
	{.name = "xmalloc/4", .threads = 4, .work = xmalloc},
	{.name = NULL},
};
