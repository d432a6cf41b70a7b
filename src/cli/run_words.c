/*
 * run_words.c: words for the numbers of os/run_area.h.
 */
#include "cli/run_words.h"

#include <stddef.h>

#define WORD(words, n)                                                         \
	((n) < sizeof(words) / sizeof(*(words)) && (words)[n] ? (words)[n]     \
							      : "?")

const char run_simulated[] = "the heap: the break, the mappings of the "
			     "allocator, and every access to "
			     "them";
const char run_not_simulated[] =
	"stacks, the program and its libraries, file mappings, and mappings "
	"that "
	"the program makes itself; they take no memory of the machine";

const char *run_request_name(unsigned request)
{
	static const char *const words[] = {
		[RUN_BRK] = "brk",           [RUN_MMAP] = "mmap",
		[RUN_MPROTECT] = "mprotect", [RUN_MREMAP] = "mremap",
		[RUN_MUNMAP] = "munmap",     [RUN_MADVISE] = "madvise",
	};

	return WORD(words, request);
}

const char *run_rule_name(unsigned rule)
{
	static const char *const words[] = {
		[RUN_RULE_NONE] = "none",
		[RUN_RULE_COMMIT_LIMIT] = "commit-limit",
		[RUN_RULE_HEURISTIC] = "heuristic",
		[RUN_RULE_RLIMIT_AS] = "rlimit-as",
		[RUN_RULE_RLIMIT_DATA] = "rlimit-data",
		[RUN_RULE_MAX_MAP_COUNT] = "max-map-count",
		[RUN_RULE_ADDRESS_SPACE] = "address-space",
		[RUN_RULE_NO_MEMORY] = "no-memory",
		[RUN_RULE_ON_PURPOSE] = "on-purpose",
		[RUN_RULE_OTHER] = "other",
	};

	return WORD(words, rule);
}

const char *run_rule_what(unsigned rule)
{
	static const char *const words[] = {
		[RUN_RULE_NONE] = "no rule",
		[RUN_RULE_COMMIT_LIMIT] =
			"overcommit_memory=2: beyond the commit limit",
		[RUN_RULE_HEURISTIC] =
			"overcommit_memory=0: more than all memory and swap",
		[RUN_RULE_RLIMIT_AS] = "RLIMIT_AS",
		[RUN_RULE_RLIMIT_DATA] = "RLIMIT_DATA",
		[RUN_RULE_MAX_MAP_COUNT] = "vm.max_map_count",
		[RUN_RULE_ADDRESS_SPACE] =
			"no hole in the addresses is so large",
		[RUN_RULE_NO_MEMORY] = "no frame for the kernel's own tables",
		[RUN_RULE_ON_PURPOSE] = "on purpose",
		[RUN_RULE_OTHER] = "an argument",
	};

	return WORD(words, rule);
}

const char *run_time_name(unsigned time)
{
	static const char *const words[] = {
		[RUN_TIME_MINOR_FAULT] = "minor_fault",
		[RUN_TIME_MAJOR_FAULT] = "major_fault",
		[RUN_TIME_BRK] = "brk",
		[RUN_TIME_MMAP] = "mmap",
		[RUN_TIME_MPROTECT] = "mprotect",
		[RUN_TIME_MREMAP] = "mremap",
		[RUN_TIME_MUNMAP] = "munmap",
		[RUN_TIME_MADVISE] = "madvise",
		[RUN_TIME_DIRECT_RECLAIM] = "direct_reclaim",
		[RUN_TIME_KSWAPD] = "kswapd",
	};

	return WORD(words, time);
}

const char *run_event_name(unsigned kind)
{
	static const char *const words[] = {
		[RUN_EVENT_SAMPLE] = "sample",
		[RUN_EVENT_CALL] = "call",
		[RUN_EVENT_REFUSED] = "refused",
		[RUN_EVENT_OOM_KILL] = "oom-kill",
		[RUN_EVENT_FORK] = "fork",
		[RUN_EVENT_END] = "end",
	};

	return WORD(words, kind);
}

const char *run_end_word(unsigned end)
{
	static const char *const words[] = {
		[RUN_END_EXIT] = "exit",         [RUN_END_EXEC] = "exec",
		[RUN_END_OOM_KILL] = "oom-kill", [RUN_END_PANIC] = "panic",
		[RUN_END_BROKEN] = "broken",
	};

	return WORD(words, end);
}

const char *run_end_name(const struct run_process *process)
{
	return process->state == RUN_ENDED ? run_end_word(process->end)
					   : "running";
}

const char *run_end_what(const struct run_process *process)
{
	static const char *const words[] = {
		[RUN_END_EXIT] = "ended",
		[RUN_END_EXEC] = "executed another program",
		[RUN_END_OOM_KILL] = "was killed by the machine's OOM killer",
		[RUN_END_PANIC] = "ended with the machine's panic",
		[RUN_END_BROKEN] = "lost its machine",
	};

	return process->state == RUN_ENDED
		       ? WORD(words, process->end)
		       : "runs on, or ended without telling its figures";
}
