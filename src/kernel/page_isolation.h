/*
 * page_isolation.h: frames that nobody gets any more.
 */
#ifndef KERNEL_PAGE_ISOLATION_H
#define KERNEL_PAGE_ISOLATION_H

#include "kernel/machine.h"

/* Ranges are whole blocks of the highest order, in one zone. */

/*
 * From now on no free page of the range is given out, and what is freed there
 * stays.  0, or -EBUSY: some page will never go away; nothing has changed.
 */
int page_isolation_start(struct mmsim_machine *machine, pfn_t start, pfn_t end);
/* All pageblocks are Movable again, and what is free may be given out. */
void page_isolation_undo(struct mmsim_machine *machine, pfn_t start, pfn_t end);
/* Every page of the range is free. */
bool page_isolation_is_free(const struct mmsim_machine *machine, pfn_t start,
			    pfn_t end);
/* Then: they leave the zone's lists for good. */
void page_isolation_remove(struct mmsim_machine *machine, pfn_t start,
			   pfn_t end);

#endif
