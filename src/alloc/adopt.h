/*
 * adopt.h: freed mappings that become memory of an arena.
 *
 * By the rule of the dynamic threshold the next request of the size of a freed
 * mapping comes from the arena.  To unmap it and to move the break by as much
 * costs a fault for each page again.  So the mapping becomes a segment of the
 * arena, one free chunk:
 *
 *     before   | links, base, length | user data                          |
 *     after    | (not used)          | free chunk                 | fence |
 *
 * Mappings often lie side by side.  Segments that do become one: what was the
 * fence of the lower and the unused start of the upper joins the chunks.
 *
 *     | ....... free chunk | fence |  | unused | free chunk ....... | fence |
 *                          '------ free ------'
 *
 * The chunk waits for the decay time like any other that is free; when it still
 * fills its segment then, that is unmapped.
 *
 * Only a mapping that is a small part of what is in use is adopted: a program whose
 * only large block grows by copies would keep all of them otherwise.
 */
#ifndef ALLOC_ADOPT_H
#define ALLOC_ADOPT_H

#include "alloc/arena.h"

struct mapped;

/* Makes m, which is freed and on no list, a free chunk of the arena; false: it
 * is to be unmapped.  `mapped_bytes` are in use in other mappings.  No lock is
 * held. */
bool adopt_mapping(struct arena *a, struct mapped *m, size_t mapped_bytes);

#endif
