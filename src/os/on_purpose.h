/*
 * on_purpose.h: which requests to the system are refused on purpose.
 *
 * A request is an operation that can fail: sbrk but for asking, map, reserve,
 * commit, decommit, unmap, remap, purge, populate.  They are counted from 1.
 * What a request asks for in bytes is what the program may write afterwards and
 * might not before: the growth of the break, a mapping, the committed part of a
 * reservation, the growth of a mapping; nothing else asks for bytes.
 */
#ifndef OS_ON_PURPOSE_H
#define OS_ON_PURPOSE_H

#include "base/base.h"

struct on_purpose {
	uint64_t at;          /* refuse this request; 0: none */
	uint64_t count;       /* and this many from it on; 0 is 1 */
	uint64_t after_bytes; /* refuse what would be granted beyond; 0: nothing
			       */
};

/* Request `nr` asks for `bytes`, and `granted` bytes were granted before. */
static inline bool on_purpose_refuses(const struct on_purpose *plan,
				      uint64_t nr, uint64_t bytes,
				      uint64_t granted)
{
	uint64_t count = plan->count > 0 ? plan->count : 1;

	if (plan->at != 0 && nr >= plan->at && nr - plan->at < count)
		return true;
	return plan->after_bytes != 0 && bytes != 0 &&
	       (granted >= plan->after_bytes ||
		bytes > plan->after_bytes - granted);
}

#endif
