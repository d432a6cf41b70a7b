/*
 * sim.h: what the tests of the simulated kernel share: booting, reading
 * figures out of /proc, checking the books.
 *
 *     struct mmsim_machine *m = sim_boot("ram=64M");
 *     cr_assert_eq(sim_meminfo(m, "MemTotal"), 64512);
 *     ...
 *     sim_shutdown(m);
 */
#ifndef TESTS_KERNEL_SIM_H
#define TESTS_KERNEL_SIM_H

#include <criterion/criterion.h>
#include <mmsim/kernel.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SIM_UNUSED __attribute__((unused))

enum { SIM_PAGE = 4096 };

/* The machines of the recordings, by their RAM. */
#define SIM_256M "managed=DMA:3840+DMA32:48839,present=DMA:3998+DMA32:61399"
#define SIM_512M "managed=DMA:3840+DMA32:113255,present=DMA:3998+DMA32:126935"
#define SIM_1024M "managed=DMA:3840+DMA32:242087,present=DMA:3998+DMA32:258007"
#define SIM_2048M "managed=DMA:3840+DMA32:499751,present=DMA:3998+DMA32:520151"
#define SIM_4096M                                                              \
	"managed=DMA:3840+DMA32:754593+Normal:243908,"                         \
	"present=DMA:3998+DMA32:782295+Normal:262144"

static SIM_UNUSED struct mmsim_machine *sim_boot(const char *spec)
{
	struct mmsim_machine *machine = NULL;
	char why[256] = "";
	int err;

	err = mmsim_spec_check(spec, why, sizeof(why));
	cr_assert_eq(err, 0, "spec \"%s\": %s", spec, why);
	err = mmsim_machine_boot(spec, &machine);
	cr_assert_eq(err, 0, "boot of \"%s\": %d", spec, err);
	cr_assert_not_null(machine);
	return machine;
}

static SIM_UNUSED struct mmsim_task *sim_spawn(struct mmsim_machine *machine)
{
	struct mmsim_task *task = NULL;
	int err = mmsim_task_spawn(machine, "test", &task);

	cr_assert_eq(err, 0, "spawn: %d", err);
	return task;
}

/* The books are in order. */
#define sim_validate(machine)                                                  \
	do {                                                                   \
		char why_[256] = "";                                           \
		int bad_ = mmsim_machine_validate((machine), why_,             \
						  sizeof(why_));               \
		cr_assert(bad_ == 0, "%s", why_);                              \
	} while (0)

#define sim_shutdown(machine)                                                  \
	do {                                                                   \
		sim_validate(machine);                                         \
		mmsim_machine_shutdown(machine);                               \
	} while (0)

/* The text of a file; free() it. */
static SIM_UNUSED char *sim_proc(struct mmsim_machine *machine,
				 const char *path)
{
	ssize_t len = mmsim_proc_read(machine, path, NULL, 0), again;
	char *text;

	cr_assert_geq(len, 0, "%s: %zd", path, len);
	text = malloc((size_t)len + 1);
	cr_assert_not_null(text);
	again = mmsim_proc_read(machine, path, text, (size_t)len + 1);
	cr_assert_eq(again, len, "%s: %zd bytes, then %zd", path, len, again);
	cr_assert_eq(strlen(text), (size_t)len);
	return text;
}

/* The same of a task: sim_task_proc(task, "smaps"). */
static SIM_UNUSED char *sim_task_proc(struct mmsim_machine *machine,
				      struct mmsim_task *task, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", mmsim_task_pid(task), name);
	return sim_proc(machine, path);
}

/* The number behind `name` and `mark` at the start of a line of `text`; -1 when
 * there is no such line.  `sum`: of all such lines. */
static SIM_UNUSED long sim_find(const char *text, const char *name,
				const char *mark, int sum)
{
	size_t name_len = strlen(name), mark_len = strlen(mark);
	long total = -1;

	for (const char *line = text; line && *line;) {
		if (strncmp(line, name, name_len) == 0 &&
		    strncmp(line + name_len, mark, mark_len) == 0) {
			long n = strtol(line + name_len + mark_len, NULL, 10);

			if (!sum)
				return n;
			total = (total < 0 ? 0 : total) + n;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return total;
}

static SIM_UNUSED long sim_number(struct mmsim_machine *machine,
				  const char *path, const char *name,
				  const char *mark, int sum)
{
	char *text = sim_proc(machine, path);
	long n = sim_find(text, name, mark, sum);

	free(text);
	cr_assert_neq(n, -1, "%s has no line %s", path, name);
	return n;
}

/* kB: sim_meminfo(m, "MemFree"). */
static SIM_UNUSED long sim_meminfo(struct mmsim_machine *machine,
				   const char *name)
{
	return sim_number(machine, "/proc/meminfo", name, ":", 0);
}

/* sim_vmstat(m, "pgfault") */
static SIM_UNUSED long sim_vmstat(struct mmsim_machine *machine,
				  const char *name)
{
	return sim_number(machine, "/proc/vmstat", name, " ", 0);
}

/* kB, summed over the areas: sim_smaps(m, task, "Rss"). */
static SIM_UNUSED long sim_smaps(struct mmsim_machine *machine,
				 struct mmsim_task *task, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps", mmsim_task_pid(task));
	return sim_number(machine, path, name, ":", 1);
}

/* Of the area that begins at addr; -1: there is none. */
static SIM_UNUSED long sim_smaps_of(struct mmsim_machine *machine,
				    struct mmsim_task *task, uintptr_t addr,
				    const char *name)
{
	char *text = sim_task_proc(machine, task, "smaps");
	char head[32];
	const char *area;
	long n = -1;

	snprintf(head, sizeof(head), "%08lx-", (unsigned long)addr);
	for (area = text; area; area = strchr(area, '\n')) {
		area += *area == '\n';
		if (strncmp(area, head, strlen(head)) == 0) {
			n = sim_find(area, name, ":", 0);
			break;
		}
	}
	free(text);
	return n;
}

/* sim_status(m, task, "VmRSS"), in the file's own unit. */
static SIM_UNUSED long sim_status(struct mmsim_machine *machine,
				  struct mmsim_task *task, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", mmsim_task_pid(task));
	return sim_number(machine, path, name, ":", 0);
}

/* Writes a number or a text to a file that must take it. */
#define sim_write(machine, path, text)                                         \
	cr_assert_eq(mmsim_proc_write((machine), (path), (text)), 0)

static SIM_UNUSED long sim_sysctl(struct mmsim_machine *machine,
				  const char *path)
{
	char *text = sim_proc(machine, path);
	long n = strtol(text, NULL, 10);

	free(text);
	return n;
}

/* Private anonymous memory, readable and writable, anywhere. */
static SIM_UNUSED uintptr_t sim_mmap(struct mmsim_task *task, size_t len)
{
	intptr_t addr = mmsim_mmap(task, 0, len, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);

	cr_assert_gt(addr, 0, "mmap of %zu bytes: %zd", len, (ssize_t)addr);
	return (uintptr_t)addr;
}

static SIM_UNUSED void sim_touch(struct mmsim_task *task, uintptr_t addr,
				 size_t len)
{
	int sig = mmsim_access(task, addr, len, 1);

	cr_assert_eq(sig, 0, "store to %zu bytes: %d", len, sig);
}

/* Areas as maps shows them; 6.18's [vsyscall] is one of them. */
static SIM_UNUSED int sim_maps_lines(struct mmsim_machine *machine,
				     struct mmsim_task *task)
{
	char *text = sim_task_proc(machine, task, "maps");
	int lines = 0;

	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	free(text);
	return lines;
}

#endif
