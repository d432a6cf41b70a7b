/*
 * exec.c: the address space of a freshly started program.
 *
 * A static program without libraries, as it stands after the C library has
 * set itself up: the image that the recordings' own test program has.
 *
 *   pages  access  what                                   charged
 *       1  r--p    ELF header
 *     160  r-xp    text
 *      45  r--p    constants
 *       4  r--p    constants after relocation (was rw-p)  yes
 *       3  rw-p    data                                   yes
 *     400  rw-p    bss, anonymous                         yes
 *      34  rw-p    heap: 132 KiB of malloc, thread data   yes
 *       6          vvar and vdso, below mmap_base
 *      33  rw-p    stack: 128 KiB and the arguments       yes
 *
 * In all 686 pages = 2744 kB, of which 474 are promised.  Nothing is present.
 *
 * The file is "/bin/" and the task's name; it is made when it is not there, and
 * reads as zeros.
 *
 * Source: recordings of 6.1 (maps, VmSize and what fork charges).
 */
#include "kernel/commit.h"
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/vma.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum {
	EXEC_HEAP_PAGES = 34,
	EXEC_STACK_PAGES = 33,
	EXEC_VVAR_PAGES = 4,
	EXEC_VDSO_PAGES = 2,
};

#define VM_MAY_ALL ((vm_flags_t)(VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC))

struct exec_segment {
	unsigned nr_pages;
	vm_flags_t flags;
	bool from_file;
};

static const struct exec_segment exec_segments[] = {
	{ 1, VM_READ, true },
	{ 160, VM_READ | VM_EXEC, true },
	{ 45, VM_READ, true },
	{ 4, VM_READ | VM_ACCOUNT, true },
	{ 3, VM_READ | VM_WRITE | VM_ACCOUNT, true },
	{ 400, VM_READ | VM_WRITE | VM_ACCOUNT, false },
};

enum { EXEC_FILE_PAGES = 1 + 160 + 45 + 4 + 3 };

/* What exec_map needs to know of one area. */
struct exec_area {
	uintptr_t start;
	uint64_t nr_pages;
	vm_flags_t flags;
	enum vma_kind kind;
	struct mmsim_file *file;
	uint64_t pgoff;
};

static int exec_map(struct mm_struct *mm, const struct exec_area *area)
{
	struct vm_area_struct *vma = vma_alloc(mm);

	if (!vma)
		return -ENOMEM;
	vma->start = area->start;
	vma->end = area->start + (area->nr_pages << PAGE_SHIFT);
	vma->flags = area->flags | VM_SOFTDIRTY;
	vma->kind = area->kind;
	vma->pgoff = area->pgoff;
	if (area->file) {
		vma->file = file_get(area->file);
		vma->mapping = &area->file->inode->mapping;
	}
	vma_insert(mm, vma);
	vm_stat_account(mm, vma->flags, (int64_t)area->nr_pages);
	return 0;
}

static int exec_map_anonymous(struct mm_struct *mm, uintptr_t start,
			      uint64_t nr_pages, vm_flags_t flags,
			      enum vma_kind kind)
{
	struct exec_area area = {
		.start = start,
		.nr_pages = nr_pages,
		.flags = flags,
		.kind = kind,
		.pgoff = start >> PAGE_SHIFT,
	};

	return exec_map(mm, &area);
}

/* Text to bss; *end is where they end. */
static int exec_map_segments(struct mm_struct *mm, struct mmsim_file *file,
			     uintptr_t *end)
{
	uintptr_t addr = mm->machine->arch == ARCH_X86_64 ? 0x400000 : 0x8048000;
	uint64_t pgoff = 0;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(exec_segments); i++) {
		const struct exec_segment *seg = &exec_segments[i];
		struct exec_area area = {
			.start = addr,
			.nr_pages = seg->nr_pages,
			.flags = seg->flags | VM_MAY_ALL,
			.file = seg->from_file ? file : NULL,
			.pgoff = seg->from_file ? pgoff : addr >> PAGE_SHIFT,
		};

		err = exec_map(mm, &area);
		if (err)
			return err;
		if (i == 1) {
			mm->start_code = addr;
			mm->end_code = addr + (seg->nr_pages << PAGE_SHIFT);
		}
		if (i == 3)
			mm->start_data = addr;
		addr += (uintptr_t)seg->nr_pages << PAGE_SHIFT;
		pgoff += seg->nr_pages;
		if (i == 4)
			mm->end_data = addr;
	}
	*end = addr;
	return 0;
}

/* With ASLR anywhere between the stack and the end of its 2 MiB; else, or when
 * there is no room, as any mapping. */
static uintptr_t exec_vdso_place(struct mm_struct *mm, uintptr_t stack_top,
				 size_t len)
{
	struct mmsim_machine *machine = mm->machine;
	uintptr_t end = align_up(stack_top + len, PMD_SIZE);

	if (end > mm->task_size)
		end = mm->task_size;
	if (machine->vm.randomize_va_space > 0 && end >= stack_top + len) {
		uint64_t slots = ((end - len - stack_top) >> PAGE_SHIFT) + 1;

		return stack_top +
		       ((uintptr_t)rng_below(&machine->rng, slots)
			<< PAGE_SHIFT);
	}
	if (mm->mmap_is_legacy)
		return vma_find_hole_up(mm, len, mm->mmap_legacy_base,
					mm->task_size);
	return vma_find_hole_down(mm, len, mm->mmap_min, mm->mmap_base);
}

static int exec_map_vdso(struct mm_struct *mm, uintptr_t stack_top)
{
	size_t len = (EXEC_VVAR_PAGES + EXEC_VDSO_PAGES) << PAGE_SHIFT;
	uintptr_t vvar = exec_vdso_place(mm, stack_top, len);
	int err;

	if (!vvar)
		return -ENOMEM;
	mm->vdso = vvar + (EXEC_VVAR_PAGES << PAGE_SHIFT);
	err = exec_map_anonymous(mm, vvar, EXEC_VVAR_PAGES,
				 VM_READ | VM_MAYREAD | VM_PFNMAP | VM_IO |
					 VM_DONTEXPAND | VM_DONTDUMP,
				 VMA_VVAR);
	if (err)
		return err;
	return exec_map_anonymous(mm, mm->vdso, EXEC_VDSO_PAGES,
				  VM_READ | VM_EXEC | VM_MAY_ALL |
					  VM_DONTEXPAND,
				  VMA_VDSO);
}

static uint64_t exec_stack_pages(const struct mmsim_task *task)
{
	uint64_t limit = task_rlimit(task, RLIMIT_STACK) >> PAGE_SHIFT;

	if (limit >= EXEC_STACK_PAGES)
		return EXEC_STACK_PAGES;
	return limit ? limit : 1;
}

/* Gives back the areas and the promises that stand behind them. */
static void exec_unmap_all(struct mm_struct *mm)
{
	struct vm_area_struct *vma;

	while ((vma = vma_first(mm)) != NULL) {
		vm_stat_account(mm, vma->flags, -(int64_t)vma_pages(vma));
		vma_remove(vma);
		vma_free(vma);
	}
}

static int exec_map_areas(struct mmsim_task *task, struct mm_struct *mm,
			  struct mmsim_file *file)
{
	uintptr_t random_brk = mm->start_brk, stack_top = mm->start_stack, end;
	uint64_t stack_pages = exec_stack_pages(task);
	vm_flags_t data = VM_READ | VM_WRITE | VM_MAY_ALL | VM_ACCOUNT;
	int err;

	err = exec_map_segments(mm, file, &end);
	if (err)
		return err;
	mm->start_brk = end + random_brk;
	mm->brk = mm->start_brk + ((uintptr_t)EXEC_HEAP_PAGES << PAGE_SHIFT);
	err = exec_map_anonymous(mm, mm->start_brk, EXEC_HEAP_PAGES, data,
				 VMA_PLAIN);
	if (err)
		return err;
	err = exec_map_anonymous(mm, stack_top - (stack_pages << PAGE_SHIFT),
				 stack_pages, data | VM_GROWSDOWN, VMA_STACK);
	if (err)
		return err;
	/* The stack pointer stands below the arguments. */
	mm->start_stack = stack_top - PAGE_SIZE / 2;
	return exec_map_vdso(mm, stack_top);
}

/* A name that is no file name ("a/b", "..") gets another one. */
static int exec_open(struct mmsim_task *task, struct mmsim_file **file)
{
	char path[sizeof("/bin/") + TASK_COMM_LEN] = "/bin/";
	bool is_name = task->comm[0] && task->comm[0] != '.' &&
		       !strchr(task->comm, '/');

	strcat(path, is_name ? task->comm : "program");
	return file_open_program(task->machine, path,
				 EXEC_FILE_PAGES * PAGE_SIZE, file);
}

int exec_map_image(struct mmsim_task *task, struct mm_struct *mm)
{
	struct mmsim_file *file;
	uint64_t charge = EXEC_HEAP_PAGES + exec_stack_pages(task);
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(exec_segments); i++)
		if (exec_segments[i].flags & VM_ACCOUNT)
			charge += exec_segments[i].nr_pages;
	err = exec_open(task, &file);
	if (err)
		return err;
	err = commit_charge(task, charge);
	if (err)
		goto out;
	layout_choose(task, mm);
	err = exec_map_areas(task, mm, file);
	if (err) {
		exec_unmap_all(mm);
		commit_uncharge(mm->machine, charge);
	}
out:
	/* The areas keep it open. */
	file_put(file);
	return err;
}
