/*
 * tlb.c: forgetting translations.
 *
 * When an entry of a page table changes, the copies in the TLBs must go before
 * the frame behind it is used for something else.  One page is looked up and
 * dropped on each CPU; for more than 33 pages Linux drops all of the address
 * space instead (arch/x86's tlb_single_page_flush_ceiling).  We do that by
 * giving the address space a new id, so that nothing of the old one can match
 * any more: what it costs does not depend on the size of the TLB.
 *
 * Whoever holds translations beside the TLBs (mmu_notifier.h) is told the
 * range.
 *
 * Simplified: every CPU is told; Linux tells those that ran the address space.
 */
#include "kernel/tlb.h"

#include "base/hostmem.h"
#include "kernel/machine.h"
#include "kernel/mmu_notifier.h"

enum { FLUSH_CEILING = 33 };

uint64_t tlb_new_asid(struct mmsim_machine *machine)
{
	return ++machine->last_asid;
}

struct tlb *tlb_of_cpu(struct mmsim_machine *machine, unsigned cpu)
{
	if (!machine->tlbs[cpu])
		machine->tlbs[cpu] = hostmem_map(sizeof(struct tlb));
	return machine->tlbs[cpu];
}

void tlb_fini(struct mmsim_machine *machine)
{
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (machine->tlbs[cpu])
			hostmem_unmap(machine->tlbs[cpu], sizeof(struct tlb));
		machine->tlbs[cpu] = NULL;
	}
}

static void notify(struct mm_struct *mm, uintptr_t start, uintptr_t end)
{
	if (UNLIKELY(mm->notifier != NULL))
		mm->notifier->invalidate_range(mm->notifier, start, end);
}

static void flush_page(struct mm_struct *mm, uintptr_t addr)
{
	struct mmsim_machine *machine = mm->machine;

	for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++) {
		struct tlb *tlb = machine->tlbs[cpu];
		struct tlb_entry *entry;

		if (!tlb)
			continue;
		tlb->nr_page_flushes++;
		entry = tlb_slot(tlb, mm->asid, addr);
		if (tlb_entry_is(entry, mm->asid, addr))
			entry->asid = 0;
	}
}

/* All of the address space. */
static void flush_asid(struct mm_struct *mm)
{
	struct mmsim_machine *machine = mm->machine;

	mm->asid = tlb_new_asid(machine);
	for (unsigned cpu = 0; cpu < machine->nr_cpus; cpu++)
		if (machine->tlbs[cpu])
			machine->tlbs[cpu]->nr_flushes++;
}

void tlb_flush_page(struct mm_struct *mm, uintptr_t addr)
{
	flush_page(mm, addr);
	notify(mm, addr & PAGE_MASK, (addr & PAGE_MASK) + PAGE_SIZE);
}

void tlb_flush_young(struct mm_struct *mm, uintptr_t addr)
{
	flush_page(mm, addr);
	if (UNLIKELY(mm->notifier != NULL))
		mm->notifier->clear_young(mm->notifier, addr & PAGE_MASK);
}

void tlb_flush_range(struct mm_struct *mm, uintptr_t start, uintptr_t end)
{
	if (start >= end)
		return;
	if ((end - start) >> PAGE_SHIFT > FLUSH_CEILING)
		flush_asid(mm);
	else
		for (uintptr_t addr = start; addr < end; addr += PAGE_SIZE)
			flush_page(mm, addr);
	notify(mm, start & PAGE_MASK, PAGE_ALIGN(end));
}

void tlb_flush_mm(struct mm_struct *mm)
{
	flush_asid(mm);
	notify(mm, 0, UINTPTR_MAX & PAGE_MASK);
}
