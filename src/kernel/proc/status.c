/*
 * status.c: /proc/PID/status: a task for human eyes.
 *
 * The Vm lines are the address space's counters:
 *
 *   VmSize  all areas             VmPeak  the most that it ever was
 *   VmRSS   resident: RssAnon + RssFile + RssShmem     VmHWM  likewise
 *   VmData  private writable      VmStk   that grows down     VmExe  the text
 *   VmPTE   page tables           VmSwap  anonymous pages on swap
 *   VmLck   locked by mlock       VmPin   pinned by drivers
 *
 * A task without an address space (init here, or a zombie) has none of them.
 *
 * Simplified: one thread a task, no signals pending or caught, no name spaces;
 * VmRSS is exact, where Linux 6.1 lags by up to 63 pages of each kind.
 *
 * Source: proc(5).
 */
#include "kernel/proc/proc.h"

#include <sys/resource.h>

/* The columns of a mask: 32 bits, eight digits, highest first. */
static void show_mask(struct outbuf *out, uint64_t mask, unsigned nr_bits)
{
	unsigned words = (nr_bits + 31) / 32;
	unsigned digits = (nr_bits % 32 + 3) / 4;

	if (digits == 0)
		digits = 8;
	for (unsigned i = words; i-- > 0;) {
		uint64_t word = i < 2 ? mask >> (32 * i) & 0xffffffff : 0;

		if (i == words - 1 && digits < 8) {
			for (unsigned d = digits; d-- > 0;)
				outbuf_printf(out, "%x",
					      (unsigned)(word >> 4 * d & 15));
		} else {
			outbuf_printf(out, "%08lx", (unsigned long)word);
		}
		outbuf_str(out, i ? "," : "");
	}
	outbuf_str(out, "\n");
}

void proc_show_list(struct outbuf *out, uint64_t mask)
{
	const char *comma = "";

	for (unsigned i = 0; i < 64; i++) {
		unsigned last = i;

		if (!(mask >> i & 1))
			continue;
		while (last < 63 && (mask >> (last + 1) & 1))
			last++;
		outbuf_printf(out, "%s%u", comma, i);
		if (last > i)
			outbuf_printf(out, "-%u", last);
		comma = ",";
		i = last;
	}
}

nodemask_t proc_online_nodes(const struct mmsim_machine *machine)
{
	const struct pglist_data *node;
	nodemask_t mask = 0;
	unsigned i;

	for_each_node(machine, node, i)
		if (node->is_online)
			mask |= (nodemask_t)1 << i;
	return mask;
}

static void show_kb(struct outbuf *out, const char *name, uint64_t kb)
{
	outbuf_printf(out, "%s:\t%8lu kB\n", name, (unsigned long)kb);
}

static void show_who(const struct mmsim_task *task, struct outbuf *out)
{
	bool is_zombie = task->state != TASK_RUNNING;

	outbuf_printf(out, "Name:\t%s\n", task->comm);
	if (task->machine->profile >= PROFILE_6_1 && !is_zombie)
		outbuf_str(out, "Umask:\t0022\n");
	outbuf_printf(out, "State:\t%s\n",
		      is_zombie ? "Z (zombie)" : "S (sleeping)");
	outbuf_printf(out, "Tgid:\t%d\n", task->pid);
	if (task->machine->profile >= PROFILE_6_1)
		outbuf_str(out, "Ngid:\t0\n");
	outbuf_printf(out, "Pid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", task->pid,
		      task->parent ? task->parent->pid : 0);
	outbuf_printf(out, "Uid:\t%u\t%u\t%u\t%u\n", task->uid, task->uid,
		      task->uid, task->uid);
	outbuf_printf(out, "Gid:\t%u\t%u\t%u\t%u\n", task->uid, task->uid,
		      task->uid, task->uid);
	outbuf_printf(out, "FDSize:\t%d\nGroups:\t \n", is_zombie ? 0 : 64);
	if (task->machine->profile >= PROFILE_6_1)
		outbuf_printf(out,
			      "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\n"
			      "NSsid:\t%d\n",
			      task->pid, task->pid, 1, 1);
	if (task->machine->profile >= PROFILE_6_18)
		outbuf_str(out, "Kthread:\t0\n");
}

static void show_mm(const struct mmsim_task *task, struct outbuf *out)
{
	const struct mm_struct *mm = task->mm;
	uint64_t rss = mm_rss(mm);
	uint64_t text = align_up(mm->end_code, PAGE_SIZE) -
			align_down(mm->start_code, PAGE_SIZE);

	text = min_size(text, mm->exec_vm << PAGE_SHIFT) >> 10;
	show_kb(out, "VmPeak",
		pages_to_kb(max_size(mm->hiwater_vm, mm->total_vm)));
	show_kb(out, "VmSize", pages_to_kb(mm->total_vm));
	show_kb(out, "VmLck", pages_to_kb(mm->locked_vm));
	if (task->machine->profile > PROFILE_2_6_32)
		show_kb(out, "VmPin", pages_to_kb(mm->pinned_vm));
	show_kb(out, "VmHWM", pages_to_kb(max_size(mm->hiwater_rss, rss)));
	show_kb(out, "VmRSS", pages_to_kb(rss));
	if (task->machine->profile >= PROFILE_6_1) {
		show_kb(out, "RssAnon",
			pages_to_kb((uint64_t)mm->rss[MM_ANONPAGES]));
		show_kb(out, "RssFile",
			pages_to_kb((uint64_t)mm->rss[MM_FILEPAGES]));
		show_kb(out, "RssShmem",
			pages_to_kb((uint64_t)mm->rss[MM_SHMEMPAGES]));
	}
	show_kb(out, "VmData", pages_to_kb(mm->data_vm));
	show_kb(out, "VmStk", pages_to_kb(mm->stack_vm));
	show_kb(out, "VmExe", text);
	show_kb(out, "VmLib", pages_to_kb(mm->exec_vm) - text);
	show_kb(out, "VmPTE", mm->pgtables_bytes >> 10);
	if (task->machine->profile > PROFILE_2_6_32)
		show_kb(out, "VmSwap",
			pages_to_kb((uint64_t)mm->rss[MM_SWAPENTS]));
	if (task->machine->profile >= PROFILE_6_1) {
		show_kb(out, "HugetlbPages", 0);
		outbuf_printf(out, "CoreDumping:\t0\nTHP_enabled:\t%d\n",
			      !mm->thp_disable);
	}
	if (task->machine->profile >= PROFILE_6_18)
		outbuf_str(out, "untag_mask:\t0xffffffffffffffff\n");
}

/* No signal is blocked, ignored or caught; root has all capabilities. */
static void show_rights(const struct mmsim_task *task, struct outbuf *out)
{
	unsigned long all = task->machine->profile >= PROFILE_6_1
				    ? 0x1ffffffffff
				    : 0x1fffffffff;
	unsigned long own = task_is_root(task) ? all : 0;

	outbuf_printf(out, "SigQ:\t0/%lu\n",
		      (unsigned long)task_rlimit(task, RLIMIT_SIGPENDING));
	outbuf_printf(out,
		      "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n"
		      "SigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		      0ul, 0ul, 0ul, 0ul, 0ul);
	outbuf_printf(out,
		      "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n"
		      "CapBnd:\t%016lx\n",
		      0ul, own, own, all);
	if (task->machine->profile < PROFILE_6_1)
		return;
	outbuf_printf(out, "CapAmb:\t%016lx\nNoNewPrivs:\t0\n", 0ul);
	outbuf_str(out, "Seccomp:\t0\nSeccomp_filters:\t0\n"
			"Speculation_Store_Bypass:\tvulnerable\n"
			"SpeculationIndirectBranch:\talways enabled\n");
}

int proc_show_status(struct mmsim_machine *machine, struct mmsim_task *task,
		     struct outbuf *out, const void *arg)
{
	unsigned nr_node_bits = machine->arch == ARCH_X86_64 ? 1024 : 8;
	uint64_t cpus = machine->nr_cpus >= 64
				? UINT64_MAX
				: ((uint64_t)1 << machine->nr_cpus) - 1;
	nodemask_t nodes = proc_online_nodes(machine);

	(void)arg;
	show_who(task, out);
	if (task->mm)
		show_mm(task, out);
	outbuf_str(out, "Threads:\t1\n");
	show_rights(task, out);
	outbuf_str(out, "Cpus_allowed:\t");
	show_mask(out, cpus, machine->nr_cpus);
	outbuf_str(out, "Cpus_allowed_list:\t");
	proc_show_list(out, cpus);
	outbuf_str(out, "\nMems_allowed:\t");
	show_mask(out, nodes, nr_node_bits);
	outbuf_str(out, "Mems_allowed_list:\t");
	proc_show_list(out, nodes);
	outbuf_str(out, "\nvoluntary_ctxt_switches:\t0\n"
			"nonvoluntary_ctxt_switches:\t0\n");
	return 0;
}
