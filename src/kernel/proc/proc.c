/*
 * proc.c: reading and writing the files of /proc and /sys.
 *
 * A path is looked up in the lists, which each stand in the file of their
 * subject; /proc/PID/... is looked up as the word PID with the task beside it,
 * .../memory/memoryN/... and .../node/nodeN/... as that with the block or the
 * node, and what is below /proc/sys and in no list is a setting of sysctl.c.
 *
 * errno: ENOENT no such file, or no such task; EACCES a file that cannot be
 * read, or written; what the file itself says about the text (EINVAL).
 *
 * Simplified: there is one reader, root, outside of the simulated machine, so
 * that owners and modes of files do not matter.  No directories are listed.
 *
 * Sources: proc(5), open(2).
 */
#include "kernel/memory_block.h"
#include "kernel/proc/proc.h"
#include "kernel/swap_state.h"

#include <errno.h>
#include <string.h>

/* A path, taken apart. */
struct proc_path {
	struct proc_file file;
	const char *sysctl;      /* the name below /proc/sys/, or NULL */
	struct mmsim_task *task; /* of /proc/PID/, or NULL */
	const void *arg;         /* the file's, or the block, or the node */
};

bool proc_is(struct proc_file *file, const char *path, proc_show *show,
	     proc_write *write, const void *arg)
{
	size_t len = strlen(file->dir);

	if (strncmp(path, file->dir, len) != 0 ||
	    strcmp(path + len, file->rest) != 0)
		return false;
	file->show = show;
	file->write = write;
	file->arg = arg;
	return true;
}

/* Looks for `rest` in a directory with a number, whose name in the lists is
 * `dir`; or for all of a path, when that is "". */
static bool proc_find(struct proc_file *file, const char *dir, const char *rest)
{
	file->dir = dir;
	file->rest = rest;
	return proc_find_machine(file) || proc_find_zone(file) ||
	       proc_find_slab(file) || proc_find_pid(file) ||
	       proc_find_oom(file) || proc_find_sys(file) ||
	       proc_find_sysvipc(file) || proc_find_mounts(file) ||
	       proc_find_block(file) || proc_find_memory(file) ||
	       proc_find_compaction(file);
}

/* Zombies are found, too: they keep their directory until they are waited
 * for. */
static struct mmsim_task *proc_find_task(struct mmsim_machine *machine,
					 uint64_t pid)
{
	return radix_find(&machine->pids, pid);
}

/* The path goes on from `dir` with a number without leading zeros and a '/',
 * which is returned; or NULL. */
static const char *proc_parse_number(const char *path, const char *dir,
				     uint64_t *number)
{
	const char *text = path + strlen(dir), *p = text;

	if (strncmp(path, dir, strlen(dir)) != 0)
		return NULL;
	for (*number = 0; *p >= '0' && *p <= '9'; p++) {
		*number = *number * 10 + (uint64_t)(*p - '0');
		if (*number > INT32_MAX)
			return NULL;
	}
	if (*p != '/' || p == text || (*text == '0' && p > text + 1))
		return NULL;
	return p;
}

static int proc_lookup(struct mmsim_machine *machine, const char *path,
		       struct proc_path *found)
{
	static const char proc[] = "/proc/", sys[] = "/proc/sys/";
	static const char memory[] = "/sys/devices/system/memory/memory";
	static const char node[] = "/sys/devices/system/node/node";
	const char *rest, *dir;
	uint64_t number;

	memset(found, 0, sizeof(*found));
	if (!path)
		return -EFAULT;
	rest = proc_parse_number(path, proc, &number);
	if (rest) {
		found->task = proc_find_task(machine, number);
		return found->task && proc_find(&found->file, "/proc/PID", rest)
			       ? 0
			       : -ENOENT;
	}
	rest = proc_parse_number(path, memory, &number);
	if (rest) {
		found->arg = memory_block_find(machine, number);
		dir = "/sys/devices/system/memory/memoryN";
		return found->arg && proc_find(&found->file, dir, rest)
			       ? 0
			       : -ENOENT;
	}
	rest = proc_parse_number(path, node, &number);
	if (rest) {
		found->arg = number < MAX_NODES ? machine->nodes[number] : NULL;
		dir = "/sys/devices/system/node/nodeN";
		return found->arg && proc_find(&found->file, dir, rest)
			       ? 0
			       : -ENOENT;
	}
	if (strstr(path, "/PID/") || strstr(path, "/memoryN/") ||
	    strstr(path, "/nodeN/"))
		return -ENOENT;
	if (proc_find(&found->file, "", path)) {
		found->arg = found->file.arg;
		return 0;
	}
	if (strncmp(path, sys, sizeof(sys) - 1) != 0 ||
	    strchr(path + sizeof(proc) - 1, '.'))
		return -ENOENT;
	found->sysctl = path + sizeof(sys) - 1;
	return 0;
}

PUBLIC ssize_t mmsim_proc_read(struct mmsim_machine *machine, const char *path,
			       char *buf, size_t len)
{
	struct proc_path found;
	struct outbuf out;
	int err;

	err = machine_check(machine);
	if (err)
		return err;
	if (!buf && len)
		return -EFAULT;
	err = proc_lookup(machine, path, &found);
	if (err)
		return err;
	if (found.sysctl)
		return sysctl_read(machine, found.sysctl, buf, len);
	if (!found.file.show)
		return -EACCES;
	outbuf_init(&out, buf, len, -1);
	err = found.file.show(machine, found.task, &out, found.arg);
	return err ? err : (ssize_t)out.total;
}

PUBLIC int mmsim_proc_write(struct mmsim_machine *machine, const char *path,
			    const char *text)
{
	struct proc_path found;
	int err;

	err = machine_check(machine);
	if (err)
		return err;
	if (!text)
		return -EFAULT;
	err = proc_lookup(machine, path, &found);
	if (err)
		return err;
	if (found.sysctl)
		err = sysctl_write(machine, found.sysctl, text);
	else if (!found.file.write)
		err = -EACCES;
	else
		err = found.file.write(machine, found.task, text, found.arg);
	task_call_done(machine);
	return err;
}

static int show_uptime(struct mmsim_machine *machine, struct mmsim_task *task,
		       struct outbuf *out, const void *arg)
{
	uint64_t up = machine->clock_ns / 10000000;
	uint64_t idle = up * machine->nr_cpus, busy = 0;

	(void)arg;
	list_for_each(task, &machine->tasks, link)
		busy += (task->utime_ns + task->stime_ns) / 10000000;
	idle -= min_size(idle, busy);
	outbuf_printf(out, "%lu.%02lu %lu.%02lu\n", (unsigned long)up / 100,
		      (unsigned long)up % 100, (unsigned long)idle / 100,
		      (unsigned long)idle % 100);
	return 0;
}

const char *proc_release(const struct mmsim_machine *machine)
{
	static const char releases[][8] = {
		[PROFILE_2_6_32] = "2.6.32",
		[PROFILE_3_10] = "3.10.0",
		[PROFILE_6_1] = "6.1.0",
		[PROFILE_6_18] = "6.18.0",
	};

	return releases[machine->profile];
}

static int show_version(struct mmsim_machine *machine, struct mmsim_task *task,
			struct outbuf *out, const void *arg)
{
	(void)task;
	(void)arg;
	outbuf_printf(out, "Linux version %s (mmsim) #1 SMP\n",
		      proc_release(machine));
	return 0;
}

/* Numbers of eight digits fill their column. */
static void show_swap_kb(struct outbuf *out, uint64_t nr_pages, bool wide)
{
	uint64_t kb = pages_to_kb(nr_pages);

	outbuf_printf(out, "%lu\t%s", (unsigned long)kb,
		      wide && kb < 10000000 ? "\t" : "");
}

static void show_swap_area(struct outbuf *out, const struct swap_area *area,
			   bool wide)
{
	outbuf_printf(out, "%-39s %s\t", area->path,
		      area->file ? "file\t" : "partition");
	show_swap_kb(out, area->nr_slots - 1, wide);
	show_swap_kb(out, area->nr_used, wide);
	outbuf_printf(out, "%d\n", area->prio);
}

/* A line for each swap area, in the order of their numbers. */
static int show_swaps(struct mmsim_machine *machine, struct mmsim_task *task,
		      struct outbuf *out, const void *arg)
{
	bool wide = machine->profile >= PROFILE_6_1;
	const char *tab = wide ? "\t\t" : "\t";

	(void)task;
	(void)arg;
	outbuf_printf(out, "Filename\t\t\t\tType\t\tSize%sUsed%sPriority\n",
		      tab, tab);
	for (unsigned type = 0; type < MAX_SWAPFILES; type++)
		if (machine->swap->types[type])
			show_swap_area(out, machine->swap->types[type], wide);
	return 0;
}

bool proc_find_machine(struct proc_file *file)
{
	return proc_is(file, "/proc/meminfo", proc_show_meminfo, NULL, NULL) ||
	       proc_is(file, "/proc/vmstat", proc_show_vmstat, NULL, NULL) ||
	       proc_is(file, "/proc/swaps", show_swaps, NULL, NULL) ||
	       proc_is(file, "/proc/uptime", show_uptime, NULL, NULL) ||
	       proc_is(file, "/proc/version", show_version, NULL, NULL);
}
