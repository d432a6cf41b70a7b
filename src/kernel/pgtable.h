/*
 * pgtable.h: page tables.
 *
 * A table is a frame of the simulated machine (PG_table), and its entries are
 * the frame's content: 512 words of 64 bits (1024 in the 32-bit architecture
 * without PAE, kept as words of 64 bits as well).  Levels are numbered as in Linux from the
 * bottom: 0 the table of pages ("pte"), 1 "pmd", 2 "pud", 3 "pgd".
 *
 *   present entry   63 NX | 51..12 frame number | 11..0 bits below
 *   swap entry      bit 0 clear: 63..58 type, 51..12 offset, 3 set, 2 exclusive
 *   0               nothing
 *
 * All changes of entries go through this file, so that the TLB, the books and
 * another MMU than the model can follow.
 *
 * Source: Intel SDM volume 3, 4.5; kernel documentation, mm/page_tables.
 */
#ifndef KERNEL_PGTABLE_H
#define KERNEL_PGTABLE_H

#include "kernel/mm.h"
#include "kernel/page.h"

enum {
	PTE_PRESENT = 0x1,
	PTE_RW = 0x2,
	PTE_USER = 0x4,
	PTE_ACCESSED = 0x20,
	PTE_DIRTY = 0x40,
	PTE_PSE = 0x80,      /* level 1: a huge page */
	PTE_SOFT_DIRTY = 0x100,
	PTE_PROTNONE = 0x200, /* not present to the CPU, but the frame is here */
	PTE_SPECIAL = 0x400,  /* the zero page and the like: no struct page */
	/* of a swap entry: only this address space had the page */
	PTE_SWP_EXCLUSIVE = 0x4,
};
#define PTE_NX ((pte_t)1 << 63)
#define PTE_PFN_MASK ((pte_t)0x000ffffffffff000)

static inline bool pte_is_none(pte_t pte)
{
	return pte == 0;
}
/* The frame is here, whether or not the CPU may use it. */
static inline bool pte_is_present(pte_t pte)
{
	return pte & (PTE_PRESENT | PTE_PROTNONE);
}
static inline bool pte_is_swap(pte_t pte)
{
	return pte && !pte_is_present(pte);
}
static inline pfn_t pte_pfn(pte_t pte)
{
	return (pte & PTE_PFN_MASK) >> PAGE_SHIFT;
}
static inline pte_t pte_make(pfn_t pfn, pte_t bits)
{
	return (pte_t)pfn << PAGE_SHIFT | bits;
}
static inline pte_t pte_from_swap(unsigned type, uint64_t offset)
{
	return (pte_t)type << 58 | (offset << PAGE_SHIFT & PTE_PFN_MASK) | 0x8;
}
static inline unsigned pte_swap_type(pte_t pte)
{
	return (unsigned)(pte >> 58);
}
static inline uint64_t pte_swap_offset(pte_t pte)
{
	return (pte & PTE_PFN_MASK) >> PAGE_SHIFT;
}

/* Bits of a new entry in an area with these flags (no PTE_RW for areas that
 * need copy-on-write; PROT_NONE gives PTE_PROTNONE). */
pte_t pgprot_from_vm_flags(vm_flags_t flags);

/* Levels of this architecture's tables: 2, 3 or 4. */
unsigned pgtable_levels(const struct mmsim_machine *machine);
/* Bytes that an entry of this level covers. */
uint64_t pgtable_entry_size(const struct mmsim_machine *machine,
			    unsigned level);
unsigned pgtable_entries(const struct mmsim_machine *machine);
/* Tables of this level are in NR_PAGETABLE. */
bool pgtable_is_counted(const struct mmsim_machine *machine, unsigned level);

/* The top table; 0 or -ENOMEM. */
int pgtable_create(struct mm_struct *mm);
/* All tables are freed; their entries are empty by now. */
void pgtable_destroy(struct mm_struct *mm);

/* The entry for addr, NULL when a table on the way is missing or the address
 * is covered by a huge entry. */
pte_t *pte_find(struct mm_struct *mm, uintptr_t addr);
/* The same, tables are made; NULL when there is no memory.  A huge entry in
 * the way must have been split. */
pte_t *pte_alloc(struct mm_struct *mm, uintptr_t addr);
/* The level 1 entry that covers addr. */
pte_t *pmd_find(struct mm_struct *mm, uintptr_t addr);
pte_t *pmd_alloc(struct mm_struct *mm, uintptr_t addr);
/* Makes the table that the level 2 entry for addr stands in; 0 or -ENOMEM. */
int pud_prepare(struct mm_struct *mm, uintptr_t addr);
static inline bool pmd_is_huge(pte_t pmd)
{
	return (pmd & PTE_PSE) && pte_is_present(pmd);
}
/*
 * The one place where an entry of a page is written.  The TLBs are not told:
 * the caller flushes them, for a whole range at a time, before it returns.
 */
static inline void pte_store(struct mm_struct *mm, uintptr_t addr, pte_t *entry,
			     pte_t value)
{
	(void)mm;
	(void)addr;
	*entry = value;
}
/* Changes an entry; the TLBs forget the old one. */
void pte_set(struct mm_struct *mm, uintptr_t addr, pte_t *entry, pte_t value);
/* The same for a level 1 entry that is or becomes huge. */
void pmd_set(struct mm_struct *mm, uintptr_t addr, pte_t *entry, pte_t value);
/* An entry that is there, of a small page, loses its accessed bit. */
void pte_clear_young(struct mm_struct *mm, uintptr_t addr, pte_t *entry);
/* Frees tables that lie wholly in [floor, ceiling) and are empty there, after
 * areas in [start, end) were unmapped. */
void pgtable_free_range(struct mm_struct *mm, uintptr_t start, uintptr_t end,
			uintptr_t floor, uintptr_t ceiling);

/* Walks the present and swap entries of [start, end), skipping what is empty;
 * `huge`: *entry is of level 1.  Stops when `visit` returns not 0, and
 * returns that. */
struct pgtable_walk {
	struct mm_struct *mm;
	int (*visit)(struct pgtable_walk *walk, uintptr_t addr, pte_t *entry,
		     bool huge);
	void *arg;
};
int pgtable_walk(struct pgtable_walk *walk, uintptr_t start, uintptr_t end);

/*
 * The walk under all others: `table` is called for each piece of a table of
 * pages in the range (at most 512 entries, none of them looked at), `huge` for
 * each huge entry, with the part of the range that it covers; `hole` (may be
 * NULL) for each empty entry of a higher level, with its level.  0: go on;
 * PGTABLE_AGAIN from `huge`: the entry has changed, look again; other values
 * stop the walk and are returned.
 */
enum { PGTABLE_AGAIN = 1 };
struct pgtable_tables {
	struct mm_struct *mm;
	int (*table)(struct pgtable_tables *walk, uintptr_t addr,
		     pte_t *entries, unsigned nr);
	int (*huge)(struct pgtable_tables *walk, uintptr_t start,
		    uintptr_t end, pte_t *pmd);
	int (*hole)(struct pgtable_tables *walk, uintptr_t addr,
		    unsigned level);
	void *arg;
};
int pgtable_for_each_table(struct pgtable_tables *walk, uintptr_t start,
			   uintptr_t end);

/* A table of pages in stock for each huge entry, so that it can always be
 * split: deposited when the entry is made, withdrawn when it is split or
 * goes.  pmd_table_of finds the table that holds the entry for addr. */
struct page *pgtable_alloc_stock(struct mm_struct *mm);
void pgtable_free_stock(struct mm_struct *mm, struct page *table);
struct page *pmd_table_of(struct mm_struct *mm, uintptr_t addr);
void pgtable_deposit(struct mm_struct *mm, uintptr_t addr, struct page *table);
struct page *pgtable_withdraw(struct mm_struct *mm, uintptr_t addr);
/* The empty or huge level 1 entry now refers to this table of pages. */
void pmd_populate(struct mm_struct *mm, uintptr_t addr, pte_t *pmd,
		  struct page *table);
/* Takes the table of pages out of one place and puts it into another, which
 * has none; false: not possible.  Both are multiples of 2 MiB. */
bool pgtable_move_table(struct mm_struct *mm, uintptr_t from, uintptr_t to);
/* The entries of a table of pages. */
pte_t *pgtable_entries_of(struct page *table, unsigned index);

/* zap.c: takes the pages of [start, end) out of an area; tables stay. */
void zap_page_range(struct vm_area_struct *vma, uintptr_t start, uintptr_t end);
/* Bits of a new entry for this area: those of its flags, less the right to write
 * where the first store has to be noticed (files on disk). */
pte_t vma_page_prot(const struct vm_area_struct *vma);
/* An entry for a page (pgtable.c's pte_page undoes it). */
#define pte_of_page(machine, page, bits)                                       \
	pte_make((pfn_t)((page) - (machine)->mem_map), bits)
/* The page behind a present entry; NULL for the zero page. */
struct page *pte_page(const struct mmsim_machine *machine, pte_t pte);

/* copy.c: fork's half of the tables; 0 or -ENOMEM. */
int copy_page_range(struct mm_struct *dst, struct vm_area_struct *dst_vma,
		    struct vm_area_struct *src_vma);
/* mremap's half: moves the entries of len bytes; 0 or -ENOMEM. */
int move_page_tables(struct vm_area_struct *vma, uintptr_t old_addr,
		     struct vm_area_struct *new_vma, uintptr_t new_addr,
		     size_t len);
/* mprotect's half: entries of [start, end) take the area's new flags. */
void change_protection(struct vm_area_struct *vma, uintptr_t start,
		       uintptr_t end);

#endif
