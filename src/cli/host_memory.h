/*
 * host_memory.h: what the resident memory of a process of the host is.
 */
#ifndef CLI_HOST_MEMORY_H
#define CLI_HOST_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Resident memory by what it is, kB. */
struct host_memory {
	uint64_t heap_kb;  /* "[heap]": what brk(2) gave */
	uint64_t files_kb; /* the program, libraries, other mapped files */
	uint64_t stack_kb; /* "[stack]" */
	uint64_t other_kb; /* anonymous mappings: stacks of threads, mappings of
			    * its own, static data without initial values */
};

/* Raises each figure to what the process has now; false: it cannot be read. */
bool host_memory_read(struct host_memory *most, pid_t pid);
/* The most that was resident at a time (VmHWM), kB; 0: it cannot be read. */
uint64_t host_memory_peak(pid_t pid);

/* Pss of a process and all that descend from it together, kB, so that what they
 * share counts once; *nr is the number of the others, and without any it is 0. */
uint64_t host_memory_family(pid_t pid, unsigned *nr);

/* Adds one line of /proc/PID/smaps; `kind` is kept from a mapping's first line
 * to its others and begins as 0. */
void host_memory_line(struct host_memory *memory, int *kind, const char *line);

#endif
