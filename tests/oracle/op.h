/*
 * op.h: what host.c tells the runner, and what it answers.
 *
 * The runner has no libc, so this header has only numbers.
 */
#ifndef TESTS_ORACLE_OP_H
#define TESTS_ORACLE_OP_H

#include <stdint.h>

enum { SPACE_ABS, SPACE_WINDOW, SPACE_TOP, SPACE_BRK, SPACE_LOW, NR_SPACES };

#define WINDOW_BASE 0x200000000000u
/* Where MAP_32BIT places: 1 to 2 GiB. */
#define LOW_BASE 0x40000000u
enum { WINDOW_PAGES = 96, MAX_PROCESSES = 3, ORACLE_PAGE = 4096 };

enum op_kind {
	OP_MMAP,
	OP_MUNMAP,
	OP_MPROTECT,
	OP_MREMAP,
	OP_MADVISE,
	OP_BRK,
	OP_MLOCK,
	OP_MUNLOCK,
	OP_MLOCKALL,
	OP_MUNLOCKALL,
	OP_READ,  /* one load in each page */
	OP_WRITE, /* one store in each page, of request.flags */
	OP_MINCORE,
	OP_MSYNC,
	OP_FORK,
	OP_EXIT,
	NR_OPS,
};

/* One request: addresses are real ones by now. */
struct request {
	uint32_t kind;
	uint32_t child; /* OP_FORK: whose channel the child takes */
	uint64_t addr, len, addr2, len2;
	uint32_t prot, flags;
};

struct answer {
	int64_t result; /* of the system call, raw */
	uint64_t min_flt;
	uint32_t signal, code;
	uint64_t fault_addr;
	uint64_t hash; /* of what was loaded, or of mincore's vector */
};

/* Descriptors of the runner's channel for process i. */
enum { CHANNEL_FD = 10 };

#endif
