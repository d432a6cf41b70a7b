/*
 * memory_offline.c: a block of memory is switched off.
 */
#include "kernel/memory_block.h"

#include "kernel/page_isolation.h"

#include <errno.h>

int memory_block_offline(struct mmsim_machine *machine,
			 struct memory_block *block, uint64_t timeout_ns)
{
	struct memory_range range = memory_block_range(machine, block);
	enum memory_state old = block->state;
	int err;

	(void)timeout_ns;
	if (old == MEMORY_OFFLINE || !memory_block_is_whole(machine, block) ||
	    !memory_block_zone(machine, block))
		return -EINVAL;
	err = page_isolation_start(machine, range.start, range.end);
	if (err)
		return err;
	if (!page_isolation_is_free(machine, range.start, range.end)) {
		page_isolation_undo(machine, range.start, range.end);
		return -EBUSY;
	}
	memory_block_take_off(machine, block);
	return 0;
}
