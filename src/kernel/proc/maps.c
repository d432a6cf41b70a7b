/*
 * maps.c: /proc/PID/maps: the areas of a task, one a line.
 *
 *   00400000-0048c000 r-xp 00001000 fe:00 12             /prog
 *   address range     perm offset   dev   inode          name, from column 73
 *
 * The fourth letter tells s (shared) from p (private).  Areas without a file
 * have no name but the heap (what overlaps the break's range), the stack (what
 * holds its start), and the two pages of the kernel.  Shared anonymous memory
 * is a file of tmpfs that was never visible: /dev/zero (deleted).  In 64 bits a
 * last line shows the page of old system calls, which every task sees.
 *
 * Sources: proc(5); recordings.
 */
#include "kernel/file.h"
#include "kernel/proc/proc.h"
#include "kernel/vma.h"

#include <string.h>

/* Where the page of old system calls lies, in the kernel's half. */
static const uintptr_t vsyscall_start = 0xffffffffff600000;

/* Device numbers, major and minor: the disk, and the file systems in memory. */
struct maps_device {
	unsigned major, minor;
};

static const struct maps_device maps_devices[NR_FILE_PLACES] = {
	[PLACE_DISK] = {0xfe, 0},
	[PLACE_TMP] = {0, 0x1b},
	[PLACE_SHM] = {0, 0x18},
	[PLACE_KERNEL] = {0, 0x01},
	[PLACE_BLKDEV] = {0, 0x05},
};

static bool vma_is_heap(const struct vm_area_struct *vma)
{
	return vma->start <= vma->mm->brk && vma->end >= vma->mm->start_brk;
}

static bool vma_is_stack(const struct vm_area_struct *vma)
{
	return vma->start <= vma->mm->start_stack &&
	       vma->end >= vma->mm->start_stack;
}

const char *vma_name(const struct vm_area_struct *vma)
{
	if (vma->file) {
		const struct inode *inode = vma->file->inode;

		if (inode->path)
			return inode->path;
		return inode->mapping.is_shmem ? "/dev/zero" : "/";
	}
	if (vma->kind == VMA_VDSO)
		return "[vdso]";
	if (vma->kind == VMA_VVAR)
		return "[vvar]";
	if (vma_is_heap(vma))
		return "[heap]";
	if (vma_is_stack(vma))
		return "[stack]";
	return "";
}

void proc_show_path(struct outbuf *out, const char *path, const char *escaped)
{
	for (; *path; path++) {
		if (strchr(escaped, *path))
			outbuf_printf(out, "\\%03o", (unsigned)*path);
		else
			outbuf_printf(out, "%c", *path);
	}
}

/* What was written since `from`, filled up to where names begin. */
static void maps_pad(struct outbuf *out, const struct mmsim_machine *machine,
		     size_t from)
{
	size_t width = machine->arch == ARCH_X86_64 ? 72 : 48;

	while (out->total - from < width)
		outbuf_str(out, " ");
	outbuf_str(out, " ");
}

void proc_show_range(struct outbuf *out, const struct mmsim_machine *machine,
		     uintptr_t start, uintptr_t end, const char *perms,
		     const char *name)
{
	size_t from = out->total;

	outbuf_printf(out, "%08lx-%08lx %s 00000000 00:00 0 ",
		      (unsigned long)start, (unsigned long)end, perms);
	maps_pad(out, machine, from);
	outbuf_printf(out, "%s\n", name);
}

/* The recorded kernel 6.1 was built without it. */
bool proc_has_vsyscall(const struct mmsim_machine *machine)
{
	return machine->arch == ARCH_X86_64 && machine->profile != PROFILE_6_1;
}

void proc_show_vsyscall(struct outbuf *out,
			const struct mmsim_machine *machine)
{
	proc_show_range(out, machine, vsyscall_start,
			vsyscall_start + PAGE_SIZE,
			machine->profile >= PROFILE_6_1 ? "--xp" : "r-xp",
			"[vsyscall]");
}

void proc_show_vma(struct outbuf *out, struct vm_area_struct *vma)
{
	const struct inode *inode = vma->file ? vma->file->inode : NULL;
	struct maps_device device = {0, 0};
	const char *name = vma_name(vma);
	size_t from = out->total;

	if (inode)
		device = maps_devices[inode->place];
	outbuf_printf(out, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ",
		      (unsigned long)vma->start, (unsigned long)vma->end,
		      vma->flags & VM_READ ? 'r' : '-',
		      vma->flags & VM_WRITE ? 'w' : '-',
		      vma->flags & VM_EXEC ? 'x' : '-',
		      vma->flags & VM_MAYSHARE ? 's' : 'p',
		      inode ? (unsigned long)(vma->pgoff << PAGE_SHIFT) : 0,
		      device.major, device.minor,
		      inode ? (unsigned long)inode->ino : 0);
	if (*name) {
		maps_pad(out, vma->mm->machine, from);
		proc_show_path(out, name, "\n");
	}
	if (inode && inode->nlink == 0)
		outbuf_str(out, " (deleted)");
	outbuf_str(out, "\n");
}

int proc_show_maps(struct mmsim_machine *machine, struct mmsim_task *task,
		   struct outbuf *out, const void *arg)
{
	struct vm_area_struct *vma;

	(void)arg;
	if (!task->mm)
		return 0;
	for_each_vma(task->mm, vma)
		proc_show_vma(out, vma);
	if (proc_has_vsyscall(machine))
		proc_show_vsyscall(out, machine);
	return 0;
}
