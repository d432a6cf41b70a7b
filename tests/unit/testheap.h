/*
 * testheap.h: a heap on a testos and its main arena, for the tests of what lies
 * below the caches.
 */
#ifndef TESTS_UNIT_TESTHEAP_H
#define TESTS_UNIT_TESTHEAP_H

#include "alloc/heap.h"
#include "testos.h"
#include "unit.h"

static struct testos testos;
static struct heap *heap;
static struct arena *arena;

static inline void make(const char *options)
{
	testos_init(&testos);
	heap = (struct heap *)(void *)mmsim_heap_create(&testos.os, options);
	cr_assert_not_null(heap);
	arena = heap->arenas[0];
}

/* For TestSuite: with the default options. */
static inline void setup(void)
{
	make(NULL);
}

/* The heap by its public name. */
static inline struct mmsim_heap *outer(void)
{
	return (struct mmsim_heap *)(void *)heap;
}

#endif
