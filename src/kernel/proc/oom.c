/*
 * proc/oom.c: /proc/PID/oom_score, oom_score_adj, oom_adj; numa_maps.
 *
 * oom_score_adj (-1000..1000) moves a task's points by thousandths of all
 * memory.  oom_adj (-17..15) is older: in 2.6.32 it shifts the points, and -17
 * means never; since 2.6.36 it is only another way to write oom_score_adj,
 * scaled by 1000/17, and 15 is 1000.
 *
 * numa_maps has a line for each area: its policy, and how many of its pages
 * are on which node.
 *
 * Sources: proc(5); kernel documentation, filesystems/proc; recordings.
 */
#include "kernel/file.h"
#include "kernel/machine.h"
#include "kernel/number.h"
#include "kernel/oom.h"
#include "kernel/pgtable.h"
#include "kernel/proc/proc.h"
#include "kernel/rmap.h"
#include "kernel/vma.h"

#include <errno.h>

enum { OOM_ADJUST_MIN = -16, OOM_ADJUST_MAX = 15 };

/* --- oom_* --------------------------------------------------------------- */

/* One number between blanks and nothing else. */
static int parse_int(const char *text, int *value)
{
	uint64_t digits;
	bool negative;
	int err;

	text = number_skip_blanks(text);
	negative = *text == '-';
	text += *text == '-' || *text == '+';
	err = number_digits(&text, &digits);
	if (err)
		return err;
	if (*number_skip_blanks(text))
		return -EINVAL;
	if (digits > (uint64_t)INT32_MAX + negative)
		return -ERANGE;
	*value = (int)(negative ? -(int64_t)digits : (int64_t)digits);
	return 0;
}

static int show_oom_score(struct mmsim_machine *machine,
			  struct mmsim_task *task, struct outbuf *out,
			  const void *arg)
{
	(void)machine;
	(void)arg;
	outbuf_printf(out, "%lu\n", (unsigned long)oom_score(task));
	return 0;
}

static int show_oom_score_adj(struct mmsim_machine *machine,
			      struct mmsim_task *task, struct outbuf *out,
			      const void *arg)
{
	(void)arg;
	if (machine->profile <= PROFILE_2_6_32)
		return -ENOENT;
	outbuf_printf(out, "%d\n", task->oom_score_adj);
	return 0;
}

static int write_oom_score_adj(struct mmsim_machine *machine,
			       struct mmsim_task *task, const char *text,
			       const void *arg)
{
	int value, err;

	(void)arg;
	if (machine->profile <= PROFILE_2_6_32)
		return -ENOENT;
	err = parse_int(text, &value);
	if (err)
		return err;
	if (value < OOM_SCORE_ADJ_MIN || value > OOM_SCORE_ADJ_MAX)
		return -EINVAL;
	task->oom_score_adj = value;
	return 0;
}

static int show_oom_adj(struct mmsim_machine *machine, struct mmsim_task *task,
			struct outbuf *out, const void *arg)
{
	int adj = task->oom_adj;

	(void)arg;
	if (machine->profile > PROFILE_2_6_32) {
		adj = task->oom_score_adj * -OOM_ADJ_DISABLE /
		      OOM_SCORE_ADJ_MAX;
		if (adj > OOM_ADJUST_MAX)
			adj = OOM_ADJUST_MAX;
	}
	outbuf_printf(out, "%d\n", adj);
	return 0;
}

static int write_oom_adj(struct mmsim_machine *machine, struct mmsim_task *task,
			 const char *text, const void *arg)
{
	int value, err = parse_int(text, &value);

	(void)arg;
	if (err)
		return err;
	if ((value < OOM_ADJUST_MIN || value > OOM_ADJUST_MAX) &&
	    value != OOM_ADJ_DISABLE)
		return -EINVAL;
	if (machine->profile <= PROFILE_2_6_32)
		task->oom_adj = value;
	else if (value == OOM_ADJUST_MAX)
		task->oom_score_adj = OOM_SCORE_ADJ_MAX;
	else
		task->oom_score_adj =
			value * OOM_SCORE_ADJ_MAX / -OOM_ADJ_DISABLE;
	return 0;
}

/* --- numa_maps ----------------------------------------------------------- */

struct numa_count {
	struct pgtable_walk walk;
	uint64_t pages, anon, dirty, active, writeback, swapcache;
	int mapcount_max;
	uint64_t node[MAX_NODES];
};

static int numa_count_entry(struct pgtable_walk *walk, uintptr_t addr,
			    pte_t *entry, bool huge)
{
	struct numa_count *count = container_of(walk, struct numa_count, walk);
	uint64_t nr = huge ? HPAGE_PMD_NR : 1;
	const struct page *page, *head;

	(void)addr;
	if (!pte_is_present(*entry))
		return 0;
	page = pte_page(walk->mm->machine, *entry);
	if (!page || page_has(page, PG_reserved))
		return 0;
	head = page_has(page, PG_tail) ? page - page->private : page;
	count->pages += nr;
	if ((*entry & PTE_DIRTY) || page_has(head, PG_dirty))
		count->dirty += nr;
	if (page_has(head, PG_swapcache))
		count->swapcache += nr;
	if (page_has(head, PG_active | PG_unevictable))
		count->active += nr;
	if (page_has(head, PG_writeback))
		count->writeback += nr;
	if (page_has(head, PG_anon))
		count->anon += nr;
	if (page_mapcount(page) > count->mapcount_max)
		count->mapcount_max = page_mapcount(page);
	count->node[page_node(page)] += nr;
	return 0;
}

static void show_numa_number(struct outbuf *out, const char *name,
			     uint64_t value)
{
	if (value)
		outbuf_printf(out, " %s=%lu", name, (unsigned long)value);
}

static void show_numa_counts(struct outbuf *out, const struct numa_count *count)
{
	if (!count->pages)
		return;
	show_numa_number(out, "anon", count->anon);
	show_numa_number(out, "dirty", count->dirty);
	if (count->pages != count->anon && count->pages != count->dirty)
		show_numa_number(out, "mapped", count->pages);
	if (count->mapcount_max > 1)
		show_numa_number(out, "mapmax", (uint64_t)count->mapcount_max);
	show_numa_number(out, "swapcache", count->swapcache);
	if (count->active < count->pages)
		outbuf_printf(out, " active=%lu", (unsigned long)count->active);
	show_numa_number(out, "writeback", count->writeback);
	for (unsigned i = 0; i < MAX_NODES; i++)
		if (count->node[i])
			outbuf_printf(out, " N%u=%lu", i,
				      (unsigned long)count->node[i]);
	outbuf_str(out, " kernelpagesize_kB=4");
}

static void show_numa_vma(struct outbuf *out, struct vm_area_struct *vma,
			  const struct mempolicy *task_policy)
{
	struct mm_struct *mm = vma->mm;
	struct numa_count count = {
		.walk = {.mm = mm, .visit = numa_count_entry},
	};
	char policy[96];

	mempolicy_text(vma->policy ? vma->policy : task_policy, policy,
		       sizeof(policy));
	outbuf_printf(out, "%08lx %s", (unsigned long)vma->start, policy);
	if (vma->file) {
		outbuf_str(out, " file=");
		proc_show_path(out, vma_name(vma), "\n\t= ");
		if (vma->file->inode->nlink == 0)
			proc_show_path(out, " (deleted)", " ");
	} else if (vma->start <= mm->brk && vma->end >= mm->start_brk) {
		outbuf_str(out, " heap");
	} else if (vma->start <= mm->start_stack &&
		   vma->end >= mm->start_stack) {
		outbuf_str(out, " stack");
	}
	pgtable_walk(&count.walk, vma->start, vma->end);
	show_numa_counts(out, &count);
	outbuf_str(out, "\n");
}

static int show_numa_maps(struct mmsim_machine *machine,
			  struct mmsim_task *task, struct outbuf *out,
			  const void *arg)
{
	struct vm_area_struct *vma;

	(void)machine;
	(void)arg;
	if (!task->mm)
		return 0;
	for_each_vma(task->mm, vma)
		show_numa_vma(out, vma, task->policy);
	return 0;
}

bool proc_find_oom(struct proc_file *file)
{
	return proc_is(file, "/proc/PID/oom_score", show_oom_score, NULL,
		       NULL) ||
	       proc_is(file, "/proc/PID/oom_score_adj", show_oom_score_adj,
		       write_oom_score_adj, NULL) ||
	       proc_is(file, "/proc/PID/oom_adj", show_oom_adj, write_oom_adj,
		       NULL) ||
	       proc_is(file, "/proc/PID/numa_maps", show_numa_maps, NULL, NULL);
}
