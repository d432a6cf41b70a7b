/*
 * migrate.h: pages go to other frames, and nobody who maps them notices.
 *
 *   migrate_isolate   off its LRU list, onto the caller's, with a reference
 *   migrate_pages     each of the list gets a new page and moves there
 *   migrate_putback   what could not be moved goes back
 */
#ifndef KERNEL_MIGRATE_H
#define KERNEL_MIGRATE_H

#include "kernel/machine.h"

/* Who moves pages, and where to. */
struct migrate_control {
	struct mmsim_machine *machine;
	struct mmsim_task *task; /* who pays; NULL: the kernel itself */
	bool may_wait;           /* for pages that are being written */
	/* A fresh page for this one, of its size; NULL: no memory. */
	struct page *(*new_page)(struct migrate_control *control,
				 struct page *page);
	/* Takes one back that was not used; NULL: page_put. */
	void (*free_page)(struct migrate_control *control, struct page *page);
	uint64_t nr_moved, nr_failed; /* pages, of huge ones all */
};

/* Takes the page (a head, if it is huge) off its LRU list: PG_isolated, and a
 * reference.  False: it is on none. */
bool migrate_isolate(struct mmsim_machine *machine, struct page *page,
		     struct list_head *list);
/*
 * Moves the pages of the list, which leave it.  0; how many could not be moved
 * because somebody holds them; or -ENOMEM: there was no memory for one, and no
 * more were tried.  These stay on the list.  Counts pgmigrate_* and
 * thp_migration_*.
 */
int migrate_pages(struct migrate_control *control, struct list_head *list);
void migrate_putback(struct mmsim_machine *machine, struct list_head *list);

/*
 * One isolated page (migrate.c): content, flags, references and entries go to
 * `target`, a fresh page of the same size, which takes its place on an LRU
 * list, and `page` is freed.  0, or -EAGAIN: somebody else holds it; `target`
 * is still the caller's.
 */
int migrate_page(struct mmsim_machine *machine, struct page *page,
		 struct page *target);

#endif
