/*
 * tlb.h: the translation lookaside buffer of each CPU.
 *
 * Direct-mapped by page number and address-space id: one compare tells a hit.
 * A hit on an entry that was filled by a store needs no walk and sets no bit,
 * which is what a real TLB saves.  Huge pages are entered 4 KiB at a time.
 *
 * Simplified: one level; real ones have two, and 4 to 12 ways.
 */
#ifndef KERNEL_TLB_H
#define KERNEL_TLB_H

#include "kernel/pgtable.h"

enum { TLB_ENTRIES = 2048 };

struct tlb_entry {
	uint64_t page_number; /* of the address */
	uint64_t asid;        /* 0: empty */
	struct page *page;    /* NULL: the zero page */
	uint32_t allows;      /* TLB_ bits */
};

enum { TLB_READ = 1, TLB_WRITE = 2, TLB_EXEC = 4 }; /* WRITE: dirty is set, too */

struct tlb {
	struct tlb_entry entries[TLB_ENTRIES];
	uint64_t nr_hits, nr_misses, nr_flushes, nr_page_flushes;
};

static inline struct tlb_entry *tlb_slot(struct tlb *tlb, uint64_t asid,
					 uintptr_t addr)
{
	return &tlb->entries[((addr >> PAGE_SHIFT) ^ asid) % TLB_ENTRIES];
}

static inline bool tlb_entry_is(const struct tlb_entry *entry, uint64_t asid,
				uintptr_t addr)
{
	return entry->page_number == addr >> PAGE_SHIFT && entry->asid == asid;
}

/* An id that no TLB knows (for mm->asid). */
uint64_t tlb_new_asid(struct mmsim_machine *machine);
/* The CPU's TLB, made when it is first asked for; NULL: the host has no
 * memory. */
struct tlb *tlb_of_cpu(struct mmsim_machine *machine, unsigned cpu);
/* Shutdown. */
void tlb_fini(struct mmsim_machine *machine);

void tlb_flush_page(struct mm_struct *mm, uintptr_t addr);
/* The same for an entry that only lost its accessed bit. */
void tlb_flush_young(struct mm_struct *mm, uintptr_t addr);
void tlb_flush_range(struct mm_struct *mm, uintptr_t start, uintptr_t end);
void tlb_flush_mm(struct mm_struct *mm);

#endif
