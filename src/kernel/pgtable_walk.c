/*
 * pgtable_walk.c: going through the tables of a range of addresses.
 *
 * What is empty is skipped at the highest level that shows it, so that a walk
 * over an area of terabytes costs what is in it, not what it could hold.
 *
 * pgtable_for_each_table hands out pieces of tables, for loops that have to be
 * fast; pgtable_walk calls for each entry that is there.
 */
#include "kernel/machine.h"
#include "kernel/pgtable.h"

/* Pieces of one table of pages, which never cross a half (2 MiB). */
static int walk_pages(struct pgtable_tables *walk, struct page *table,
		      uintptr_t start, uintptr_t end)
{
	unsigned entries = pgtable_entries(walk->mm->machine);

	while (start < end) {
		uintptr_t next = min_size((start & PMD_MASK) + PMD_SIZE, end);
		unsigned index = (start >> PAGE_SHIFT) & (entries - 1);
		int result = walk->table(walk, start,
					 pgtable_entries_of(table, index),
					 (unsigned)((next - start) >> PAGE_SHIFT));

		if (result)
			return result;
		start = next;
	}
	return 0;
}

static int walk_entry(struct pgtable_tables *walk, pte_t *entry, unsigned level,
		      uintptr_t start, uintptr_t end);

static int walk_level(struct pgtable_tables *walk, struct page *table,
		      uintptr_t start, uintptr_t end)
{
	const struct mmsim_machine *machine = walk->mm->machine;
	unsigned level = (unsigned)table->index;
	uint64_t size = pgtable_entry_size(machine, level);
	uint64_t mask = pgtable_entries(machine) - 1;

	while (start < end) {
		uintptr_t border = (start & ~(size - 1)) + size;
		uintptr_t next = border && border < end ? border : end;
		pte_t *entry = pgtable_entries_of(
			table, (unsigned)(start / size & mask));
		int result = walk_entry(walk, entry, level, start, next);

		if (result)
			return result;
		start = next;
	}
	return 0;
}

static int walk_entry(struct pgtable_tables *walk, pte_t *entry, unsigned level,
		      uintptr_t start, uintptr_t end)
{
	struct page *below;

	while (level == 1 && pmd_is_huge(*entry)) {
		int result = walk->huge(walk, start, end, entry);

		if (result != PGTABLE_AGAIN)
			return result;
	}
	if (pte_is_none(*entry))
		return walk->hole ? walk->hole(walk, start, level) : 0;
	below = page_from_pfn(walk->mm->machine, pte_pfn(*entry));
	return level == 1 ? walk_pages(walk, below, start, end) :
			    walk_level(walk, below, start, end);
}

int pgtable_for_each_table(struct pgtable_tables *walk, uintptr_t start,
			   uintptr_t end)
{
	return walk->mm->pgd ? walk_level(walk, walk->mm->pgd, start, end) : 0;
}

static int visit_table(struct pgtable_tables *walk, uintptr_t addr,
		       pte_t *entries, unsigned nr)
{
	struct pgtable_walk *visitor = walk->arg;

	for (unsigned i = 0; i < nr; i++) {
		int result;

		if (pte_is_none(entries[i]))
			continue;
		result = visitor->visit(visitor, addr + i * PAGE_SIZE,
					&entries[i], false);
		if (result)
			return result;
	}
	return 0;
}

static int visit_huge(struct pgtable_tables *walk, uintptr_t start,
		      uintptr_t end, pte_t *pmd)
{
	struct pgtable_walk *visitor = walk->arg;

	(void)end;
	return visitor->visit(visitor, start, pmd, true);
}

int pgtable_walk(struct pgtable_walk *walk, uintptr_t start, uintptr_t end)
{
	struct pgtable_tables tables = { .mm = walk->mm,
					 .table = visit_table,
					 .huge = visit_huge,
					 .arg = walk };

	return pgtable_for_each_table(&tables, start, end);
}
