/*
 * hostmem.h: memory of the host for mmsim's own tables.
 *
 * Straight from mmap(2), so that nothing here depends on a malloc.  Fresh
 * memory reads as zeros and takes host memory only where it is touched.
 */
#ifndef BASE_HOSTMEM_H
#define BASE_HOSTMEM_H

#include <stddef.h>

/* `len` bytes, rounded up to pages; NULL when the host has none.  Not charged
 * before use (MAP_NORESERVE), so tables for terabytes may be asked for. */
void *hostmem_map(size_t len);
void hostmem_unmap(void *addr, size_t len);
/* The pages read as zeros again and are given back to the host. */
void hostmem_purge(void *addr, size_t len);

#endif
