/*
 * pgtable.c: page tables as trees of frames.
 *
 *   mm->pgd -> level 3 -> level 2 -> level 1 -> level 0 -> frame     (x86-64)
 *                                       \-> huge frame of 2 MiB
 *
 * An address is cut into 9 bits for each level and 12 for the byte; with two
 * levels (32 bits without PAE) into 10 + 10 + 12.  A table that is missing
 * costs nothing: this is why a sparse address space needs few tables, where
 * one flat table would cost 8 bytes for each page that could ever be mapped.
 *
 * Tables are made on the way to an entry, and freed only when areas go: a
 * table goes with the last area that could need it, whether or not it is empty
 * (free_pgtables of Linux; MADV_DONTNEED keeps all tables).
 *
 * A table of 1024 entries (32 bits) is kept as two halves of 512, one in the
 * frame's content and one beside it, so that each half covers 2 MiB or 512
 * tables in every architecture.
 *
 * Counted: pgtables_bytes has every table but the top one; NR_PAGETABLE
 * (PageTables in meminfo) has levels 0 and 1 as in 6.1, all in 6.18.
 *
 * Simplified: PAE's four tables of level 1 are not made in advance.
 *
 * Source: Intel SDM volume 3, 4.3 to 4.5; kernel documentation,
 * mm/page_tables; recordings.
 */
#include "kernel/pgtable.h"

#include "kernel/machine.h"
#include "kernel/page_alloc.h"

#include <errno.h>

enum { HALF_ENTRIES = 512 };

#define NO_HINT ((uintptr_t)1)

unsigned pgtable_levels(const struct mmsim_machine *machine)
{
	static const unsigned levels[] = {
		[ARCH_X86_64] = 4, [ARCH_X86_32] = 2, [ARCH_X86_32_PAE] = 3};

	return levels[machine->arch];
}

static unsigned bits_per_level(const struct mmsim_machine *machine)
{
	return machine->arch == ARCH_X86_32 ? 10 : 9;
}

unsigned pgtable_entries(const struct mmsim_machine *machine)
{
	return 1u << bits_per_level(machine);
}

static unsigned level_shift(const struct mmsim_machine *machine, unsigned level)
{
	return PAGE_SHIFT + level * bits_per_level(machine);
}

uint64_t pgtable_entry_size(const struct mmsim_machine *machine, unsigned level)
{
	return (uint64_t)1 << level_shift(machine, level);
}

static unsigned entry_index(const struct mmsim_machine *machine, uintptr_t addr,
			    unsigned level)
{
	return addr >> level_shift(machine, level) &
	       (pgtable_entries(machine) - 1);
}

pte_t *pgtable_entries_of(struct page *table, unsigned index)
{
	pte_t *half = index < HALF_ENTRIES ? table->data
					   : (pte_t *)(uintptr_t)table->private;

	return &half[index % HALF_ENTRIES];
}

static struct page *entry_table(const struct mmsim_machine *machine,
				pte_t entry)
{
	return page_from_pfn(machine, pte_pfn(entry));
}

static void hint_clear(struct mm_struct *mm)
{
	mm->pte_hint = NULL;
	mm->pte_hint_base = NO_HINT;
}

bool pgtable_is_counted(const struct mmsim_machine *machine, unsigned level)
{
	if (machine->profile >= PROFILE_6_18)
		return true;
	if (level + 1 == pgtable_levels(machine))
		return false;
	return level == 0 || (level == 1 && machine->profile >= PROFILE_6_1);
}

static void table_account(struct mm_struct *mm, struct page *table, int sign)
{
	unsigned level = (unsigned)table->index;

	if (level + 1 != pgtable_levels(mm->machine))
		mm->pgtables_bytes += (uint64_t)(sign * (int64_t)PAGE_SIZE);
	if (pgtable_is_counted(mm->machine, level))
		node_stat_add(machine_node_of(mm->machine, table), NR_PAGETABLE,
			      sign);
}

static struct page *table_alloc(struct mm_struct *mm, unsigned level)
{
	struct mmsim_machine *machine = mm->machine;
	struct page *table =
		alloc_pages(machine, mm->owner, GFP_KERNEL | GFP_F_ZERO, 0);

	if (!table) {
		machine_refuse(machine, REFUSAL_NO_MEMORY);
		return NULL;
	}
	if (!page_content_write(machine, table))
		goto out_table;
	table->private = 0;
	if (pgtable_entries(machine) > HALF_ENTRIES) {
		void *half = pool_zalloc(&machine->contents);

		if (!half)
			goto out_table;
		table->private = (uintptr_t)half;
	}
	page_set(table, PG_table);
	table->mapping = mm;
	table->index = level;
	list_init(&table->lru);
	table_account(mm, table, 1);
	clock_charge(machine, mm->owner, COST_PAGE_TABLE_PAGE);
	return table;

out_table:
	free_pages(machine, table, 0);
	return NULL;
}

static void table_free(struct mm_struct *mm, struct page *table)
{
	struct mmsim_machine *machine = mm->machine;

	ASSERT(page_has(table, PG_table) && table->mapping == mm);
	ASSERT(list_is_empty(&table->lru));
	table_account(mm, table, -1);
	if (table->private)
		pool_free(&machine->contents,
			  (void *)(uintptr_t)table->private);
	table->private = 0;
	table->mapping = NULL;
	table->index = 0;
	page_clear(table, PG_table);
	free_pages(machine, table, 0);
}

int pgtable_create(struct mm_struct *mm)
{
	hint_clear(mm);
	mm->pgtables_bytes = 0;
	mm->pgd = table_alloc(mm, pgtable_levels(mm->machine) - 1);
	return mm->pgd ? 0 : -ENOMEM;
}

/* The entry of `level` on the way to addr; tables in between are made when
 * asked, otherwise NULL tells that one is missing. */
static pte_t *walk_to(struct mm_struct *mm, uintptr_t addr, unsigned level,
		      bool make)
{
	const struct mmsim_machine *machine = mm->machine;
	struct page *table = mm->pgd;

	for (unsigned at = (unsigned)table->index;; at--) {
		pte_t *entry = pgtable_entries_of(
			table, entry_index(machine, addr, at));

		if (at == level)
			return entry;
		if (pte_is_none(*entry)) {
			struct page *below =
				make ? table_alloc(mm, at - 1) : NULL;

			if (!below)
				return NULL;
			*entry = pte_make(page_pfn(machine, below),
					  PTE_PRESENT | PTE_RW | PTE_USER |
						  PTE_ACCESSED);
		} else if (at == 1 && pmd_is_huge(*entry)) {
			return NULL;
		}
		table = entry_table(machine, *entry);
	}
}

static pte_t *pte_walk(struct mm_struct *mm, uintptr_t addr, bool make)
{
	pte_t *entry = walk_to(mm, addr, 0, make);

	if (entry) {
		mm->pte_hint_base = addr & PMD_MASK;
		mm->pte_hint = entry - (addr >> PAGE_SHIFT) % HALF_ENTRIES;
	}
	return entry;
}

pte_t *pte_find(struct mm_struct *mm, uintptr_t addr)
{
	if (LIKELY((addr & PMD_MASK) == mm->pte_hint_base))
		return &mm->pte_hint[(addr >> PAGE_SHIFT) % HALF_ENTRIES];
	return pte_walk(mm, addr, false);
}

pte_t *pte_alloc(struct mm_struct *mm, uintptr_t addr)
{
	if (LIKELY((addr & PMD_MASK) == mm->pte_hint_base))
		return &mm->pte_hint[(addr >> PAGE_SHIFT) % HALF_ENTRIES];
	return pte_walk(mm, addr, true);
}

pte_t *pmd_find(struct mm_struct *mm, uintptr_t addr)
{
	return walk_to(mm, addr, 1, false);
}

pte_t *pmd_alloc(struct mm_struct *mm, uintptr_t addr)
{
	return walk_to(mm, addr, 1, true);
}

int pud_prepare(struct mm_struct *mm, uintptr_t addr)
{
	if (pgtable_levels(mm->machine) < 4)
		return 0;
	return walk_to(mm, addr, 2, true) ? 0 : -ENOMEM;
}

void pte_set(struct mm_struct *mm, uintptr_t addr, pte_t *entry, pte_t value)
{
	bool was_seen = pte_is_present(*entry);

	pte_store(mm, addr, entry, value);
	if (was_seen)
		tlb_flush_page(mm, addr);
}

void pmd_set(struct mm_struct *mm, uintptr_t addr, pte_t *entry, pte_t value)
{
	bool was_seen = pmd_is_huge(*entry);

	addr &= PMD_MASK;
	pte_store(mm, addr, entry, value);
	if (was_seen)
		tlb_flush_range(mm, addr, addr + PMD_SIZE);
}

void pte_clear_young(struct mm_struct *mm, uintptr_t addr, pte_t *entry)
{
	pte_store(mm, addr, entry, *entry & ~(pte_t)PTE_ACCESSED);
	if (pte_is_present(*entry))
		tlb_flush_young(mm, addr);
}

struct page *pte_page(const struct mmsim_machine *machine, pte_t pte)
{
	return pte & PTE_SPECIAL ? NULL : page_from_pfn(machine, pte_pfn(pte));
}

/* --- freeing ---------------------------------------------------------------- */

struct free_range {
	struct mm_struct *mm;
	uintptr_t start, end;  /* areas were here; end is the last byte */
	uintptr_t floor, last; /* no other area is in [floor, last] */
};

/* Frees the tables under `table`, whose first address is `base`. */
static void free_below(const struct free_range *range, struct page *table,
		       uintptr_t base)
{
	const struct mmsim_machine *machine = range->mm->machine;
	unsigned level = (unsigned)table->index;
	uint64_t size = pgtable_entry_size(machine, level);
	unsigned first = 0, end = pgtable_entries(machine);

	if (range->start > base)
		first = (unsigned)((range->start - base) / size);
	if ((range->end - base) / size + 1 < end)
		end = (unsigned)((range->end - base) / size + 1);
	for (unsigned i = first; i < end; i++) {
		pte_t *entry = pgtable_entries_of(table, i);
		uintptr_t at = base + i * size;
		struct page *below;

		if (pte_is_none(*entry) || pmd_is_huge(*entry))
			continue;
		below = entry_table(machine, *entry);
		if (level > 1)
			free_below(range, below, at);
		if (at >= range->floor && at + (size - 1) <= range->last) {
			*entry = 0;
			table_free(range->mm, below);
		}
	}
}

void pgtable_free_range(struct mm_struct *mm, uintptr_t start, uintptr_t end,
			uintptr_t floor, uintptr_t ceiling)
{
	struct free_range range = {mm, start, end - 1, floor, ceiling - 1};

	if (start >= end)
		return;
	hint_clear(mm);
	free_below(&range, mm->pgd, 0);
}

void pgtable_destroy(struct mm_struct *mm)
{
	struct free_range range = {mm, 0, UINTPTR_MAX, 0, UINTPTR_MAX};

	if (!mm->pgd)
		return;
	hint_clear(mm);
	free_below(&range, mm->pgd, 0);
	thp_drop_zero_page(mm);
	table_free(mm, mm->pgd);
	mm->pgd = NULL;
	ASSERT(mm->pgtables_bytes == 0);
}

/* --- huge entries and tables in stock ------------------------------------------ */

struct page *pmd_table_of(struct mm_struct *mm, uintptr_t addr)
{
	struct page *table = mm->pgd;

	for (unsigned at = (unsigned)table->index; at > 1; at--) {
		pte_t entry = *pgtable_entries_of(
			table, entry_index(mm->machine, addr, at));

		if (pte_is_none(entry))
			return NULL;
		table = entry_table(mm->machine, entry);
	}
	return table;
}

struct page *pgtable_alloc_stock(struct mm_struct *mm)
{
	return table_alloc(mm, 0);
}

void pgtable_free_stock(struct mm_struct *mm, struct page *table)
{
	table_free(mm, table);
}

void pgtable_deposit(struct mm_struct *mm, uintptr_t addr, struct page *table)
{
	list_add(&table->lru, &pmd_table_of(mm, addr)->lru);
}

struct page *pgtable_withdraw(struct mm_struct *mm, uintptr_t addr)
{
	struct list_head *stock = &pmd_table_of(mm, addr)->lru;
	struct page *table;

	ASSERT(!list_is_empty(stock));
	table = list_first(stock, struct page, lru);
	list_del(&table->lru);
	return table;
}

void pmd_populate(struct mm_struct *mm, uintptr_t addr, pte_t *pmd,
		  struct page *table)
{
	bool was_huge = pmd_is_huge(*pmd);

	*pmd = pte_make(page_pfn(mm->machine, table),
			PTE_PRESENT | PTE_RW | PTE_USER | PTE_ACCESSED);
	if (was_huge)
		tlb_flush_range(mm, addr & PMD_MASK,
				(addr & PMD_MASK) + PMD_SIZE);
}

bool pgtable_move_table(struct mm_struct *mm, uintptr_t from, uintptr_t to)
{
	pte_t *src, *dst;

	if (pgtable_entries(mm->machine) != HALF_ENTRIES)
		return false;
	src = pmd_find(mm, from);
	dst = pmd_find(mm, to);
	if (!src || !dst || pte_is_none(*src) || pmd_is_huge(*src) ||
	    !pte_is_none(*dst))
		return false;
	*dst = *src;
	*src = 0;
	hint_clear(mm);
	tlb_flush_range(mm, from, from + PMD_SIZE);
	return true;
}
