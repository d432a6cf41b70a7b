/*
 * mmsim/malloc.h: the allocator beyond <malloc.h>.
 *
 * The libc names (malloc, free, mallopt, mallinfo2 ...) act on the default
 * heap and follow glibc's manual.  The functions here work on any heap: a
 * heap is a whole allocator with its own options and its own `os` backend,
 * so that a test, a replay or a simulated machine can have as many as it
 * likes.  They may be called by any thread unless said otherwise.
 *
 * Sizes are bytes.  Functions that return memory return NULL and set errno to
 * ENOMEM when they cannot serve the request, as malloc(3) does.
 */
#ifndef MMSIM_MALLOC_H
#define MMSIM_MALLOC_H

#include <malloc.h>
#include <mmsim/os.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mmsim_heap;

/*
 * Threads and fork.  A thread that ends leaves its cache to the default heap;
 * what it has cached of another heap stays there until that is destroyed.  Only
 * the default heap has fork handlers: in the child of a fork, another heap may
 * be used, destroyed included, only if no other thread was inside it at the
 * moment of the fork, or else its locks may stay held for ever.
 */

/*
 * Makes a heap.  `os` NULL means the real system, where the program break is the
 * default heap's alone: others have mappings.  `options` is NULL or a
 * list "name=value,name=value" with the names that `man 7 mmsim` lists
 * ("mmap_threshold=65536,trim_threshold=-1"); the environment is not read.
 * Returns NULL with errno EINVAL (a bad option) or ENOMEM.
 */
struct mmsim_heap *mmsim_heap_create(const struct mmsim_os *os,
				     const char *options);

/* Gives all memory of the heap back to its os.  No other thread may use it. */
void mmsim_heap_destroy(struct mmsim_heap *heap);

/* The heap behind malloc; it cannot be destroyed. */
struct mmsim_heap *mmsim_heap_default(void);

/* malloc(3) and its family on one heap.  A pointer goes back to the heap it
 * came from; anything else ends the program with a message. */
void *mmsim_heap_malloc(struct mmsim_heap *heap, size_t size);
void *mmsim_heap_calloc(struct mmsim_heap *heap, size_t n, size_t size);
void *mmsim_heap_realloc(struct mmsim_heap *heap, void *p, size_t size);
void *mmsim_heap_memalign(struct mmsim_heap *heap, size_t alignment,
			  size_t size);
void mmsim_heap_free(struct mmsim_heap *heap, void *p);

/* Bytes that may be used at p, at least what was asked for; 0 for NULL. */
size_t mmsim_heap_usable_size(struct mmsim_heap *heap, void *p);

/* mallopt(3): 1 when it was set, 0 for a value that is not allowed. */
int mmsim_heap_mallopt(struct mmsim_heap *heap, int param, int value);

/* mallinfo2(3). */
struct mallinfo2 mmsim_heap_mallinfo2(struct mmsim_heap *heap);

/* malloc_trim(3): 1 when memory went back to the system, else 0. */
int mmsim_heap_trim(struct mmsim_heap *heap, size_t pad);

/* malloc_info(3) and malloc_stats(3), written to a file descriptor.
 * 0, or -1 when the descriptor could not be written. */
int mmsim_heap_info(struct mmsim_heap *heap, int fd);
int mmsim_heap_stats(struct mmsim_heap *heap, int fd);

/*
 * Walks the whole heap and checks every structure against every other.
 * Returns 0, or -1 with the first thing found wrong in `why`.  No other
 * thread may be inside the heap.
 */
int mmsim_heap_validate(struct mmsim_heap *heap, char *why, size_t len);

#ifdef __cplusplus
}
#endif
#endif
