/*
 * oom_report.c: what the OOM killer writes to the kernel log.
 *
 *   mm invoked oom-killer: ...     what was asked for, and by whom
 *   Mem-Info:                      oom_mem_info.c
 *   Tasks state                    everybody who could be chosen
 *   oom-kill:constraint=...        who was, and why it had to be
 *
 * The masks are written as Linux writes them: the longest known combination
 * first, then single flags, then what is left in hexadecimal.
 *
 * Simplified: no hardware name, no call trace and no registers.
 *
 * Sources: recordings of 6.1 (line for line); the older columns of the tasks
 * table are those of logs of 2.6.32 and 3.10, the later ones of 6.18.
 */
#include "kernel/machine.h"
#include "kernel/oom.h"
#include "kernel/proc/proc.h"

/* --- gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO) ------- */

static const struct gfp_name {
	gfp_t mask;
	char name[24];
} gfp_names[] = {
	{GFP_TRANSHUGE, "GFP_TRANSHUGE"},
	{GFP_TRANSHUGE_LIGHT, "GFP_TRANSHUGE_LIGHT"},
	{GFP_HIGHUSER_MOVABLE, "GFP_HIGHUSER_MOVABLE"},
	{GFP_HIGHUSER, "GFP_HIGHUSER"},
	{GFP_USER, "GFP_USER"},
	{GFP_KERNEL | GFP_F_ACCOUNT, "GFP_KERNEL_ACCOUNT"},
	{GFP_KERNEL, "GFP_KERNEL"},
	{GFP_NOFS, "GFP_NOFS"},
	{GFP_ATOMIC, "GFP_ATOMIC"},
	{GFP_NOIO, "GFP_NOIO"},
	{GFP_NOWAIT, "GFP_NOWAIT"},
	{GFP_DMA, "GFP_DMA"},
	{GFP_F_HIGHMEM, "__GFP_HIGHMEM"},
	{GFP_DMA32, "GFP_DMA32"},
	{GFP_F_HIGH, "__GFP_HIGH"},
	{GFP_F_ATOMIC, "__GFP_ATOMIC"},
	{GFP_F_IO, "__GFP_IO"},
	{GFP_F_FS, "__GFP_FS"},
	{GFP_F_NOWARN, "__GFP_NOWARN"},
	{GFP_F_RETRY_MAYFAIL, "__GFP_RETRY_MAYFAIL"},
	{GFP_F_NOFAIL, "__GFP_NOFAIL"},
	{GFP_F_NORETRY, "__GFP_NORETRY"},
	{GFP_F_COMP, "__GFP_COMP"},
	{GFP_F_ZERO, "__GFP_ZERO"},
	{GFP_F_NOMEMALLOC, "__GFP_NOMEMALLOC"},
	{GFP_F_MEMALLOC, "__GFP_MEMALLOC"},
	{GFP_F_HARDWALL, "__GFP_HARDWALL"},
	{GFP_F_THISNODE, "__GFP_THISNODE"},
	{GFP_F_RECLAIMABLE, "__GFP_RECLAIMABLE"},
	{GFP_F_MOVABLE, "__GFP_MOVABLE"},
	{GFP_F_ACCOUNT, "__GFP_ACCOUNT"},
	{GFP_F_WRITE, "__GFP_WRITE"},
	{GFP_F_DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM"},
	{GFP_F_KSWAPD_RECLAIM, "__GFP_KSWAPD_RECLAIM"},
};

static void oom_gfp_text(struct outbuf *out, gfp_t gfp)
{
	const char *separator = "";

	for (size_t i = 0; i < ARRAY_SIZE(gfp_names) && gfp; i++) {
		gfp_t mask = gfp_names[i].mask;

		if ((gfp & mask) != mask)
			continue;
		outbuf_printf(out, "%s%s", separator, gfp_names[i].name);
		separator = "|";
		gfp &= ~mask;
	}
	if (gfp)
		outbuf_printf(out, "%s0x%x", separator, gfp);
	else if (!*separator)
		outbuf_str(out, "none");
}

/* Up to 3.10 the flags had other values, and a page for a task was not asked
 * for as a compound one: 0x280da for what is 0x140dca now. */
static gfp_t oom_old_gfp(gfp_t gfp, unsigned order)
{
	static const struct {
		gfp_t now, then;
	} flags[] = {
		{GFP_F_DMA, 0x01},
		{GFP_F_HIGHMEM, 0x02},
		{GFP_F_DMA32, 0x04},
		{GFP_F_MOVABLE, 0x08},
		{GFP_F_DIRECT_RECLAIM, 0x10},
		{GFP_F_HIGH, 0x20},
		{GFP_F_IO, 0x40},
		{GFP_F_FS, 0x80},
		{GFP_F_NOWARN, 0x200},
		{GFP_F_RETRY_MAYFAIL, 0x400},
		{GFP_F_NOFAIL, 0x800},
		{GFP_F_NORETRY, 0x1000},
		{GFP_F_ZERO, 0x8000},
		{GFP_F_NOMEMALLOC, 0x10000},
		{GFP_F_HARDWALL, 0x20000},
		{GFP_F_THISNODE, 0x40000},
		{GFP_F_RECLAIMABLE, 0x80000},
	};
	gfp_t old = order && (gfp & GFP_F_COMP) ? 0x4000 : 0;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (gfp & flags[i].now)
			old |= flags[i].then;
	return old;
}

void oom_show_invocation(const struct oom_control *oc)
{
	struct mmsim_machine *machine = oc->ac->machine;
	const struct mmsim_task *task = oc->current;
	char text[512];
	struct outbuf out;

	outbuf_init(&out, text, sizeof(text), -1);
	if (machine->profile >= PROFILE_6_1) {
		outbuf_printf(&out, "gfp_mask=0x%x(", oc->ac->gfp);
		oom_gfp_text(&out, oc->ac->gfp);
		outbuf_str(&out, ")");
	} else {
		outbuf_printf(&out, "gfp_mask=0x%x",
			      oom_old_gfp(oc->ac->gfp, oc->ac->order));
	}
	outbuf_printf(&out, ", order=%u, ", oc->ac->order);
	if (machine->profile <= PROFILE_2_6_32)
		outbuf_printf(&out, "oom_adj=%d", task->oom_adj);
	else
		outbuf_printf(&out, "oom_score_adj=%d", task->oom_score_adj);
	printk(machine, "%s invoked oom-killer: %s", task->comm, text);
	if (machine->profile <= PROFILE_2_6_32)
		printk(machine, "Pid: %d, comm: %s Not tainted %s #1",
		       task->pid, task->comm, proc_release(machine));
	else if (machine->profile <= PROFILE_6_1)
		printk(machine, "CPU: %u PID: %d Comm: %s Not tainted %s #1",
		       task->cpu, task->pid, task->comm, proc_release(machine));
	else
		printk(machine,
		       "CPU: %u UID: %u PID: %d Comm: %s Not tainted %s #1",
		       task->cpu, task->uid, task->pid, task->comm,
		       proc_release(machine));
}

/* --- the tasks ----------------------------------------------------------- */

static const char *oom_tasks_heading(const struct mmsim_machine *machine)
{
	switch (machine->profile) {
	case PROFILE_2_6_32:
		return "[ pid ]   uid  tgid total_vm      rss cpu oom_adj name";
	case PROFILE_3_10:
		return "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents "
		       "oom_score_adj name";
	case PROFILE_6_1:
		return "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes "
		       "swapents oom_score_adj name";
	default:
		return "[  pid  ]   uid  tgid total_vm      rss rss_anon "
		       "rss_file rss_shmem pgtables_bytes swapents "
		       "oom_score_adj name";
	}
}

static void oom_dump_old_task(const struct mmsim_task *task)
{
	const struct mm_struct *mm = task->mm;
	unsigned long total_vm = (unsigned long)mm->total_vm;
	unsigned long rss = (unsigned long)mm_rss(mm);

	if (task->machine->profile <= PROFILE_2_6_32)
		printk(task->machine, "[%5d] %5d %5d %8lu %8lu %3u     %3d %s",
		       task->pid, (int)task->uid, task->pid, total_vm, rss,
		       task->cpu, task->oom_adj, task->comm);
	else
		printk(task->machine,
		       "[%5d] %5d %5d %8lu %8lu %7lu %8ld         %5d %s",
		       task->pid, (int)task->uid, task->pid, total_vm, rss,
		       (unsigned long)(mm->pgtables_bytes >> PAGE_SHIFT),
		       (long)mm->rss[MM_SWAPENTS], task->oom_score_adj,
		       task->comm);
}

static void oom_dump_task(const struct mmsim_task *task)
{
	const struct mm_struct *mm = task->mm;
	char kinds[64];
	struct outbuf out;

	outbuf_init(&out, kinds, sizeof(kinds), -1);
	if (task->machine->profile >= PROFILE_6_18)
		outbuf_printf(&out, "%8ld %8ld %9ld ",
			      (long)mm->rss[MM_ANONPAGES],
			      (long)mm->rss[MM_FILEPAGES],
			      (long)mm->rss[MM_SHMEMPAGES]);
	printk(task->machine,
	       "[%7d] %5d %5d %8lu %8lu %s%8lu %8ld         %5d %s", task->pid,
	       (int)task->uid, task->pid, (unsigned long)mm->total_vm,
	       (unsigned long)mm_rss(mm), kinds,
	       (unsigned long)mm->pgtables_bytes, (long)mm->rss[MM_SWAPENTS],
	       task->oom_score_adj, task->comm);
}

void oom_dump_tasks(const struct oom_control *oc)
{
	struct mmsim_machine *machine = oc->ac->machine;
	const struct mmsim_task *task;

	if (machine->profile >= PROFILE_6_1)
		printk(machine, "Tasks state (memory values in pages):");
	printk(machine, "%s", oom_tasks_heading(machine));
	list_for_each(task, &machine->tasks, link) {
		if (task == machine->init_task || !task->mm ||
		    !oom_is_eligible(task, oc->nodes))
			continue;
		if (machine->profile >= PROFILE_6_1)
			oom_dump_task(task);
		else
			oom_dump_old_task(task);
	}
}

void oom_dump_summary(const struct oom_control *oc,
		      const struct mmsim_task *victim)
{
	static const char constraints[][32] = {
		[CONSTRAINT_NONE] = "CONSTRAINT_NONE",
		[CONSTRAINT_CPUSET] = "CONSTRAINT_CPUSET",
		[CONSTRAINT_MEMORY_POLICY] = "CONSTRAINT_MEMORY_POLICY",
		[CONSTRAINT_MEMCG] = "CONSTRAINT_MEMCG",
	};
	struct mmsim_machine *machine = oc->ac->machine;
	char nodes[64], allowed[64];
	struct outbuf out;

	outbuf_init(&out, nodes, sizeof(nodes), -1);
	if (oc->nodes)
		proc_show_list(&out, oc->nodes);
	else
		outbuf_str(&out, "(null)");
	outbuf_init(&out, allowed, sizeof(allowed), -1);
	proc_show_list(&out, proc_online_nodes(machine));
	printk(machine,
	       "oom-kill:constraint=%s,nodemask=%s,cpuset=/,mems_allowed=%s,"
	       "global_oom,task_memcg=/,task=%s,pid=%d,uid=%u",
	       constraints[oc->constraint], nodes, allowed, victim->comm,
	       victim->pid, victim->uid);
}

void oom_dump_header(const struct oom_control *oc,
		     const struct mmsim_task *victim)
{
	struct mmsim_machine *machine = oc->ac->machine;

	oom_show_invocation(oc);
	oom_show_mem_of(machine, oc->nodes);
	if (machine->vm.oom_dump_tasks)
		oom_dump_tasks(oc);
	if (victim && machine->profile >= PROFILE_6_1)
		oom_dump_summary(oc, victim);
}
