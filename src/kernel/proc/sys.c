/*
 * sys.c: files of /sys, and those of /proc/sys that are no settings.
 *
 * /sys/kernel/mm/transparent_hugepage: a choice is shown as all its words with
 * the chosen one in brackets, and written as one word.
 * /sys/devices/system/node: the sets of nodes, as lists ("0-1,3").
 *
 * Sources: kernel documentation, admin-guide/mm/transhuge and
 * ABI/stable/sysfs-devices-node.
 */
#include "kernel/file_state.h"
#include "kernel/number.h"
#include "kernel/proc/proc.h"

#include <errno.h>
#include <string.h>

static const char *const thp_enabled_words[] = {"always", "madvise", "never"};
static const enum thp_mode thp_enabled_modes[] = {THP_ALWAYS, THP_MADVISE,
						  THP_NEVER};
static const char *const thp_defrag_words[] = {
	[THP_DEFRAG_ALWAYS] = "always",
	[THP_DEFRAG_DEFER] = "defer",
	[THP_DEFRAG_DEFER_MADVISE] = "defer+madvise",
	[THP_DEFRAG_MADVISE] = "madvise",
	[THP_DEFRAG_NEVER] = "never",
};

int proc_find_word(const char *const *words, int nr, const char *text)
{
	size_t len = strlen(text);

	if (len > 0 && text[len - 1] == '\n')
		len--;
	for (int i = 0; i < nr; i++)
		if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
			return i;
	return -EINVAL;
}

static void words_show(struct outbuf *out, const char *const *words, int nr,
		       int chosen)
{
	for (int i = 0; i < nr; i++)
		outbuf_printf(out, i == chosen ? "%s[%s]" : "%s%s",
			      i ? " " : "", words[i]);
	outbuf_str(out, "\n");
}

/* Kernels without huge pages have no such directory. */
static bool has_thp(const struct mmsim_machine *machine)
{
	return machine->profile > PROFILE_2_6_32 &&
	       machine->arch != ARCH_X86_32;
}

static int show_enabled(struct mmsim_machine *machine, struct mmsim_task *task,
			struct outbuf *out, const void *arg)
{
	int chosen = 0;

	(void)task;
	(void)arg;
	if (!has_thp(machine))
		return -ENOENT;
	while (thp_enabled_modes[chosen] != machine->thp.enabled)
		chosen++;
	words_show(out, thp_enabled_words, ARRAY_SIZE(thp_enabled_words),
		   chosen);
	return 0;
}

static int write_enabled(struct mmsim_machine *machine, struct mmsim_task *task,
			 const char *text, const void *arg)
{
	int word = proc_find_word(thp_enabled_words,
				  ARRAY_SIZE(thp_enabled_words), text);

	(void)task;
	(void)arg;
	if (!has_thp(machine))
		return -ENOENT;
	return word < 0 ? word
			: thp_set_enabled(machine, thp_enabled_modes[word]);
}

/* 3.10 knows always, madvise and never. */
static bool has_defrag(const struct mmsim_machine *machine, int word)
{
	return machine->profile >= PROFILE_6_1 ||
	       (word != THP_DEFRAG_DEFER && word != THP_DEFRAG_DEFER_MADVISE);
}

static int show_defrag(struct mmsim_machine *machine, struct mmsim_task *task,
		       struct outbuf *out, const void *arg)
{
	const char *words[ARRAY_SIZE(thp_defrag_words)];
	int nr = 0, chosen = 0;

	(void)task;
	(void)arg;
	if (!has_thp(machine))
		return -ENOENT;
	for (int i = 0; i < (int)ARRAY_SIZE(thp_defrag_words); i++) {
		if (!has_defrag(machine, i))
			continue;
		if (i == (int)machine->thp.defrag)
			chosen = nr;
		words[nr++] = thp_defrag_words[i];
	}
	words_show(out, words, nr, chosen);
	return 0;
}

static int write_defrag(struct mmsim_machine *machine, struct mmsim_task *task,
			const char *text, const void *arg)
{
	int word = proc_find_word(thp_defrag_words,
				  ARRAY_SIZE(thp_defrag_words), text);

	(void)task;
	(void)arg;
	if (!has_thp(machine))
		return -ENOENT;
	if (word < 0 || !has_defrag(machine, word))
		return -EINVAL;
	machine->thp.defrag = (enum thp_defrag)word;
	return 0;
}

static int show_use_zero_page(struct mmsim_machine *machine,
			      struct mmsim_task *task, struct outbuf *out,
			      const void *arg)
{
	(void)task;
	(void)arg;
	if (!has_thp(machine))
		return -ENOENT;
	outbuf_printf(out, "%d\n", machine->thp.use_zero_page);
	return 0;
}

static int write_use_zero_page(struct mmsim_machine *machine,
			       struct mmsim_task *task, const char *text,
			       const void *arg)
{
	static const char *const words[] = {"0", "1"};
	int word = proc_find_word(words, ARRAY_SIZE(words), text);

	(void)task;
	(void)arg;
	if (!has_thp(machine))
		return -ENOENT;
	if (word < 0)
		return word;
	machine->thp.use_zero_page = word;
	return 0;
}

static int show_thp_number(struct mmsim_machine *machine,
			   struct mmsim_task *task, struct outbuf *out,
			   const void *arg)
{
	(void)task;
	if (!has_thp(machine))
		return -ENOENT;
	outbuf_printf(out, "%lu\n",
		      *(const unsigned long *)((const char *)machine +
					       (uintptr_t)arg));
	return 0;
}

static int show_pmd_size(struct mmsim_machine *machine, struct mmsim_task *task,
			 struct outbuf *out, const void *arg)
{
	(void)task;
	(void)arg;
	if (!has_thp(machine))
		return -ENOENT;
	outbuf_printf(out, "%lu\n", (unsigned long)PMD_SIZE);
	return 0;
}

/* Sets of nodes. */
enum node_set { NODES_ONLINE, NODES_MEMORY, NODES_NORMAL, NODES_CPU };

static bool node_has_normal_memory(const struct pglist_data *node)
{
	for (int z = 0; z <= ZONE_NORMAL; z++)
		if (zone_is_populated(&node->zones[z]))
			return true;
	return false;
}

static int show_nodes(struct mmsim_machine *machine, struct mmsim_task *task,
		      struct outbuf *out, const void *arg)
{
	const struct pglist_data *node;
	nodemask_t mask = 0;
	unsigned i;

	(void)task;
	for_each_node(machine, node, i) {
		bool is_in = node->is_online;

		if ((uintptr_t)arg == NODES_MEMORY)
			is_in = node->has_memory;
		else if ((uintptr_t)arg == NODES_NORMAL)
			is_in = node_has_normal_memory(node);
		else if ((uintptr_t)arg == NODES_CPU)
			is_in = node->has_cpu;
		mask |= (nodemask_t)is_in << i;
	}
	proc_show_list(out, mask);
	outbuf_str(out, "\n");
	return 0;
}

static int show_text(struct mmsim_machine *machine, struct mmsim_task *task,
		     struct outbuf *out, const void *arg)
{
	(void)task;
	outbuf_printf(out, "%s\n",
		      arg ? (const char *)arg : proc_release(machine));
	return 0;
}

/* Reading or writing brings the counters up to date; here they always are. */
static int show_stat_refresh(struct mmsim_machine *machine,
			     struct mmsim_task *task, struct outbuf *out,
			     const void *arg)
{
	(void)task;
	(void)out;
	(void)arg;
	return machine->profile >= PROFILE_6_1 ? 0 : -ENOENT;
}

static int write_stat_refresh(struct mmsim_machine *machine,
			      struct mmsim_task *task, const char *text,
			      const void *arg)
{
	(void)text;
	return show_stat_refresh(machine, task, NULL, arg);
}

/* A number; what stands behind it does not count. */
static int write_drop_caches(struct mmsim_machine *machine,
			     struct mmsim_task *task, const char *text,
			     const void *arg)
{
	uint64_t what;

	(void)task;
	(void)arg;
	text = number_skip_blanks(text);
	if (number_digits(&text, &what) || (*text && !number_is_blank(*text)))
		return -EINVAL;
	return drop_caches(machine, what);
}

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define THP_FIELD(f) ((const void *)offsetof(struct mmsim_machine, thp.f))
#define NODE "/sys/devices/system/node/"
#define SET(s) ((const void *)(uintptr_t)(s))

bool proc_find_sys(struct proc_file *file)
{
	return proc_is(file, THP "enabled", show_enabled, write_enabled,
		       NULL) ||
	       proc_is(file, THP "defrag", show_defrag, write_defrag, NULL) ||
	       proc_is(file, THP "use_zero_page", show_use_zero_page,
		       write_use_zero_page, NULL) ||
	       proc_is(file, THP "hpage_pmd_size", show_pmd_size, NULL, NULL) ||
	       proc_is(file, THP "khugepaged/full_scans", show_thp_number, NULL,
		       THP_FIELD(khugepaged_full_scans)) ||
	       proc_is(file, THP "khugepaged/pages_collapsed", show_thp_number,
		       NULL, THP_FIELD(khugepaged_pages_collapsed)) ||
	       proc_is(file, NODE "online", show_nodes, NULL,
		       SET(NODES_ONLINE)) ||
	       proc_is(file, NODE "possible", show_nodes, NULL,
		       SET(NODES_ONLINE)) ||
	       proc_is(file, NODE "has_memory", show_nodes, NULL,
		       SET(NODES_MEMORY)) ||
	       proc_is(file, NODE "has_normal_memory", show_nodes, NULL,
		       SET(NODES_NORMAL)) ||
	       proc_is(file, NODE "has_cpu", show_nodes, NULL,
		       SET(NODES_CPU)) ||
	       proc_is(file, "/proc/sys/kernel/osrelease", show_text, NULL,
		       NULL) ||
	       proc_is(file, "/proc/sys/kernel/ostype", show_text, NULL,
		       "Linux") ||
	       proc_is(file, "/proc/sys/vm/drop_caches", NULL,
		       write_drop_caches, NULL) ||
	       proc_is(file, "/proc/sys/vm/stat_refresh", show_stat_refresh,
		       write_stat_refresh, NULL);
}
