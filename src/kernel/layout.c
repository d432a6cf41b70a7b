/*
 * layout.c: where things go in an address space.
 *
 *   64 bits, 47 of them for the task            32 bits, 3G/1G
 *   0x7ffffffff000  top of the stack            0xc0000000
 *        |  max(128 MiB, stack limit + 1 MiB guard gap)
 *   0x7ffff7fff000  mmap_base, downwards        0xb8000000
 *        ...
 *        heap, upwards; bss; data; text
 *   0x000000400000  text                        0x08048000
 *
 * The room for the stack is at most five sixths of the address space, which is
 * where the unlimited stack of "ulimit -s unlimited" puts mmap_base (it does
 * not switch to the old layout).  vm.legacy_va_layout does: mmap then searches
 * upwards from a third of the address space.
 *
 * With kernel.randomize_va_space the stack, mmap_base and (at 2) the heap
 * move by numbers from the machine's seed: 22, 28 and 13 bits of pages (11, 8
 * and 13 in 32 bits).
 *
 * Sources: the kernel's documentation, admin-guide/sysctl/vm
 * (legacy_va_layout) and admin-guide/sysctl/kernel (randomize_va_space);
 * recordings of 6.1 for every address above.
 */
#include "kernel/machine.h"
#include "kernel/mm.h"
#include "kernel/task.h"

#include <sys/resource.h>

enum { LAYOUT_MIN_STACK_ROOM = 128 << 20, LAYOUT_GUARD_GAP = 256 * 4096 };

#define TASK_SIZE_64 (((uintptr_t)1 << 47) - PAGE_SIZE)
#define TASK_SIZE_32 ((uintptr_t)0xc0000000)

static bool layout_is_64(const struct mmsim_machine *machine)
{
	return machine->arch == ARCH_X86_64;
}

static bool layout_is_random(const struct mmsim_machine *machine)
{
	return machine->vm.randomize_va_space > 0;
}

/* 0 .. 2^bits - 1 pages, in bytes; nothing is drawn without ASLR. */
static uintptr_t layout_random(struct mmsim_machine *machine, unsigned bits)
{
	if (!layout_is_random(machine))
		return 0;
	return (uintptr_t)rng_below(&machine->rng, (uint64_t)1 << bits)
	       << PAGE_SHIFT;
}

/* Bytes that are kept for the stack, with its random part. */
static uintptr_t layout_stack_room(struct mmsim_task *task,
				   const struct mm_struct *mm)
{
	uintptr_t room = task_rlimit(task, RLIMIT_STACK);
	uintptr_t pad = LAYOUT_GUARD_GAP, max = mm->task_size / 6 * 5;

	if (layout_is_random(task->machine))
		pad += ((uintptr_t)1 << (layout_is_64(task->machine) ? 22 : 11))
		       << PAGE_SHIFT;
	if (room + pad > room)
		room += pad;
	if (room < LAYOUT_MIN_STACK_ROOM)
		return LAYOUT_MIN_STACK_ROOM;
	return room < max ? room : max;
}

void layout_choose(struct mmsim_task *task, struct mm_struct *mm)
{
	struct mmsim_machine *machine = task->machine;
	bool is_64 = layout_is_64(machine);
	uintptr_t random = layout_random(machine, is_64 ? 28 : 8);

	mm->task_size = is_64 ? TASK_SIZE_64 : TASK_SIZE_32;
	mm->mmap_min = PAGE_SIZE;
	mm->mmap_end = mm->task_size;
	mm->mmap_legacy_base = PAGE_ALIGN(mm->task_size / 3) + random;
	mm->mmap_is_legacy = machine->vm.legacy_va_layout != 0;
	if (mm->mmap_is_legacy)
		mm->mmap_base = mm->mmap_legacy_base;
	else
		mm->mmap_base = PAGE_ALIGN(mm->task_size -
					   layout_stack_room(task, mm) - random);
	mm->start_stack = mm->task_size - layout_random(machine, is_64 ? 22 : 11);
	mm->start_brk = 0;
	if (machine->vm.randomize_va_space > 1)
		mm->start_brk = layout_random(machine, 13);
}
