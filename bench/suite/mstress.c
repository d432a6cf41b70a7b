/*
 * mstress: phases of work by threads that end while their objects live on.
 *
 * After the description of mimalloc's stress test by Daan Leijen (mstress of
 * mimalloc-bench).  In each phase four threads start; the second does twice
 * the work of the first, and so on.  A thread allocates objects, keeps half of
 * them to the end of the phase, frees some of the others at random, and swaps
 * some with what it finds in a table that all threads share:
 *
 *     thread --swap--> | transfer table: 1000 slots | <--swap-- thread
 *
 * At the end it frees what it holds and ends; what is in the table lives on,
 * and after every phase the main thread frees half of it.  Stressed: frees by
 * other threads, blocks of dead threads, sizes from a word to some 100 KB, and
 * how well memory of one phase serves the next.
 *
 * Which thread finds which object depends on timing; how many objects of which
 * sizes are allocated does not.
 */
#include "suite.h"

#include <stdatomic.h>

enum { THREADS = 4, PHASES = 25, SHARE = 5000, TRANSFER = 1000 };
enum { CHANCE_FREE = 66, CHANCE_SWAP = 25, MOST_WORDS = 128 * 100 };

/* An object begins with its size; each word after it is derived from that. */
struct object {
	uint64_t words; /* with this one */
	uint64_t content[];
};

struct worker {
	_Alignas(64) struct rng rng;
	uint64_t objects; /* to allocate in a phase */
	uint64_t made;    /* in all phases */
};

static _Atomic(struct object *) transfer[TRANSFER];

static bool chance(struct rng *r, uint32_t percent)
{
	return rng_below(r, 100) < percent;
}

/* 1 to 128 words; one in 100 is 10 times as large, one in 1000 100 times. */
static uint64_t draw_words(struct rng *r)
{
	uint64_t words = UINT64_C(1) << rng_below(r, 8);
	uint32_t luck = rng_below(r, 1000);

	if (luck == 0)
		return words * 100;
	return luck <= 10 ? words * 10 : words;
}

static struct object *object_new(struct rng *r)
{
	uint64_t words = draw_words(r);
	struct object *o = malloc(words * sizeof(uint64_t));

	if (!o)
		out_of_memory("malloc", words * sizeof(uint64_t));
	o->words = words;
	for (uint64_t i = 0; i + 1 < words; i++)
		o->content[i] = (words - i) * 31;
	return o;
}

/* Two pointers to one object are found out by the second call, at the latest. */
static void object_free(struct object *o)
{
	bool intact;

	if (!o)
		return;
	intact = o->words > 0 && o->words <= MOST_WORDS;
	for (uint64_t i = 0; intact && i + 1 < o->words; i++)
		intact = o->content[i] == (o->words - i) * 31;
	if (!intact)
		suite_fail("an object at %p has changed", (void *)o);
	o->words = 0;
	free(o);
}

/* Pointers that grow by realloc. */
struct vector {
	struct object **object;
	uint64_t count;
	uint64_t room;
};

static void vector_push(struct vector *v, struct object *o)
{
	if (v->count == v->room) {
		v->room += 10000;
		v->object = realloc(v->object, v->room * sizeof(*v->object));
		if (!v->object)
			out_of_memory("realloc", v->room * sizeof(*v->object));
	}
	v->object[v->count++] = o;
}

static void vector_free(struct vector *v)
{
	for (uint64_t i = 0; i < v->count; i++)
		object_free(v->object[i]);
	free(v->object);
}

/* Frees or swaps an object, or neither. */
static void stir(struct vector *v, struct rng *r)
{
	if (v->count && chance(r, CHANCE_FREE)) {
		uint32_t i = rng_below(r, (uint32_t)v->count);

		object_free(v->object[i]);
		v->object[i] = NULL;
	}
	if (v->count && chance(r, CHANCE_SWAP)) {
		uint32_t i = rng_below(r, (uint32_t)v->count);
		uint32_t slot = rng_below(r, TRANSFER);

		v->object[i] = atomic_exchange(&transfer[slot], v->object[i]);
	}
}

static void *phase(void *argument)
{
	struct worker *w = argument;
	struct vector passing = {NULL, 0, 0}, kept = passing;
	uint64_t to_pass = w->objects, to_keep = w->objects / 2;

	while (to_pass || to_keep) {
		if (!to_keep || (to_pass && chance(&w->rng, 50))) {
			to_pass--;
			vector_push(&passing, object_new(&w->rng));
		} else {
			to_keep--;
			vector_push(&kept, object_new(&w->rng));
		}
		w->made++;
		stir(&passing, &w->rng);
	}
	vector_free(&passing);
	vector_free(&kept);
	return NULL;
}

static void empty_transfer(struct rng *r, uint32_t percent)
{
	for (int i = 0; i < TRANSFER; i++)
		if (chance(r, percent))
			object_free(atomic_exchange(&transfer[i], NULL));
}

static void mstress(struct suite_run *run)
{
	struct worker w[THREADS];
	struct rng r = {.state = 83};

	for (int i = 0; i < THREADS; i++)
		w[i] = (struct worker){.rng.state = 89 + (unsigned)i,
				       .objects = suite_count(run, SHARE) *
						  (unsigned)(i + 1)};
	suite_begin(run);
	for (int n = 0; n < PHASES; n++) {
		suite_threads(THREADS, phase, w, sizeof *w);
		empty_transfer(&r, 50);
	}
	suite_end(run);
	empty_transfer(&r, 100);
	for (int i = 0; i < THREADS; i++)
		run->ops += w[i].made;
}

const struct suite_row mstress_rows[] = {
	{.name = "mstress/4", .threads = THREADS, .work = mstress},
	{.name = NULL},
};
