/*
 * base.h: the few words that every file of mmsim uses.
 *
 * Three tiers of checks.  CHECK-like tests of the user's own damage are
 * ordinary code that ends in fatal(); ASSERT is for our own mistakes and is
 * there in debug builds; structure-wide self-checks are compiled in when
 * MMSIM_DEBUG is 2.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef MMSIM_DEBUG
#define MMSIM_DEBUG 0
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NOINLINE __attribute__((noinline))
#define COLD __attribute__((cold, noinline))
/* Code that few programs ever run.  It has a section of its own, which linkers put
 * behind all other code: a fault on a page of the file brings 64 KiB of it into
 * memory, and that is what the code that programs do run shall fit into. */
#define FAR __attribute__((noinline, section("far_text")))
/* The same, and it may be slow. */
#define COLD_FAR __attribute__((cold)) FAR
#define ALWAYS_INLINE inline __attribute__((always_inline))
/* Constants that every start reads: they stand beside the relocated ones, on
 * pages that are touched anyway.  Pages of .rodata would come 64 KiB at a time. */
#define START_CONST __attribute__((section(".data.rel.ro.start")))
#define PUBLIC __attribute__((visibility("default")))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member)                                        \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

/* What a CPU fetches at once. */
#define LINE_BYTES 64u

/* `alignment` is a power of two. */
static inline uintptr_t align_up(uintptr_t x, uintptr_t alignment)
{
	return (x + alignment - 1) & ~(alignment - 1);
}

static inline uintptr_t align_down(uintptr_t x, uintptr_t alignment)
{
	return x & ~(alignment - 1);
}

static inline bool is_aligned(uintptr_t x, uintptr_t alignment)
{
	return (x & (alignment - 1)) == 0;
}

static inline bool is_power_of_two(uintptr_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Fetches a line that is about to be written.  __builtin_prefetch would, for
 * most x86 compilers, fetch it to be read: when another CPU has written it, that
 * makes two transfers of one.  PREFETCHW is an AMD64 instruction; Intel has it as
 * one that does nothing before it has it in earnest. */
static ALWAYS_INLINE void prefetch_to_write(const void *p)
{
#if defined(__x86_64__)
	__asm__("prefetchw %0" : : "m"(*(const char *)p));
#else
	__builtin_prefetch(p, 1);
#endif
}

/* The number of the highest set bit; x is not 0. */
static inline unsigned log2_floor(uint64_t x)
{
	return 63u - (unsigned)__builtin_clzll(x);
}

/* The number of the lowest set bit; x is not 0. */
static inline unsigned log2_lowest(uint64_t x)
{
	return (unsigned)__builtin_ctzll(x);
}

/* Reads and writes of words that another thread may write, without order. */
#define load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

#if defined(__SANITIZE_THREAD__)
#define HAS_THREAD_SANITIZER 1
#elif defined(__has_feature)
#define HAS_THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#define HAS_THREAD_SANITIZER 0
#endif

/* Reports a broken promise of our own code and aborts. */
_Noreturn void assert_failed(const char *expr, const char *file, int line);

#if MMSIM_DEBUG >= 1
#define ASSERT(e) ((e) ? (void)0 : assert_failed(#e, __FILE__, __LINE__))
#else
#define ASSERT(e) ((void)sizeof(e))
#endif

#endif
