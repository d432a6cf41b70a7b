/*
 * host_memory.c: what the resident memory of a process of the host is.
 *
 * Source: proc(5), "smaps" and "status".
 */
#include "cli/host_memory.h"

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
	char path[64];

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

uint64_t host_memory_peak(pid_t pid)
{
	uint64_t peak_kb = 0;
	char line[256];
	FILE *from = open_proc(pid, "status");

	while (from && fgets(line, sizeof(line), from))
		sscanf(line, "VmHWM: %" SCNu64 " kB", &peak_kb);
	if (from)
		fclose(from);
	return peak_kb;
}
