/*
 * host_memory.c: what the resident memory of a process of the host is.
 *
 * Simplified: of a family only those count that have not been left by their
 * parents, and without /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN) there is
 * none.
 *
 * Source: proc(5), "smaps", "smaps_rollup", "status" and "children".
 */
#include "cli/host_memory.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { KIND_NONE, KIND_HEAP, KIND_FILE, KIND_STACK, KIND_OTHER };

/* The first line of a mapping: "start-end perms offset device inode  name". */
static bool read_mapping(const char *line, int *kind)
{
	uint64_t start, end;
	int name = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &start,
		   &end, &name) != 2)
		return false;
	line += name;
	if (strncmp(line, "[heap]", 6) == 0)
		*kind = KIND_HEAP;
	else if (strncmp(line, "[stack", 6) == 0)
		*kind = KIND_STACK;
	else if (name == 0 || *line == '\0' || *line == '\n' ||
		 strncmp(line, "[anon", 5) == 0)
		*kind = KIND_OTHER;
	else if (*line == '[') /* [vdso], [vvar] are the kernel's */
		*kind = KIND_NONE;
	else
		*kind = KIND_FILE;
	return true;
}

void host_memory_line(struct host_memory *memory, int *kind, const char *line)
{
	uint64_t kb;

	if (read_mapping(line, kind) ||
	    sscanf(line, "Rss: %" SCNu64 " kB", &kb) != 1)
		return;
	switch (*kind) {
	case KIND_HEAP:
		memory->heap_kb += kb;
		break;
	case KIND_FILE:
		memory->files_kb += kb;
		break;
	case KIND_STACK:
		memory->stack_kb += kb;
		break;
	case KIND_OTHER:
		memory->other_kb += kb;
		break;
	}
}

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[320];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

static void keep_most(uint64_t *most, uint64_t value)
{
	if (value > *most)
		*most = value;
}

bool host_memory_read(struct host_memory *most, pid_t pid)
{
	struct host_memory now = {0};
	char line[PATH_MAX + 256];
	int kind = KIND_NONE;
	FILE *from = open_proc(pid, "smaps");

	if (!from)
		return false;
	while (fgets(line, sizeof(line), from))
		host_memory_line(&now, &kind, line);
	fclose(from);
	/* It has no memory any more. */
	if (now.files_kb == 0)
		return false;
	keep_most(&most->heap_kb, now.heap_kb);
	keep_most(&most->files_kb, now.files_kb);
	keep_most(&most->stack_kb, now.stack_kb);
	keep_most(&most->other_kb, now.other_kb);
	return true;
}

/* The value in kB behind a name at the beginning of a line; 0: there is none. */
static uint64_t read_kb(pid_t pid, const char *file, const char *name)
{
	FILE *from = open_proc(pid, file);
	size_t len = strlen(name);
	uint64_t kb = 0;
	char line[256];

	while (from && fgets(line, sizeof(line), from))
		if (strncmp(line, name, len) == 0 &&
		    sscanf(line + len, " %" SCNu64 " kB", &kb) == 1)
			break;
	if (from)
		fclose(from);
	return kb;
}

uint64_t host_memory_peak(pid_t pid)
{
	return read_kb(pid, "status", "VmHWM:");
}

static uint64_t descendants_kb(pid_t pid, unsigned *nr)
{
	struct dirent *task;
	char path[300];
	uint64_t kb = 0;
	FILE *children;
	DIR *tasks;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks && (task = readdir(tasks))) {
		snprintf(path, sizeof(path), "task/%s/children", task->d_name);
		children = open_proc(pid, path);
		while (children && fscanf(children, "%d", &child) == 1) {
			++*nr;
			kb += read_kb(child, "smaps_rollup", "Pss:") +
			      descendants_kb(child, nr);
		}
		if (children)
			fclose(children);
	}
	if (tasks)
		closedir(tasks);
	return kb;
}

uint64_t host_memory_family(pid_t pid, unsigned *nr)
{
	uint64_t kb;

	*nr = 0;
	kb = descendants_kb(pid, nr);
	return *nr ? kb + read_kb(pid, "smaps_rollup", "Pss:") : 0;
}
