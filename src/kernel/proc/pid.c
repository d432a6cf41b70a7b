/*
 * pid.c: the files of /proc/PID but maps, smaps, status and those of the OOM
 * killer: stat, statm, comm, cmdline, limits, clear_refs.
 *
 * stat has 52 fields on one line, statm 7 (pages): size, resident, shared (=
 * file and tmpfs pages), text, lib (always 0), data with stack, dirty (always
 * 0).  clear_refs is written: 1 forgets that pages were used (all), 2
 * (anonymous), 3 (of files); 5 sets VmHWM to what is resident now.
 *
 * Simplified: times are in hundredths of a second of virtual time; a task has
 * no arguments but its name, no children's times, and no open terminal.
 * clear_refs knows no 4: it is for soft-dirty bits, which nobody can read here.
 *
 * Source: proc(5).
 */
#include "kernel/file.h"
#include "kernel/proc/proc.h"
#include "kernel/rmap.h"
#include "kernel/vma.h"

#include <errno.h>
#include <sys/resource.h>

enum { NS_PER_TICK = 10000000 }; /* USER_HZ is 100 */

static unsigned long pages(int64_t nr)
{
	return (unsigned long)nr;
}

static void show_stat_mm(struct outbuf *out, const struct mm_struct *mm,
			 const struct mmsim_task *task)
{
	outbuf_printf(out, "%lu %lu %lu %lu %lu %lu 0 0 ",
		      (unsigned long)(mm->total_vm << PAGE_SHIFT),
		      (unsigned long)mm_rss(mm),
		      (unsigned long)task_rlimit(task, RLIMIT_RSS),
		      (unsigned long)mm->start_code,
		      (unsigned long)mm->end_code,
		      (unsigned long)mm->start_stack);
}

static int show_stat(struct mmsim_machine *machine, struct mmsim_task *task,
		     struct outbuf *out, const void *arg)
{
	const struct mm_struct *mm = task->mm;
	/* PF_RANDOMIZE */
	unsigned flags = machine->vm.randomize_va_space ? 0x400000 : 0;

	(void)arg;
	outbuf_printf(out, "%d (%s) %c %d 1 1 0 -1 %u ", task->pid, task->comm,
		      task->state == TASK_RUNNING ? 'S' : 'Z',
		      task->parent ? task->parent->pid : 0, flags);
	outbuf_printf(
		out, "%lu 0 %lu 0 %lu %lu 0 0 %d %d 1 0 %lu ",
		(unsigned long)task->min_flt, (unsigned long)task->maj_flt,
		(unsigned long)task->utime_ns / NS_PER_TICK,
		(unsigned long)task->stime_ns / NS_PER_TICK, 20 + task->nice,
		task->nice, (unsigned long)task->start_ns / NS_PER_TICK);
	if (mm)
		show_stat_mm(out, mm, task);
	else
		outbuf_printf(out, "0 0 %lu 0 0 0 0 0 ",
			      (unsigned long)task_rlimit(task, RLIMIT_RSS));
	/* signals; wchan, nswap, cnswap; exit_signal, processor; the rest */
	outbuf_printf(out, "0 0 0 0 0 0 0 17 %u 0 0 0 0 0", task->cpu);
	if (machine->profile < PROFILE_3_10) {
		outbuf_str(out, "\n");
		return 0;
	}
	if (mm)
		outbuf_printf(out, " %lu %lu %lu %lu %lu %lu %lu",
			      (unsigned long)mm->start_data,
			      (unsigned long)mm->end_data,
			      (unsigned long)mm->start_brk,
			      (unsigned long)mm->start_stack,
			      (unsigned long)mm->start_stack,
			      (unsigned long)mm->start_stack,
			      (unsigned long)mm->start_stack);
	else
		outbuf_str(out, " 0 0 0 0 0 0 0");
	outbuf_printf(out, " %d\n",
		      task->state == TASK_RUNNING ? 0 : task->wait_status);
	return 0;
}

static int show_statm(struct mmsim_machine *machine, struct mmsim_task *task,
		      struct outbuf *out, const void *arg)
{
	const struct mm_struct *mm = task->mm;
	uintptr_t text;

	(void)machine;
	(void)arg;
	if (!mm) {
		outbuf_str(out, "0 0 0 0 0 0 0\n");
		return 0;
	}
	text = (align_up(mm->end_code, PAGE_SIZE) -
		align_down(mm->start_code, PAGE_SIZE)) >>
	       PAGE_SHIFT;
	outbuf_printf(out, "%lu %lu %lu %lu 0 %lu 0\n",
		      (unsigned long)mm->total_vm, (unsigned long)mm_rss(mm),
		      pages(mm->rss[MM_FILEPAGES] + mm->rss[MM_SHMEMPAGES]),
		      (unsigned long)text,
		      (unsigned long)(mm->data_vm + mm->stack_vm));
	return 0;
}

static int show_comm(struct mmsim_machine *machine, struct mmsim_task *task,
		     struct outbuf *out, const void *arg)
{
	(void)machine;
	(void)arg;
	outbuf_printf(out, "%s\n", task->comm);
	return 0;
}

static int write_comm(struct mmsim_machine *machine, struct mmsim_task *task,
		      const char *text, const void *arg)
{
	size_t i;

	(void)machine;
	(void)arg;
	for (i = 0; i < TASK_COMM_LEN - 1 && text[i] && text[i] != '\n'; i++)
		task->comm[i] = text[i];
	task->comm[i] = '\0';
	return 0;
}

/* Each argument ends in '\0'. */
static int show_cmdline(struct mmsim_machine *machine, struct mmsim_task *task,
			struct outbuf *out, const void *arg)
{
	(void)machine;
	(void)arg;
	if (task->mm)
		outbuf_printf(out, "%s%c", task->comm, '\0');
	return 0;
}

static void show_limit(struct outbuf *out, const char *name, uint64_t soft,
		       uint64_t hard, const char *unit)
{
	const uint64_t values[] = {soft, hard};

	outbuf_printf(out, "%-25s ", name);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (values[i] == RLIM_INFINITY)
			outbuf_printf(out, "%-20s ", "unlimited");
		else
			outbuf_printf(out, "%-20lu ", (unsigned long)values[i]);
	}
	if (*unit)
		outbuf_printf(out, "%-10s", unit);
	outbuf_str(out, "\n");
}

static int show_limits(struct mmsim_machine *machine, struct mmsim_task *task,
		       struct outbuf *out, const void *arg)
{
	static const struct {
		char name[24], unit[12]; /* unit "": none */
	} limits[NR_RLIMITS] = {
		[RLIMIT_CPU] = {"Max cpu time", "seconds"},
		[RLIMIT_FSIZE] = {"Max file size", "bytes"},
		[RLIMIT_DATA] = {"Max data size", "bytes"},
		[RLIMIT_STACK] = {"Max stack size", "bytes"},
		[RLIMIT_CORE] = {"Max core file size", "bytes"},
		[RLIMIT_RSS] = {"Max resident set", "bytes"},
		[RLIMIT_NPROC] = {"Max processes", "processes"},
		[RLIMIT_NOFILE] = {"Max open files", "files"},
		[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
		[RLIMIT_AS] = {"Max address space", "bytes"},
		[RLIMIT_LOCKS] = {"Max file locks", "locks"},
		[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
		[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
		[RLIMIT_NICE] = {"Max nice priority", ""},
		[RLIMIT_RTPRIO] = {"Max realtime priority", ""},
		[RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
	};

	(void)machine;
	(void)arg;
	outbuf_printf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit",
		      "Hard Limit", "Units");
	for (int i = 0; i < NR_RLIMITS; i++)
		show_limit(out, limits[i].name, task->rlimits[i].soft,
			   task->rlimits[i].hard, limits[i].unit);
	return 0;
}

enum {
	CLEAR_REFS_ALL = 1,
	CLEAR_REFS_ANON = 2,
	CLEAR_REFS_MAPPED = 3,
	CLEAR_REFS_HIWATER_RSS = 5,
};

static int clear_refs_visit(struct pgtable_walk *walk, uintptr_t addr,
			    pte_t *entry, bool huge)
{
	struct mmsim_machine *machine = walk->mm->machine;
	struct page *page;

	if (!pte_is_present(*entry) || (*entry & PTE_SPECIAL))
		return 0;
	page = page_head(page_from_pfn(machine, pte_pfn(*entry)));
	if (huge)
		pmd_set(walk->mm, addr, entry, *entry & ~(pte_t)PTE_ACCESSED);
	else
		pte_set(walk->mm, addr, entry, *entry & ~(pte_t)PTE_ACCESSED);
	page_clear(page, PG_referenced | PG_young);
	return 0;
}

static int write_clear_refs(struct mmsim_machine *machine,
			    struct mmsim_task *task, const char *text,
			    const void *arg)
{
	struct pgtable_walk walk = {.mm = task->mm, .visit = clear_refs_visit};
	int kind = text[0] - '0';
	struct vm_area_struct *vma;

	(void)machine;
	(void)arg;
	if (kind < CLEAR_REFS_ALL || kind > CLEAR_REFS_HIWATER_RSS ||
	    kind == 4 || (text[1] && text[1] != '\n'))
		return -EINVAL;
	if (!task->mm)
		return -ESRCH;
	if (kind == CLEAR_REFS_HIWATER_RSS) {
		task->mm->hiwater_rss = mm_rss(task->mm);
		return 0;
	}
	for_each_vma(task->mm, vma) {
		if ((kind == CLEAR_REFS_ANON && vma->file) ||
		    (kind == CLEAR_REFS_MAPPED && !vma->file))
			continue;
		pgtable_walk(&walk, vma->start, vma->end);
	}
	return 0;
}

bool proc_find_pid(struct proc_file *file)
{
	return proc_is(file, "/proc/PID/clear_refs", NULL, write_clear_refs,
		       NULL) ||
	       proc_is(file, "/proc/PID/cmdline", show_cmdline, NULL, NULL) ||
	       proc_is(file, "/proc/PID/comm", show_comm, write_comm, NULL) ||
	       proc_is(file, "/proc/PID/limits", show_limits, NULL, NULL) ||
	       proc_is(file, "/proc/PID/maps", proc_show_maps, NULL, NULL) ||
	       proc_is(file, "/proc/PID/smaps", proc_show_smaps, NULL, NULL) ||
	       proc_is(file, "/proc/PID/smaps_rollup", proc_show_smaps_rollup,
		       NULL, NULL) ||
	       proc_is(file, "/proc/PID/stat", show_stat, NULL, NULL) ||
	       proc_is(file, "/proc/PID/statm", show_statm, NULL, NULL) ||
	       proc_is(file, "/proc/PID/status", proc_show_status, NULL, NULL);
}
