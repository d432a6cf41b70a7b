/*
 * validate_mm.c: the self-check of tasks, their areas and their page tables.
 *
 * Each address space is walked once: its areas in order, then its tables from
 * the top, without the help of the code that made them.  Every table and every
 * entry leaves a mark in the note of the frame that it leads to.
 */
#include "kernel/file_state.h"
#include "kernel/pgtable.h"
#include "kernel/rmap.h"
#include "kernel/validate.h"
#include "kernel/vma.h"

#include <string.h>

/* The sums over one address space. */
struct mm_sums {
	struct validate *v;
	struct mm_struct *mm;
	int64_t rss[NR_MM_COUNTERS];
	uint64_t nr_tables; /* the top one not counted */
};

/* The first store to a clean page of a file must fault, for write-back. */
static bool hides_stores(const struct vm_area_struct *vma,
			 const struct page *page, pte_t entry)
{
	return (entry & PTE_RW) && (vma->flags & VM_SHARED) && vma->mapping &&
	       !vma->mapping->is_shmem && !page_has(page, PG_dirty);
}

static void validate_entry(struct mm_sums *sums, uintptr_t addr, pte_t entry,
			   bool huge)
{
	struct validate *v = sums->v;
	int pid = sums->mm->owner ? sums->mm->owner->pid : 0;
	struct vm_area_struct *vma = vma_lookup(sums->mm, addr);
	unsigned nr = huge ? HPAGE_PMD_NR : 1;
	struct frame_note *note;
	struct page *page;

	VALIDATE(v, vma, "pid %d: an entry for %lx, where no area is", pid,
		 (unsigned long)addr);
	if (pte_is_swap(entry)) {
		sums->rss[MM_SWAPENTS]++;
		validate_swap_entry(v, pte_to_swp_entry(entry).val);
		return;
	}
	VALIDATE(v, !(entry & PTE_RW) || (vma->flags & VM_WRITE),
		 "pid %d: %lx may be written, its area may not", pid,
		 (unsigned long)addr);
	if (entry & PTE_SPECIAL)
		return;
	VALIDATE(v, pte_pfn(entry) < v->machine->max_pfn,
		 "pid %d: the entry for %lx leads to no frame", pid,
		 (unsigned long)addr);
	page = page_from_pfn(v->machine, pte_pfn(entry));
	VALIDATE(v, !hides_stores(vma, page, entry),
		 "pid %d: %lx may be written, its page is clean", pid,
		 (unsigned long)addr);
	note = validate_note(v, pte_pfn(entry));
	if (huge)
		note->nr_huge++;
	else
		note->nr_small++;
	if (page_is_anon(page))
		sums->rss[MM_ANONPAGES] += nr;
	else if (page_has(page_head(page), PG_swapbacked))
		sums->rss[MM_SHMEMPAGES] += nr;
	else
		sums->rss[MM_FILEPAGES] += nr;
}

static bool validate_table_frame(struct mm_sums *sums, const struct page *table,
				 unsigned level)
{
	struct validate *v = sums->v;
	struct frame_note *note = validate_note(v, page_pfn(v->machine, table));

	if (!page_has(table, PG_table) || table->mapping != sums->mm ||
	    table->index != level || note->place != FRAME_NOWHERE ||
	    table->refcount < 1) {
		validate_fail(v, "frame %lu is used as a table of level %u",
			      (unsigned long)page_pfn(v->machine, table),
			      level);
		return false;
	}
	note->place = FRAME_TABLE;
	v->node_stat[page_node(table)][NR_PAGETABLE] +=
		pgtable_is_counted(v->machine, level);
	return true;
}

/* Tables in stock for huge entries hang on the table of level 1. */
static void validate_stock(struct mm_sums *sums, struct page *table,
			   unsigned nr_huge)
{
	struct page *stock;
	unsigned nr = 0;

	list_for_each(stock, &table->lru, lru) {
		if (!validate_table_frame(sums, stock, 0))
			return;
		nr++;
	}
	sums->nr_tables += nr;
	VALIDATE(sums->v, nr == nr_huge,
		 "%u tables in stock for %u huge entries", nr, nr_huge);
}

static void validate_table(struct mm_sums *sums, struct page *table,
			   unsigned level, uintptr_t base)
{
	const struct mmsim_machine *machine = sums->v->machine;
	uint64_t size = pgtable_entry_size(machine, level);
	unsigned nr_huge = 0;

	if (!validate_table_frame(sums, table, level))
		return;
	for (unsigned i = 0; i < pgtable_entries(machine); i++) {
		pte_t entry = *pgtable_entries_of(table, i);
		uintptr_t addr = base + i * size;

		if (pte_is_none(entry))
			continue;
		if (level == 0) {
			validate_entry(sums, addr, entry, false);
		} else if (level == 1 && pmd_is_huge(entry)) {
			validate_entry(sums, addr, entry, true);
			nr_huge++;
		} else {
			sums->nr_tables++;
			validate_table(sums,
				       page_from_pfn(machine, pte_pfn(entry)),
				       level - 1, addr);
		}
		if (sums->v->has_failed)
			return;
	}
	if (level == 1)
		validate_stock(sums, table, nr_huge);
}

static bool vma_is_in_its_file(const struct vm_area_struct *vma)
{
	const struct list_head *link;

	for (link = vma->mapping->vmas.next; link != &vma->mapping->vmas;
	     link = link->next)
		if (link == &vma->mapping_link)
			return true;
	return false;
}

static void validate_vma(struct validate *v, struct vm_area_struct *vma)
{
	struct anon_vma_chain *avc;
	bool found = !vma->anon_vma;

	VALIDATE(v, is_aligned(vma->start | vma->end, PAGE_SIZE),
		 "area %lx-%lx is not of whole pages",
		 (unsigned long)vma->start, (unsigned long)vma->end);
	VALIDATE(v, !vma->file || vma->mapping == &vma->file->inode->mapping,
		 "area %lx has another mapping than its file",
		 (unsigned long)vma->start);
	VALIDATE(v, !vma->mapping || vma_is_in_its_file(vma),
		 "area %lx is not in the list of its file",
		 (unsigned long)vma->start);
	list_for_each(avc, &vma->anon_vma_chain, same_vma) {
		VALIDATE(v, avc->vma == vma,
			 "area %lx has the chain of another area",
			 (unsigned long)vma->start);
		found |= avc->anon_vma == vma->anon_vma;
	}
	VALIDATE(v, found, "area %lx is not chained to its anon_vma",
		 (unsigned long)vma->start);
}

static void validate_areas(struct validate *v, struct mm_struct *mm, int pid)
{
	struct mm_struct sums = {0};
	struct vm_area_struct *vma;
	uint64_t locked = 0;

	VALIDATE(v, vma_tree_is_valid(mm),
		 "pid %d: the tree of areas is out of order", pid);
	for_each_vma(mm, vma) {
		validate_vma(v, vma);
		vm_stat_account(&sums, vma->flags, (int64_t)vma_pages(vma));
		if (vma->flags & VM_LOCKED)
			locked += vma_pages(vma);
		if (vma->flags & VM_ACCOUNT)
			v->committed += vma_pages(vma);
	}
	VALIDATE(v,
		 sums.total_vm == mm->total_vm && sums.data_vm == mm->data_vm &&
			 sums.exec_vm == mm->exec_vm &&
			 sums.stack_vm == mm->stack_vm,
		 "pid %d: sizes are %lu data %lu exec %lu stack %lu, "
		 "the areas have %lu, %lu, %lu, %lu",
		 pid, (unsigned long)mm->total_vm, (unsigned long)mm->data_vm,
		 (unsigned long)mm->exec_vm, (unsigned long)mm->stack_vm,
		 (unsigned long)sums.total_vm, (unsigned long)sums.data_vm,
		 (unsigned long)sums.exec_vm, (unsigned long)sums.stack_vm);
	VALIDATE(v, locked + mm->locked_forgotten == mm->locked_vm,
		 "pid %d: VmLck is %lu pages, the areas have %lu", pid,
		 (unsigned long)mm->locked_vm, (unsigned long)locked);
}

static void validate_mm(struct validate *v, struct mm_struct *mm, int pid)
{
	static const char kinds[][12] = {"file", "anonymous", "swap", "shmem"};
	struct mm_sums sums = {.v = v, .mm = mm};

	validate_areas(v, mm, pid);
	if (v->has_failed)
		return;
	validate_table(&sums, mm->pgd, pgtable_levels(v->machine) - 1, 0);
	if (v->has_failed)
		return;
	for (int i = 0; i < NR_MM_COUNTERS; i++)
		VALIDATE(v, sums.rss[i] == mm->rss[i],
			 "pid %d: %ld %s pages, the tables have %ld", pid,
			 (long)mm->rss[i], kinds[i], (long)sums.rss[i]);
	VALIDATE(v, sums.nr_tables * PAGE_SIZE == mm->pgtables_bytes,
		 "pid %d: %lu bytes of page tables, a walk finds %lu tables",
		 pid, (unsigned long)mm->pgtables_bytes,
		 (unsigned long)sums.nr_tables);
}

/* Address spaces can have more than one user; the first in the list stands for
 * all of them. */
static bool task_is_first_of_mm(const struct validate *v,
				const struct mmsim_task *task)
{
	const struct mmsim_task *other;

	if (task->mm->users == 1)
		return true;
	list_for_each(other, &v->machine->tasks, link)
		if (other->mm == task->mm)
			return other == task;
	return false;
}

static unsigned mm_count_users(const struct validate *v,
			       const struct mm_struct *mm)
{
	const struct mmsim_task *task;
	unsigned nr = 0;

	if (mm->users == 1)
		return 1;
	list_for_each(task, &v->machine->tasks, link)
		nr += task->mm == mm;
	return nr;
}

/* What an object has in swap, and what it was promised. */
static void validate_inode(struct validate *v, const struct inode *inode)
{
	uint64_t index = 0;
	const void *entry;

	v->committed += inode->committed;
	if (!inode->mapping.is_shmem)
		return;
	for (; (entry = radix_next(&inode->mapping.pages, &index)); index++)
		if (radix_is_value(entry))
			validate_swap_entry(v, radix_to_value(entry));
}

/* Shared objects; file_validate.c proves the page caches. */
void validate_inodes(struct validate *v)
{
	const struct inode *inode;

	list_for_each(inode, &v->machine->files->inodes, link)
		validate_inode(v, inode);
}

void validate_tasks(struct validate *v)
{
	struct mmsim_task *task;

	list_for_each(task, &v->machine->tasks, link) {
		v->nr_tasks++;
		if (!task->mm || !task_is_first_of_mm(v, task))
			continue;
		VALIDATE(v, task->mm->users == mm_count_users(v, task->mm),
			 "pid %d: %u users of its memory, %u are there",
			 task->pid, task->mm->users,
			 mm_count_users(v, task->mm));
		validate_mm(v, task->mm, task->pid);
		if (v->has_failed)
			return;
	}
}
