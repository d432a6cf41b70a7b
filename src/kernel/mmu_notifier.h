/*
 * mmu_notifier.h: who holds translations of an address space beside the TLBs.
 *
 * As in Linux, where virtual machines and devices have page tables of their own
 * that follow a task's: when entries of the task's tables change, and the TLBs
 * are flushed for it, the notifier is told the range, and must have dropped
 * what it knows of it when it returns.  An address space has at most one.
 *
 * Source: kernel documentation, mm/mmu_notifier.
 */
#ifndef KERNEL_MMU_NOTIFIER_H
#define KERNEL_MMU_NOTIFIER_H

#include <stdint.h>

struct mmu_notifier {
	/* [start, end), multiples of PAGE_SIZE. */
	void (*invalidate_range)(struct mmu_notifier *notifier, uintptr_t start,
				 uintptr_t end);
	/* The accessed bit of the page at addr was cleared.  What is known of it
	 * may stay for the moment: uses that go unseen meanwhile do not count.
	 */
	void (*clear_young)(struct mmu_notifier *notifier, uintptr_t addr);
};

#endif
