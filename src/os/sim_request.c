/*
 * sim_request.c: system calls of a live task in the words of the run area: which
 * of them are requests that can fail, how much they ask for, and why they fail.
 *
 * The calls are those that the os operations make, and the program itself on its
 * simulated memory.
 *
 * Sources: brk(2), mmap(2), mremap(2), madvise(2).
 */
#include "os/sim_request.h"

#include "kernel/task.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum run_request sim_request_of(enum live_op op)
{
	switch (op) {
	case LIVE_BRK:
		return RUN_BRK;
	case LIVE_MMAP:
		return RUN_MMAP;
	case LIVE_MPROTECT:
		return RUN_MPROTECT;
	case LIVE_MREMAP:
		return RUN_MREMAP;
	case LIVE_MUNMAP:
		return RUN_MUNMAP;
	case LIVE_MADVISE:
		return RUN_MADVISE;
	default:
		return 0;
	}
}

bool sim_request_can_fail(enum live_op op, const uintptr_t arg[4])
{
	if (op == LIVE_BRK)
		return arg[0] != 0;
	if (op == LIVE_MADVISE)
		return arg[2] == MADV_DONTNEED || arg[2] == MADV_POPULATE_WRITE;
	return sim_request_of(op) != 0;
}

static uint64_t grown(uint64_t to, uint64_t from)
{
	return to > from ? to - from : 0;
}

uint64_t sim_request_bytes(const struct mmsim_task *task, enum live_op op,
			   const uintptr_t arg[4])
{
	switch (op) {
	case LIVE_BRK:
		return task->mm ? grown(arg[0], task->mm->brk) : 0;
	case LIVE_MMAP:
	case LIVE_MPROTECT:
		return arg[2] & PROT_WRITE ? arg[1] : 0;
	case LIVE_MREMAP:
		return grown(arg[2], arg[1]);
	default:
		return 0;
	}
}

uint64_t sim_request_len(const struct mmsim_task *task, enum live_op op,
			 const uintptr_t arg[4])
{
	switch (op) {
	case LIVE_BRK:
		return task->mm ? arg[0] - task->mm->brk : 0;
	case LIVE_MREMAP:
		return arg[2];
	default:
		return arg[1];
	}
}

enum run_rule sim_request_rule(enum refusal refusal)
{
	static const uint8_t rules[] = {
		[REFUSAL_NONE] = RUN_RULE_OTHER,
		[REFUSAL_COMMIT_LIMIT] = RUN_RULE_COMMIT_LIMIT,
		[REFUSAL_HEURISTIC] = RUN_RULE_HEURISTIC,
		[REFUSAL_RLIMIT_AS] = RUN_RULE_RLIMIT_AS,
		[REFUSAL_RLIMIT_DATA] = RUN_RULE_RLIMIT_DATA,
		[REFUSAL_MAX_MAP_COUNT] = RUN_RULE_MAX_MAP_COUNT,
		[REFUSAL_ADDRESS_SPACE] = RUN_RULE_ADDRESS_SPACE,
		[REFUSAL_NO_MEMORY] = RUN_RULE_NO_MEMORY,
	};

	return rules[refusal];
}

enum run_time sim_request_time(enum live_op op)
{
	switch (op) {
	case LIVE_BRK:
		return RUN_TIME_BRK;
	case LIVE_MMAP:
		return RUN_TIME_MMAP;
	case LIVE_MPROTECT:
		return RUN_TIME_MPROTECT;
	case LIVE_MREMAP:
		return RUN_TIME_MREMAP;
	case LIVE_MUNMAP:
		return RUN_TIME_MUNMAP;
	default:
		return RUN_TIME_MADVISE;
	}
}
