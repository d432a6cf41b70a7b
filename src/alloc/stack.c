/*
 * stack.c: the arrays behind the stacks of a thread cache.
 *
 * An array is a power of two bytes, as metadata comes, and is changed for another
 * one only when that has to be larger or may be smaller.  In between a stack is given
 * room by moving its limit.
 */
#include "alloc/stack.h"

#include "alloc/heap.h"

#include <string.h>

#define STACK_FIRST 7u
/* What part of a hot stack's room counts: what it holds would wait in the arena
 * else, and it has to hold as many chunks as come and go at once. */
#define HOT_PART 4u

/* What stands at the end of a stack: nothing, or for medium classes a chunk of
 * no size, so that one comparison tells "empty" and "too small".  Nobody writes
 * there: a stack without room is full.  All of it is one object, for the pointer
 * in it brings it to a page that every start touches. */
static const struct {
	void *small, *medium;
	struct chunk no_chunk;
} ends = {.medium = (char *)&ends.no_chunk + USER_OFFSET};

/* A cache that is not real has no table: medium requests find class 0.  No
 * pointer more than is looked at: each is relocated at every start. */
#define EMPTY_STACKS                                                           \
	{                                                                      \
		[0] = (void **)&ends.medium,                                   \
		[1 ... NR_SMALL] = (void **)&ends.small,                       \
	}

struct tcache tcache_none = {
	.sp = EMPTY_STACKS, .limit = EMPTY_STACKS, .loan.units = LOAN_NONE};

/* The stack of a class that has none. */
static void **stack_none(unsigned cls)
{
	return (void **)(sizeclass_is_small(cls) ? &ends.small : &ends.medium);
}

void stack_init_all(struct tcache *tc)
{
	for (unsigned cls = 0; cls < NR_CLASSES; cls++) {
		store_relaxed(&tc->sp[cls], stack_none(cls));
		store_relaxed(&tc->limit[cls], stack_none(cls));
		store_relaxed(&tc->bottom[cls], stack_none(cls));
	}
}

/* The bit of a medium class in tc->hot. */
static uint64_t hot_bit(unsigned cls)
{
	return sizeclass_is_small(cls) ? 0
				       : UINT64_C(1) << (cls - CLASS_MEDIUM);
}

/* What room for n chunks of a class counts. */
static size_t stack_charge(const struct tcache *tc, unsigned cls, unsigned n)
{
	size_t bytes = n * sizeclass_bytes(cls);

	return tc->hot & hot_bit(cls) ? bytes / HOT_PART : bytes;
}

/* Counts a stack as hot as long as its class is. */
static void stack_heed_heat(struct tcache *tc, unsigned cls)
{
	unsigned room = tcache_room(tc, cls);
	uint64_t bit = hot_bit(cls);

	if (bit == 0 || medium_is_hot(tc->arena, cls) == !!(tc->hot & bit))
		return;
	tc->capacity_bytes -= stack_charge(tc, cls, room);
	tc->hot ^= bit;
	tc->capacity_bytes += stack_charge(tc, cls, room);
}

/* Bytes of the array behind a stack with so much room and its end. */
static size_t stack_array_bytes(unsigned room)
{
	return sizeof(void *) << (log2_floor(room | STACK_FIRST) + 1);
}

/* The array's start, from its end; NULL: there is none. */
static void *stack_array(const struct tcache *tc, unsigned cls)
{
	unsigned room = tcache_room(tc, cls);

	return room == 0 ? NULL
			 : (char *)(tc->bottom[cls] + 1) -
				   stack_array_bytes(room);
}

void stack_set(struct tcache *tc, unsigned cls, void **bottom, unsigned room,
	       unsigned count)
{
	/* A forked child distrusts a stack whose ends do not fit. */
	store_relaxed(&tc->sp[cls], bottom);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store_relaxed(&tc->bottom[cls], bottom);
	store_relaxed(&tc->limit[cls], bottom - room);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store_relaxed(&tc->sp[cls], bottom - count);
}

/* Gives a stack so much room, in another array if the one it has is not the right
 * one for that; false: no memory. */
static bool stack_resize(struct tcache *tc, unsigned cls, unsigned room)
{
	struct meta *meta = &tc->heap->meta;
	unsigned count = tcache_count(tc, cls);
	size_t bytes = stack_array_bytes(room);
	size_t old_bytes = stack_array_bytes(tcache_room(tc, cls));
	void *old = stack_array(tc, cls);
	void **bottom = tc->bottom[cls];
	char *array;

	if (old && bytes == old_bytes) {
		stack_set(tc, cls, bottom, room, count);
		return true;
	}
	array = meta_alloc(meta, bytes);
	if (!array)
		return false;
	bottom = (void **)(void *)(array + bytes) - 1;
	memcpy(bottom - count, tc->sp[cls], count * sizeof(void *));
	*bottom = *stack_none(cls);
	stack_set(tc, cls, bottom, room, count);
	if (old)
		meta_free(meta, old, old_bytes);
	return true;
}

bool stack_grow(struct tcache *tc, unsigned cls)
{
	unsigned old = tcache_room(tc, cls);
	unsigned most = (unsigned)min_size(sizeclass_cache_max(cls), STACK_MAX);
	unsigned room = old == 0 ? STACK_FIRST : old + old / 2 + 1;
	size_t grown;

	if (cls == 0)
		return false;
	stack_heed_heat(tc, cls);
	room = (unsigned)min_size(room, most);
	if (room <= old)
		return false;
	grown = stack_charge(tc, cls, room - old);
	if (tc->capacity_bytes + grown > tc->heap->options.cache_max ||
	    !stack_resize(tc, cls, room))
		return false;
	tc->capacity_bytes += grown;
	return true;
}

unsigned stack_shrinks_to(const struct tcache *tc, unsigned cls)
{
	unsigned half = tcache_room(tc, cls) / 2;

	return half < STACK_FIRST ? 0 : half;
}

void stack_free(struct tcache *tc, unsigned cls)
{
	size_t bytes = stack_array_bytes(tcache_room(tc, cls));
	void *array = stack_array(tc, cls);

	stack_set(tc, cls, stack_none(cls), 0, 0);
	if (array)
		meta_free(&tc->heap->meta, array, bytes);
}

void stack_shrink(struct tcache *tc, unsigned cls)
{
	unsigned left = stack_shrinks_to(tc, cls);
	size_t lost = stack_charge(tc, cls, tcache_room(tc, cls) - left);

	if (left == 0) {
		stack_free(tc, cls);
		tc->hot &= ~hot_bit(cls);
	} else if (!stack_resize(tc, cls, left)) {
		return;
	}
	tc->capacity_bytes -= lost;
}
