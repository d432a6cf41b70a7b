/*
 * commit.h: overcommit: what may be promised.
 *
 * Source: kernel documentation, mm/overcommit-accounting; the recordings for
 * what exactly is compared with what.
 */
#ifndef KERNEL_COMMIT_H
#define KERNEL_COMMIT_H

#include "kernel/mm.h"

/* The rule of the machine's mode for nr_pages more, asked by this task: 0 and
 * charged, or -ENOMEM. */
int commit_charge(struct mmsim_task *task, uint64_t nr_pages);
void commit_uncharge(struct mmsim_machine *machine, uint64_t nr_pages);
uint64_t commit_limit(const struct mmsim_machine *machine); /* pages */
/* An area with these flags is charged in this mode. */
bool commit_is_accountable(const struct mmsim_machine *machine,
			   struct mmsim_file *file, vm_flags_t flags);

#endif
