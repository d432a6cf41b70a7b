/*
 * get_unmapped_area.c: where a new mapping goes.
 *
 *   MAP_FIXED           there, whatever is there (MAP_FIXED_NOREPLACE: -EEXIST)
 *   a hint              there, when it is free
 *   otherwise           the top end of the highest hole below mmap_base that is
 *                       large enough; when there is none, the lowest hole
 *                       above a third of the address space
 *   MAP_32BIT           the lowest hole from 1 to 2 GiB; a hint must lie below
 *
 * Huge pages want mappings that begin on a multiple of 2 MiB.  Files on a disk
 * are placed so that file offset and address agree modulo 2 MiB (5.18 and
 * later); anonymous mappings whose length is a multiple of 2 MiB, asked for
 * without a hint, begin on one (6.7 and later).  The search is for 2 MiB more,
 * and the mapping goes to the fitting place in that hole.
 *
 * Sources: mmap(2); recordings of 6.1; experiments on 6.18.
 */
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/vma.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_32BIT
#define MAP_32BIT 0x40
#endif

/* Where MAP_32BIT looks. */
enum { LOW_START = 0x40000000 };
#define LOW_END ((uintptr_t)0x80000000)

static bool unmapped_is_low(const struct mm_struct *mm, int flags)
{
	return (flags & MAP_32BIT) && mm->machine->arch == ARCH_X86_64;
}

/* A hole anywhere; 0: none. */
static uintptr_t unmapped_search(struct mm_struct *mm, size_t len, int flags)
{
	uintptr_t found = 0;

	if (unmapped_is_low(mm, flags))
		return vma_find_hole_up(mm, len, LOW_START, LOW_END);
	if (!mm->mmap_is_legacy)
		found = vma_find_hole_down(mm, len, mm->mmap_min,
					   mm->mmap_base);
	if (!found)
		found = vma_find_hole_up(mm, len, mm->mmap_legacy_base,
					 mm->mmap_end);
	return found;
}

static bool unmapped_hint_is_free(struct mm_struct *mm, uintptr_t hint,
				  size_t len, int flags)
{
	uintptr_t end = unmapped_is_low(mm, flags) ? LOW_END : mm->mmap_end;
	struct vm_area_struct *vma;

	if (hint < mm->mmap_min || len > end || end - len < hint)
		return false;
	vma = vma_find(mm, hint);
	return !vma || hint + len <= vma_start_gap(vma);
}

/* Only mappings that could hold a huge page are aligned. */
static bool unmapped_wants_alignment(const struct mmsim_machine *machine,
				     const struct mmsim_file *file,
				     uintptr_t hint, size_t len,
				     uint64_t pgoff, int flags)
{
	uint64_t offset = pgoff << PAGE_SHIFT;
	uint64_t first = align_up(offset, PMD_SIZE);

	if (machine->arch != ARCH_X86_64 || machine->profile < PROFILE_6_1)
		return false;
	if (file)
		return !file->inode->mapping.is_shmem &&
		       offset + len > first &&
		       offset + len - first >= PMD_SIZE;
	return machine->profile >= PROFILE_6_18 && !hint && len &&
	       !(flags & MAP_SHARED) && is_aligned(len, PMD_SIZE);
}

/* The place whose address agrees with the offset modulo 2 MiB; 0: none. */
static uintptr_t unmapped_search_aligned(struct mm_struct *mm, size_t len,
					 uint64_t pgoff, int flags)
{
	uint64_t offset = pgoff << PAGE_SHIFT;
	uintptr_t found, shift;

	if (len + PMD_SIZE > mm->task_size)
		return 0;
	found = unmapped_search(mm, len + PMD_SIZE, flags);
	if (!found)
		return 0;
	shift = (offset - found) & (PMD_SIZE - 1);
	if (!shift && !mm->mmap_is_legacy)
		shift = PMD_SIZE;
	return found + shift;
}

/* No hole is large enough. */
static int unmapped_none(struct mm_struct *mm)
{
	machine_refuse(mm->machine, REFUSAL_ADDRESS_SPACE);
	return -ENOMEM;
}

static int unmapped_fixed(struct mm_struct *mm, uintptr_t addr, size_t len,
			  int flags, bool is_privileged)
{
	if (addr > mm->task_size - len)
		return unmapped_none(mm);
	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (addr < (uint64_t)mm->machine->vm.mmap_min_addr && !is_privileged)
		return -EPERM;
	if ((flags & MAP_FIXED_NOREPLACE) &&
	    vma_find_intersection(mm, addr, addr + len))
		return -EEXIST;
	return 0;
}

int get_unmapped_area_file(struct mmsim_task *task, struct mmsim_file *file,
			   uintptr_t hint, size_t len, uint64_t pgoff,
			   int flags, uintptr_t *addr)
{
	struct mm_struct *mm = task->mm;
	uintptr_t found = 0;

	if (len > mm->task_size)
		return unmapped_none(mm);
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		*addr = hint;
		return unmapped_fixed(mm, hint, len, flags, task_is_root(task));
	}
	hint &= PAGE_MASK;
	if (unmapped_hint_is_free(mm, hint, len, flags)) {
		found = hint;
	} else {
		if (unmapped_wants_alignment(task->machine, file, hint, len,
					     file ? pgoff : 0, flags))
			found = unmapped_search_aligned(mm, len,
							file ? pgoff : 0,
							flags);
		if (!found)
			found = unmapped_search(mm, len, flags);
	}
	if (!found)
		return unmapped_none(mm);
	*addr = found;
	return unmapped_fixed(mm, found, len, 0, task_is_root(task));
}

int get_unmapped_area(struct mmsim_task *task, uintptr_t hint, size_t len,
		      int flags, uintptr_t *addr)
{
	return get_unmapped_area_file(task, NULL, hint, len, 0, flags, addr);
}
