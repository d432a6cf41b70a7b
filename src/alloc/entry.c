/*
 * entry.c: the names of libc, and the only place where errno is set.
 *
 * Every function of the family is here: half a family is worse than none,
 * because a chunk of one allocator would reach the free of another.  What is
 * asked of each is in malloc(3), posix_memalign(3), malloc_usable_size(3),
 * mallopt(3), mallinfo(3), malloc_trim(3), malloc_info(3), and C23 7.24.3 for
 * free_sized and free_aligned_sized.
 *
 * The dynamic linker calls malloc before any constructor, ours included.  All
 * that the first call needs is initialised statically.
 */
#include "alloc/defer.h"
#include "alloc/fork.h"
#include "alloc/heap.h"
#include "alloc/remote.h"
#include "alloc/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#if __has_attribute(copy)
#define ALIAS(name)                                                            \
	__attribute__((alias(#name), copy(name), visibility("default")))
#else
#define ALIAS(name) __attribute__((alias(#name), visibility("default")))
#endif

/* The fast paths begin where a line of memory does: they are one or two lines
 * long, and where they stood by chance made a twentieth of some programs. */
#define ON_A_LINE __attribute__((aligned(64)))

static NOINLINE void *malloc_arena(struct tcache *tc, size_t size)
{
	void *p;

	heap_default_ready();
	p = heap_malloc(&heap_default, tc, size);
	if (!p)
		errno = ENOMEM;
	return p;
}

static NOINLINE void *malloc_slow(struct tcache *tc, size_t size)
{
	void *p = size > MEDIUM_MAX ? defer_lend(tc, size) : NULL;

	return LIKELY(p) ? p : malloc_arena(tc, size);
}

PUBLIC ON_A_LINE void *malloc(size_t size)
{
	struct tcache *tc = tcache_current();
	void *p = tcache_malloc(tc, size);

	return LIKELY(p) ? p : malloc_slow(tc, size);
}

static NOINLINE void free_arena(struct tcache *tc, void *p)
{
	heap_default_ready();
	heap_free(&heap_default, tc, p);
}

static NOINLINE void free_slow(struct tcache *tc, void *p)
{
	if (!defer_return(&heap_default, tc, p) &&
	    !remote_free_begun(&heap_default, tc, p))
		free_arena(tc, p);
}

PUBLIC ON_A_LINE void free(void *p)
{
	struct tcache *tc = tcache_current();

	if (LIKELY(p) && UNLIKELY(!tcache_free(tc, p)))
		free_slow(tc, p);
}

static NOINLINE void *calloc_slow(struct tcache *tc, size_t size)
{
	void *p;

	heap_default_ready();
	p = heap_calloc(&heap_default, tc, size);
	if (!p)
		errno = ENOMEM;
	return p;
}

static NOINLINE void *calloc_cleared(struct tcache *tc, size_t size)
{
	void *p = tcache_malloc(tc, size);

	return LIKELY(p) ? memset(p, 0, size) : calloc_slow(tc, size);
}

/* What calloc clears by itself: up to here a call of memset costs more. */
#define ZERO_INLINE_MAX 128u

typedef uint64_t vec16 __attribute__((vector_size(16), aligned(1), may_alias));

static ALWAYS_INLINE void zero16(char *p, size_t at)
{
	*(vec16 *)(void *)(p + at) = (vec16){0, 0};
}

/* Clears a small block of at most ZERO_INLINE_MAX bytes.  Stores from both ends
 * meet or overlap in the middle; a block of 9 to 16 bytes has room for 24. */
static ALWAYS_INLINE void zero_small(char *p, size_t bytes)
{
	if (bytes > 64) {
		zero16(p, 0);
		zero16(p, 16);
		zero16(p, 32);
		zero16(p, 48);
		zero16(p, bytes - 64);
		zero16(p, bytes - 48);
		zero16(p, bytes - 32);
		zero16(p, bytes - 16);
	} else if (bytes > 32) {
		zero16(p, 0);
		zero16(p, 16);
		zero16(p, bytes - 32);
		zero16(p, bytes - 16);
	} else if (bytes > 8) {
		zero16(p, 0);
		zero16(p, max_size(bytes, 16) - 16);
	} else {
		*(uint64_t *)(void *)p = 0;
	}
}

PUBLIC void *calloc(size_t n, size_t size)
{
	struct tcache *tc = tcache_current();
	size_t bytes;
	void *p;

	/* No such block can be had. */
	if (UNLIKELY(__builtin_mul_overflow(n, size, &bytes)))
		bytes = SIZE_MAX;
	if (UNLIKELY(bytes > ZERO_INLINE_MAX))
		return calloc_cleared(tc, bytes);
	p = tcache_malloc_small(tc, bytes);
	if (UNLIKELY(!p))
		return calloc_slow(tc, bytes);
	zero_small(p, bytes);
	return p;
}

static NOINLINE void *realloc_slow(struct tcache *tc, void *p, size_t size)
{
	if (!p)
		return malloc(size);
	if (size == 0) {
		free(p);
		return NULL;
	}
	heap_default_ready();
	p = heap_realloc(&heap_default, tc, p, size);
	if (!p)
		errno = ENOMEM;
	return p;
}

/* Any call but one that leaves a cacheable chunk as it is; `usable` is 0 for a
 * p that is no such chunk. */
static NOINLINE void *realloc_change(struct tcache *tc, void *p, size_t size,
				     size_t usable)
{
	void *q;

	if (UNLIKELY(usable == 0 || size == 0))
		return realloc_slow(tc, p, size);
	if (size <= usable) {
		if (realloc_is_worth_cutting(usable, size))
			heap_realloc_cut(&heap_default, tc, p, size);
		return p;
	}
	q = tcache_malloc(tc, sizeclass_grown(size));
	if (UNLIKELY(!q))
		return realloc_slow(tc, p, size);
	memcpy(q, p, usable);
	if (UNLIKELY(!tcache_free(tc, p)))
		free_slow(tc, p);
	return q;
}

PUBLIC void *realloc(void *p, size_t size)
{
	struct tcache *tc = tcache_current();
	size_t usable = LIKELY(p) ? tcache_usable(tc, p) : 0;

	/* A size of 0 is not below. */
	if (LIKELY(size - 1 < usable) &&
	    LIKELY(usable - size < REALLOC_CUT_MIN))
		return p;
	return realloc_change(tc, p, size, usable);
}

PUBLIC void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

static FAR void *aligned_slow(size_t alignment, size_t size)
{
	void *p;

	heap_default_ready();
	p = size > PTRDIFF_MAX ? NULL
			       : heap_memalign(&heap_default, tcache_current(),
					       alignment, size);
	if (!p)
		errno = ENOMEM;
	return p;
}

/* `alignment` is a power of two. */
static ALWAYS_INLINE void *aligned_any(size_t alignment, size_t size)
{
	void *p = tcache_memalign(tcache_current(), alignment, size);

	return LIKELY(p) ? p : aligned_slow(alignment, size);
}

FAR PUBLIC void *memalign(size_t alignment, size_t size)
{
	if (alignment > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	if (alignment < UNIT)
		alignment = UNIT;
	if (!is_power_of_two(alignment))
		alignment = (size_t)2 << log2_floor(alignment);
	return aligned_any(alignment, size);
}

FAR PUBLIC void *aligned_alloc(size_t alignment, size_t size)
{
	if (!is_power_of_two(alignment)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned_any(alignment, size);
}

static FAR int posix_memalign_slow(void **memptr, size_t alignment, size_t size)
{
	int saved = errno;
	void *p = aligned_slow(alignment, size);

	errno = saved;
	if (!p)
		return ENOMEM;
	*memptr = p;
	return 0;
}

FAR PUBLIC int posix_memalign(void **memptr, size_t alignment, size_t size)
{
	void *p;

	if (UNLIKELY(!is_power_of_two(alignment) || alignment < sizeof(void *)))
		return EINVAL;
	p = tcache_memalign(tcache_current(), alignment, size);
	if (UNLIKELY(!p))
		return posix_memalign_slow(memptr, alignment, size);
	*memptr = p;
	return 0;
}

static COLD_FAR size_t page_size(void)
{
	heap_default_ready();
	return heap_default.os->page_size;
}

COLD_FAR PUBLIC void *valloc(size_t size)
{
	return aligned_any(page_size(), size);
}

COLD_FAR PUBLIC void *pvalloc(size_t size)
{
	size_t page = page_size();

	if (size > PTRDIFF_MAX - page) {
		errno = ENOMEM;
		return NULL;
	}
	return aligned_any(page, align_up(size ? size : 1, page));
}

PUBLIC size_t malloc_usable_size(void *p)
{
	return p ? heap_usable_size(&heap_default, p) : 0;
}

/* The sizes are the caller's promise; the header knows better. */
PUBLIC void free_sized(void *p, size_t size)
{
	(void)size;
	free(p);
}

PUBLIC void free_aligned_sized(void *p, size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	free(p);
}

COLD_FAR PUBLIC int mallopt(int param, int value)
{
	struct tcache *own = thread_own_cache();

	heap_default_ready();
	/* From here on a free may have to give back at once. */
	if (own)
		defer_forget_loan(own);
	return heap_mallopt(&heap_default, param, value);
}

COLD_FAR PUBLIC int malloc_trim(size_t pad)
{
	heap_default_ready();
	return heap_trim(&heap_default, pad);
}

COLD_FAR PUBLIC struct mallinfo2 mallinfo2(void)
{
	return mmsim_heap_mallinfo2(mmsim_heap_default());
}

COLD_FAR PUBLIC struct mallinfo mallinfo(void)
{
	struct mallinfo2 m = mallinfo2();

	return (struct mallinfo){
		.arena = (int)m.arena,
		.ordblks = (int)m.ordblks,
		.smblks = (int)m.smblks,
		.hblks = (int)m.hblks,
		.hblkhd = (int)m.hblkhd,
		.usmblks = (int)m.usmblks,
		.fsmblks = (int)m.fsmblks,
		.uordblks = (int)m.uordblks,
		.fordblks = (int)m.fordblks,
		.keepcost = (int)m.keepcost,
	};
}

COLD_FAR PUBLIC void malloc_stats(void)
{
	mmsim_heap_stats(mmsim_heap_default(), STDERR_FILENO);
}

/* The text goes through a file of its own, because writing to a stream may
 * allocate and must not happen while the heap is locked. */
COLD_FAR PUBLIC int malloc_info(int options, FILE *stream)
{
	char text[1024];
	ssize_t n;
	int fd, status;

	if (options != 0) {
		errno = EINVAL;
		return -1;
	}
	fd = memfd_create("malloc_info", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	status = mmsim_heap_info(mmsim_heap_default(), fd);
	if (status == 0 && lseek(fd, 0, SEEK_SET) == 0)
		while ((n = read(fd, text, sizeof(text))) > 0)
			fwrite(text, 1, (size_t)n, stream);
	close(fd);
	return status;
}

/* Old binaries, and code that goes around interposition. */
ALIAS(free) void cfree(void *p);
ALIAS(malloc) void *__libc_malloc(size_t size);
ALIAS(free) void __libc_free(void *p);
ALIAS(free) void __libc_cfree(void *p);
ALIAS(calloc) void *__libc_calloc(size_t n, size_t size);
ALIAS(realloc) void *__libc_realloc(void *p, size_t size);
ALIAS(memalign) void *__libc_memalign(size_t alignment, size_t size);
ALIAS(valloc) void *__libc_valloc(size_t size);
ALIAS(pvalloc) void *__libc_pvalloc(size_t size);
ALIAS(posix_memalign)
int __posix_memalign(void **memptr, size_t alignment, size_t size);

/* Where the figures go at exit.  A copy, because some programs close standard
 * error before the destructors run; out of the way of their own numbers. */
static int stats_fd = -1;
#define STATS_FD_MIN 100

/* The dynamic linker hands constructors main's arguments.  Ours runs before
 * libc's own (-z initfirst), so that our fork handler is the first registered
 * and its prepare half the last to run: after it nobody may wait for a lock
 * whose holder waits for malloc. */
__attribute__((constructor)) static void library_start(int argc, char **argv,
						       char **envp)
{
	(void)argc;
	(void)argv;
	if (!environ)
		environ = envp;
	fork_start();
	/* Without options there is nothing to say or to start before the first
	 * malloc, and a program that has none does not pay for it. */
	if (!environ || !options_are_named(environ))
		return;
	heap_default_ready();
	if (heap_default.options.stats)
		stats_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STATS_FD_MIN);
}

__attribute__((destructor)) static void library_stop(void)
{
	if (stats_fd >= 0)
		mmsim_heap_stats(mmsim_heap_default(), stats_fd);
}
