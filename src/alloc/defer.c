/*
 * defer.c: keeping the last few large frees of a thread.
 *
 * A chunk leaves one place before it appears in another: a fork may catch this
 * thread in between, and a chunk that is lost to the child does less harm than
 * one that it has twice.
 */
#include "alloc/defer.h"

#include "alloc/heap.h"

#define DEFER_BYTES_MAX (32 * MIB)
/* Below that they hold trim_threshold or such a part of the arena. */
#define DEFER_PART 16u
/* The clock is looked at in each so many loans. */
#define LOANS_A_LOOK 32u

static inline struct known_chunk *defer_known(struct tcache *tc,
					      const struct chunk *c)
{
	uintptr_t page = (uintptr_t)c >> 12;

	return &tc->known[(page ^ page >> 8) % NR_KNOWN];
}

static bool defer_is_at_hand(const struct loan *loan)
{
	return load_relaxed(&loan->units) != LOAN_NONE;
}

size_t defer_bytes(const struct tcache *tc)
{
	size_t units = load_relaxed(&tc->loan.units);

	return load_relaxed(&tc->deferred_bytes) +
	       (units == LOAN_NONE ? 0 : units * UNIT);
}

/* Makes c the loan, of which there is none: everything but `units` and `lent`,
 * one of which says where it is. */
static void defer_fill_loan(struct tcache *tc, struct chunk *c)
{
	struct loan *loan = &tc->loan;
	size_t units = chunk_units(c);

	loan->p = chunk_user(c);
	loan->full_units = units;
	loan->x = tcache_header(tc, loan->p);
	loan->hi = chunk_hi(c) << 1;
	loan->next = (const uint64_t *)(const void *)&chunk_next(c)->lo;
	loan->next_key = defer_next_key(loan->next);
}

/* Moves the loan, if it is at hand, to the others, where there is room. */
static void defer_shelve_loan(struct tcache *tc)
{
	struct loan *loan = &tc->loan;
	size_t units = loan->units;

	if (!defer_is_at_hand(loan))
		return;
	store_relaxed(&loan->units, LOAN_NONE);
	tc->deferred[tc->nr_deferred] = chunk_of(loan->p);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	tc->nr_deferred++;
	store_relaxed(&tc->deferred_bytes, tc->deferred_bytes + units * UNIT);
}

static ALWAYS_INLINE bool defer_keep(struct tcache *tc, struct chunk *c,
				     size_t units)
{
	const struct options *o = &tc->heap->options;
	size_t most = max_size(load_relaxed(&o->trim_threshold),
			       load_relaxed(&tc->arena->max_system_bytes) /
				       DEFER_PART);
	struct loan *loan = &tc->loan;

	/* What is lent counts again when it comes back as it is. */
	loan->lent = NULL;
	if (o->trim_threshold_set || o->decay_ms == 0 ||
	    (defer_is_at_hand(loan) && tc->nr_deferred == NR_DEFERRED) ||
	    defer_bytes(tc) + units * UNIT > min_size(most, DEFER_BYTES_MAX))
		return false;
	defer_shelve_loan(tc);
	defer_fill_loan(tc, c);
	store_relaxed(&c->lo, chunk_lo(c) | CHUNK_C);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store_relaxed(&loan->units, units);
	/* What waits already is due before this. */
	if (load_relaxed(&tc->heap->due_ns) == 0)
		heap_wait(tc->heap, heap_now_ns(tc->heap));
	return true;
}

bool defer_free(struct tcache *tc, struct chunk *c)
{
	size_t units = chunk_units(c);

	*defer_known(tc, c) = (struct known_chunk){c, units};
	return defer_keep(tc, c, units);
}

bool defer_free_known(struct tcache *tc, struct chunk *c)
{
	const struct known_chunk *known = defer_known(tc, c);
	size_t units = chunk_units(c);
	const struct chunk *next;

	if (known->chunk != c || known->units != units ||
	    c == load_relaxed(&tc->arena->top))
		return false;
	next = chunk_at(c, (ptrdiff_t)(units * UNIT));
	if (((chunk_lo(next) ^ chunk_lo(c)) & CHUNK_TAG_MASK) != 0 ||
	    !chunk_prev_in_use(next))
		return false;
	return defer_keep(tc, c, units);
}

/* The newest of the others that serves a request of `units`; or NULL. */
static struct chunk *defer_take_other(struct tcache *tc, size_t units)
{
	for (unsigned i = tc->nr_deferred; i-- > 0;) {
		struct chunk *c = tc->deferred[i];
		size_t have = chunk_units(c);

		if (have - units > 1)
			continue;
		if (i + 1 < tc->nr_deferred) {
			/* A fork here must not find a chunk twice. */
			struct chunk *last = tc->deferred[tc->nr_deferred - 1];

			tc->deferred[tc->nr_deferred - 1] = NULL;
			__atomic_thread_fence(__ATOMIC_RELEASE);
			tc->deferred[i] = last;
			__atomic_thread_fence(__ATOMIC_RELEASE);
		}
		tc->nr_deferred--;
		store_relaxed(&tc->deferred_bytes,
			      tc->deferred_bytes - have * UNIT);
		return c;
	}
	return NULL;
}

struct chunk *defer_take(struct tcache *tc, size_t units)
{
	struct loan *loan = &tc->loan;
	struct chunk *c;

	loan->countdown = LOANS_A_LOOK;
	/* The loan before this one is not counted when it is freed. */
	if (loan->lent)
		tcache_took(tc, loan->full_units * UNIT);
	if (loan->units - units <= 1) {
		c = chunk_of(loan->p);
		store_relaxed(&loan->units, LOAN_NONE);
	} else {
		c = defer_take_other(tc, units);
		if (!c)
			return NULL;
		defer_shelve_loan(tc);
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store_relaxed(&c->lo, chunk_lo(c) & ~CHUNK_C);
	defer_fill_loan(tc, c);
	loan->lent = loan->p;
	return c;
}

static void defer_give(struct tcache *tc, struct chunk *c)
{
	store_relaxed(&c->lo, chunk_lo(c) & ~CHUNK_C);
	arena_give(tc->arena, c);
}

bool defer_give_back(struct tcache *tc)
{
	struct loan *loan = &tc->loan;
	bool any = tc->nr_deferred > 0;

	if (defer_is_at_hand(loan)) {
		store_relaxed(&loan->units, LOAN_NONE);
		__atomic_thread_fence(__ATOMIC_RELEASE);
		defer_give(tc, chunk_of(loan->p));
		any = true;
	}
	while (tc->nr_deferred > 0) {
		struct chunk *c = tc->deferred[--tc->nr_deferred];

		if (c)
			defer_give(tc, c);
	}
	store_relaxed(&tc->deferred_bytes, 0);
	return any;
}
