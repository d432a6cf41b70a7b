/*
 * kernel_table.c: the page table of the kernel's vmalloc and kmap areas.
 *
 * A tree of tables as a task's, with frames of its own: 4 levels of 512
 * entries of 8 bytes, in 32 bits 2 levels of 1024 entries of 4 bytes, with PAE
 * 3 levels.  The top table is part of the kernel image.  Tables are made when
 * an address below them is first mapped, and stay.  The direct map has tables
 * too, made at boot from what boot_used counts; it is computed here, not
 * walked. These tables are not in NR_PAGETABLE, which is the tasks' ones.
 *
 *   addr  | level 3 | level 2 | level 1 | level 0 | byte |    64 bits
 *            9 bits    9         9         9        12
 *
 * Source: Intel SDM volume 3, 4.3 to 4.5.
 */
#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"
#include "kernel/vmap.h"

#include <errno.h>

static unsigned table_shift(const struct mmsim_machine *machine)
{
	return machine->arch == ARCH_X86_32 ? 10 : 9;
}

static unsigned table_index(const struct mmsim_machine *machine, uint64_t addr,
			    unsigned level)
{
	unsigned bits = table_shift(machine);

	return (unsigned)(addr >> (PAGE_SHIFT + level * bits) &
			  ((1u << bits) - 1));
}

/* Entries are as wide as the architecture's. */
static pte_t entry_read(const struct mmsim_machine *machine, const void *table,
			unsigned index)
{
	return machine->arch == ARCH_X86_32 ? ((const uint32_t *)table)[index]
					    : ((const uint64_t *)table)[index];
}

static void entry_write(const struct mmsim_machine *machine, void *table,
			unsigned index, pte_t entry)
{
	if (machine->arch == ARCH_X86_32)
		((uint32_t *)table)[index] = (uint32_t)entry;
	else
		((uint64_t *)table)[index] = entry;
}

/* A new table behind the entry; NULL: no memory. */
static void *table_make(struct mmsim_machine *machine, void *table,
			unsigned index)
{
	struct page *page =
		alloc_pages(machine, machine->current,
			    GFP_KERNEL | GFP_F_ZERO, 0);
	void *content;

	if (!page)
		return NULL;
	content = page_content_write(machine, page);
	if (!content) {
		page_put(machine, page);
		return NULL;
	}
	machine->vmalloc->nr_table_pages++;
	entry_write(machine, table, index,
		    pte_make(page_pfn(machine, page),
			     PTE_PRESENT | PTE_RW | PTE_ACCESSED));
	return content;
}

/* The table of level 0 that covers addr, NULL: none, or no memory for it. */
static void *table_walk(struct mmsim_machine *machine, uint64_t addr, bool make)
{
	void *table = machine->vmalloc->top_table;

	for (unsigned level = pgtable_levels(machine) - 1; level > 0; level--) {
		unsigned index = table_index(machine, addr, level);
		pte_t entry = entry_read(machine, table, index);

		if (entry)
			table = page_from_pfn(machine, pte_pfn(entry))->data;
		else
			table = make ? table_make(machine, table, index) : NULL;
		if (!table)
			return NULL;
	}
	return table;
}

int kernel_table_set(struct mmsim_machine *machine, uint64_t addr, pfn_t pfn)
{
	pte_t bits = PTE_PRESENT | PTE_RW | PTE_ACCESSED | PTE_DIRTY;
	void *table = table_walk(machine, addr, true);

	if (!table)
		return -ENOMEM;
	if (machine->arch != ARCH_X86_32)
		bits |= PTE_NX;
	entry_write(machine, table, table_index(machine, addr, 0),
		    pte_make(pfn, bits));
	return 0;
}

void kernel_table_clear(struct mmsim_machine *machine, uint64_t addr)
{
	void *table = table_walk(machine, addr, false);

	if (table)
		entry_write(machine, table, table_index(machine, addr, 0), 0);
}

bool kernel_table_find(struct mmsim_machine *machine, uint64_t addr, pfn_t *pfn)
{
	void *table = table_walk(machine, addr, false);
	pte_t entry;

	if (!table)
		return false;
	entry = entry_read(machine, table, table_index(machine, addr, 0));
	*pfn = pte_pfn(entry);
	return entry != 0;
}

uint64_t kernel_table_pages(const struct mmsim_machine *machine)
{
	return machine->vmalloc->nr_table_pages;
}
