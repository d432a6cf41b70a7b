/*
 * purge.h: giving the pages of free chunks back.
 *
 * A free chunk of at least PURGE_MIN bytes holds whole pages that nobody
 * needs.  It joins its arena's dirty list, oldest first; when it has been free
 * for the decay time, the next slow-path call of any thread hands its inner
 * pages to the system and keeps the addresses.  Programs that reuse memory
 * soon find it warm; programs that have gone quiet do not hold it.
 */
#ifndef ALLOC_PURGE_H
#define ALLOC_PURGE_H

#include "alloc/arena.h"

/* The least chunk that is listed, bytes: it has three whole pages inside. */
#define PURGE_MIN (16 * KIB)
/* Chunks purged by one call at the most, so that none waits long. */
#define PURGE_BATCH 64

static inline bool purge_is_candidate(const struct chunk *c)
{
	return chunk_units(c) >= PURGE_MIN / UNIT;
}

/* c has become free; its pages wait since `since_ns`, 0: from now on. */
void purge_note(struct arena *a, struct chunk *c, uint64_t since_ns);

/* c has no pages that wait (it was carved from a purged chunk). */
void purge_note_clean(struct chunk *c);

/* c is about to change or to be used.  Returns since when it waited; 0: its
 * inner pages were purged, or it was never listed. */
uint64_t purge_forget(struct arena *a, struct chunk *c);

/* Purges what has waited long enough. */
void purge_expire(struct arena *a, uint64_t now_ns);

/* Purges every free chunk that holds a whole page, waiting or not; returns
 * the bytes (malloc_trim). */
size_t purge_all(struct arena *a);

#endif
