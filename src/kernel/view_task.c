/*
 * view_task.c: the views of tasks: top, and pmap PID.
 *
 * top: VIRT is all areas, RES what is resident, SHR the part of it that
 * belongs to files and tmpfs.  Numbers are kB; one too wide for its column is
 * shown in the next larger unit, with a tenth.
 *
 * Simplified: top lists tasks in the order of their age, and has no clock time
 * and load in its head; %CPU is over the task's life.
 *
 * Sources: top(1), pmap(1).
 */
#include "kernel/proc/proc.h"
#include "kernel/view.h"
#include "kernel/vma.h"

#include <errno.h>
#include <string.h>

/* kB in `width` columns. */
static void show_scaled(struct outbuf *out, uint64_t kb, unsigned width)
{
	static const char units[] = "mgtpe";
	uint64_t limit = 1, tenths = kb * 10;
	char text[24];
	struct outbuf number;

	for (unsigned i = 0; i < width; i++)
		limit *= 10;
	outbuf_init(&number, text, sizeof(text), -1);
	if (kb < limit) {
		outbuf_uint(&number, kb);
	} else {
		/* A unit, a point and a tenth take three columns. */
		for (unsigned i = 0; i < sizeof(units) - 1; i++) {
			tenths /= 1024;
			if (tenths >= limit / 100 && units[i + 1])
				continue;
			outbuf_printf(&number, "%lu.%lu%c",
				      (unsigned long)tenths / 10,
				      (unsigned long)tenths % 10, units[i]);
			break;
		}
	}
	outbuf_printf(out, " ");
	for (size_t i = number.len; i < width; i++)
		outbuf_str(out, " ");
	outbuf_str(out, text);
}

/* part / whole in tenths of a per cent, "12.3". */
static void show_percent(struct outbuf *out, uint64_t part, uint64_t whole)
{
	uint64_t tenths = whole ? (part * 1000 + whole / 2) / whole : 0;

	outbuf_printf(out, " %3lu.%lu", (unsigned long)tenths / 10,
		      (unsigned long)tenths % 10);
}

static void show_mib(struct outbuf *out, const char *before, uint64_t kb,
		     const char *after)
{
	uint64_t tenths = (kb * 10 + 512) / 1024;

	outbuf_printf(out, "%s %6lu.%lu %s", before,
		      (unsigned long)tenths / 10, (unsigned long)tenths % 10,
		      after);
}

static void top_head(struct mmsim_machine *machine, struct outbuf *out)
{
	unsigned total = 0, zombies = 0;
	struct mmsim_task *task;
	struct meminfo info;

	list_for_each(task, &machine->tasks, link) {
		total++;
		zombies += task->state != TASK_RUNNING;
	}
	outbuf_printf(out,
		      "Tasks: %3u total, %3u running, %3u sleeping, "
		      "%3u stopped, %3u zombie\n",
		      total, 0u, total - zombies, 0u, zombies);
	meminfo_collect(machine, &info);
	show_mib(out, "MiB Mem :", info.total, "total,");
	show_mib(out, "", info.free, "free,");
	show_mib(out, "", info.total - min_size(info.total, info.available),
		 "used,");
	show_mib(out, "", info.buffers + info.cached + info.reclaimable,
		 "buff/cache\n");
	show_mib(out, "MiB Swap:", info.swap_total, "total,");
	show_mib(out, "", info.swap_free, "free,");
	show_mib(out, "", info.swap_total - info.swap_free, "used.");
	show_mib(out, "", info.available, "avail Mem\n\n");
}

static void top_row(struct mmsim_machine *machine, struct mmsim_task *task,
		    struct outbuf *out)
{
	uint64_t busy = task->utime_ns + task->stime_ns;
	uint64_t virt = 0, res = 0, shared = 0;
	uint64_t centis = busy / 10000000;

	if (task->mm) {
		virt = task->mm->total_vm;
		res = mm_rss(task->mm);
		shared = (uint64_t)(task->mm->rss[MM_FILEPAGES] +
				    task->mm->rss[MM_SHMEMPAGES]);
	}
	outbuf_printf(out, "%5d ", task->pid);
	if (task_is_root(task))
		outbuf_printf(out, "%-8s ", "root");
	else
		outbuf_printf(out, "%-8u ", task->uid);
	outbuf_printf(out, "%3d %3d", 20 + task->nice, task->nice);
	show_scaled(out, pages_to_kb(virt), 7);
	show_scaled(out, pages_to_kb(res), 6);
	show_scaled(out, pages_to_kb(shared), 6);
	outbuf_printf(out, " %c", task->state == TASK_RUNNING ? 'S' : 'Z');
	show_percent(out, busy / 1000,
		     (machine->clock_ns - task->start_ns) / 1000);
	show_percent(out, res, machine->totalram_pages);
	outbuf_printf(out, " %3lu:%02lu.%02lu %s\n",
		      (unsigned long)centis / 6000,
		      (unsigned long)centis / 100 % 60,
		      (unsigned long)centis % 100, task->comm);
}

int view_top(struct mmsim_machine *machine, struct outbuf *out,
	     const char *args)
{
	struct mmsim_task *task;

	if (*args)
		return -EINVAL;
	top_head(machine, out);
	outbuf_str(out, "  PID USER      PR  NI    VIRT    RES    SHR S  %CPU"
			"  %MEM     TIME+ COMMAND\n");
	list_for_each(task, &machine->tasks, link)
		top_row(machine, task, out);
	return 0;
}

static void pmap_row(struct outbuf *out, const struct vm_area_struct *vma,
		     int digits)
{
	const char *name = vma_name(vma);
	const char *slash = strrchr(name, '/');

	if (strcmp(name, "[stack]") == 0)
		name = "  [ stack ]";
	else if (!vma->file)
		name = "  [ anon ]";
	else if (slash)
		name = slash + 1;
	if (digits == 16)
		outbuf_printf(out, "%016lx", (unsigned long)vma->start);
	else
		outbuf_printf(out, "%08lx", (unsigned long)vma->start);
	outbuf_printf(out, " %6luK %c%c%c%c- %s\n",
		      (unsigned long)(vma->end - vma->start) >> 10,
		      vma->flags & VM_READ ? 'r' : '-',
		      vma->flags & VM_WRITE ? 'w' : '-',
		      vma->flags & VM_EXEC ? 'x' : '-',
		      vma->flags & VM_MAYSHARE ? 's' : '-', name);
}

static struct mmsim_task *pmap_task(struct mmsim_machine *machine,
				    const char *pid)
{
	uint64_t number = 0;

	if (!*pid || strlen(pid) > 9)
		return NULL;
	for (; *pid >= '0' && *pid <= '9'; pid++)
		number = number * 10 + (uint64_t)(*pid - '0');
	return *pid ? NULL : mmsim_task_find(machine, (int)number);
}

int view_pmap(struct mmsim_machine *machine, struct outbuf *out,
	      const char *args)
{
	int digits = machine->arch == ARCH_X86_64 ? 16 : 8;
	struct mmsim_task *task = pmap_task(machine, args);
	struct vm_area_struct *vma;
	uint64_t bytes = 0;

	if (!task)
		return -ESRCH;
	outbuf_printf(out, "%d:   %s\n", task->pid, task->comm);
	if (!task->mm)
		return 0;
	for_each_vma(task->mm, vma) {
		pmap_row(out, vma, digits);
		bytes += vma->end - vma->start;
	}
	if (proc_has_vsyscall(machine)) {
		outbuf_printf(out, "%016lx %6luK %s   [ anon ]\n",
			      0xffffffffff600000, (unsigned long)PAGE_SIZE >> 10,
			      machine->profile >= PROFILE_6_1 ? "--x--"
							      : "r-x--");
		bytes += PAGE_SIZE;
	}
	if (digits == 16) {
		outbuf_printf(out, " total %16luK\n",
			      (unsigned long)bytes >> 10);
	} else {
		outbuf_printf(out, " total %8luK\n",
			      (unsigned long)bytes >> 10);
	}
	return 0;
}
