/*
 * migrate.h: a page goes to another frame, and nobody who maps it notices.
 */
#ifndef KERNEL_MIGRATE_H
#define KERNEL_MIGRATE_H

#include "kernel/machine.h"

/* `page` may be moved now: all its references are known. */
bool migrate_is_possible(const struct page *page);
/*
 * Moves content, flags, references and entries of `page` (a head, if it is
 * huge) to `target`, a fresh page of the same size, and frees `page`.  0, or
 * -EAGAIN: it is held by somebody else; `target` is still the caller's.
 */
int migrate_page(struct mmsim_machine *machine, struct page *page,
		 struct page *target);
/* Counts what became of a page. */
void migrate_count(struct mmsim_machine *machine, bool success,
		   unsigned nr_pages);

#endif
