/*
 * mm.c: address spaces: how they come, are copied and go.
 *
 * An address space is shared by the tasks that vfork made; `users` counts them,
 * and with the last one everything in it goes: pages, tables, areas, promises.
 *
 * fork copies it area by area:
 *
 *   area of the parent     in the child
 *   MADV_DONTFORK          nothing
 *   MADV_WIPEONFORK        the area, empty
 *   locked                 the area, not locked (a lock is not inherited)
 *   charged                charged again, whether or not it was touched; each
 *                          area is asked for by itself (commit.c)
 *   with pages             entries copied, pages shared (copy.c)
 *
 * One refusal ends the whole fork, and what was copied so far goes again.
 *
 * Sources: fork(2), madvise(2), mlock(2); recordings of 6.1 for the charges.
 */
#include "kernel/commit.h"
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/mempolicy.h"
#include "kernel/pgtable.h"
#include "kernel/rmap.h"
#include "kernel/vma.h"

#include <errno.h>

struct mm_struct *mm_create(struct mmsim_machine *machine,
			    struct mmsim_task *owner)
{
	struct mm_struct *mm =
		kmem_record_alloc(machine, KMEM_MM_STRUCT, sizeof(*mm));

	if (!mm)
		return NULL;
	mm->machine = machine;
	mm->users = 1;
	mm->owner = owner;
	mm->asid = tlb_new_asid(machine);
	vma_tree_init(mm);
	if (pgtable_create(mm)) {
		kmem_record_free(machine, KMEM_MM_STRUCT, mm);
		return NULL;
	}
	return mm;
}

void mm_get(struct mm_struct *mm)
{
	mm->users++;
}

/* Areas, pages and promises; tables that only they needed go, too. */
static void mm_unmap_all(struct mm_struct *mm)
{
	uintptr_t end = mm->task_size + PAGE_SIZE;

	commit_uncharge(mm->machine, munmap_whole_areas(mm, 0, end));
	tlb_flush_mm(mm);
}

void mm_put(struct mm_struct *mm)
{
	ASSERT(mm->users > 0);
	if (--mm->users > 0)
		return;
	mm_unmap_all(mm);
	pgtable_destroy(mm);
	for (int i = 0; i < NR_MM_COUNTERS; i++)
		ASSERT(mm->rss[i] == 0);
	ASSERT(mm->total_vm == 0 && mm->map_count == 0);
	kmem_record_free(mm->machine, KMEM_MM_STRUCT, mm);
}

void mm_forget_owner(struct mm_struct *mm, const struct mmsim_task *task)
{
	struct mmsim_task *other;

	/* the last one is the owner until all areas are gone */
	if (mm->owner != task || mm->users == 1)
		return;
	mm->owner = NULL;
	list_for_each(other, &mm->machine->tasks,
		      link) if (other != task && other->mm == mm)
	{
		mm->owner = other;
		return;
	}
}

/* --- the copy ------------------------------------------------------------ */

static void mm_copy_layout(struct mm_struct *copy, const struct mm_struct *mm)
{
	copy->task_size = mm->task_size;
	copy->mmap_base = mm->mmap_base;
	copy->mmap_min = mm->mmap_min;
	copy->mmap_is_legacy = mm->mmap_is_legacy;
	copy->mmap_legacy_base = mm->mmap_legacy_base;
	copy->mmap_end = mm->mmap_end;
	copy->start_code = mm->start_code;
	copy->end_code = mm->end_code;
	copy->start_data = mm->start_data;
	copy->end_data = mm->end_data;
	copy->start_brk = mm->start_brk;
	copy->brk = mm->brk;
	copy->start_stack = mm->start_stack;
	copy->vdso = mm->vdso;
	copy->thp_disable = mm->thp_disable;
	copy->def_flags = mm->def_flags & VM_NOHUGEPAGE;
}

/* An area like `vma` for the copy, in no tree yet; NULL: no memory. */
static struct vm_area_struct *mm_dup_area(struct mm_struct *copy,
					  struct vm_area_struct *vma)
{
	struct vm_area_struct *dup = vma_alloc(copy);

	if (!dup)
		return NULL;
	dup->start = vma->start;
	dup->end = vma->end;
	dup->flags = vma->flags & ~VM_LOCKED_MASK;
	dup->kind = vma->kind;
	dup->pgoff = vma->pgoff;
	dup->mapping = vma->mapping;
	dup->file = vma->file ? file_get(vma->file) : NULL;
	dup->policy = mempolicy_get(vma->policy);
	if (!(vma->flags & VM_WIPEONFORK) && anon_vma_fork(dup, vma)) {
		vma_free(dup);
		return NULL;
	}
	return dup;
}

static int mm_copy_area(struct mmsim_task *parent, struct mm_struct *copy,
			struct vm_area_struct *vma)
{
	uint64_t charge = vma->flags & VM_ACCOUNT ? vma_pages(vma) : 0;
	struct vm_area_struct *dup;

	if (charge && commit_charge(parent, charge))
		return -ENOMEM;
	dup = mm_dup_area(copy, vma);
	if (!dup) {
		commit_uncharge(copy->machine, charge);
		return -ENOMEM;
	}
	vma_insert(copy, dup);
	vm_stat_account(copy, dup->flags, (int64_t)vma_pages(dup));
	if (vma->flags & VM_WIPEONFORK)
		return 0;
	return copy_page_range(copy, dup, vma);
}

int mm_dup(struct mm_struct *mm, struct mmsim_task *child,
	   struct mm_struct **copy)
{
	struct mm_struct *new_mm = mm_create(mm->machine, child);
	struct vm_area_struct *vma;
	int err;

	if (!new_mm)
		return -ENOMEM;
	mm_copy_layout(new_mm, mm);
	for_each_vma(mm, vma)
	{
		if (vma->flags & VM_DONTCOPY)
			continue;
		err = mm_copy_area(child->parent, new_mm, vma);
		if (err) {
			mm_put(new_mm);
			return err;
		}
	}
	new_mm->hiwater_rss = mm_rss(new_mm);
	new_mm->hiwater_vm = new_mm->total_vm;
	*copy = new_mm;
	return 0;
}
