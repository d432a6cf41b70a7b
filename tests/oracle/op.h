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
	OP_PREAD,    /* bytes of a file; of a page or two */
	OP_PWRITE,   /* of request.flags */
	OP_TRUNCATE,
	OP_UNLINK,
	OP_SHMGET,
	OP_SHMAT,
	OP_SHMDT,
	OP_SHMCTL,
	NR_OPS,
};

/* Files are open in the runner from the start, each for reading and writing and
 * for reading alone.  The first ones are of tmpfs, the others on the disk. */
enum {
	NR_TMPFS_FILES = 2,
	NR_FILES = 4,
	NR_HANDLES = 2 * NR_FILES,
	FILE_FD = 20,
	NR_SEGMENTS = 3,
	MAX_TRANSFER = 2 * ORACLE_PAGE,
	MAX_FILE_PAGES = 48,
};

/* One request: addresses are real ones by now. */
struct request {
	uint32_t kind;
	uint32_t child; /* OP_FORK: whose channel the child takes */
	uint64_t addr, len, addr2, len2;
	uint32_t prot, flags;
	int32_t file; /* a handle, file * 2, + 1: read-only; -1: none */
	int32_t id;   /* of a segment */
	uint64_t offset;
};

struct answer {
	int64_t result; /* of the system call, raw */
	uint64_t min_flt;
	uint32_t signal, code;
	uint64_t fault_addr;
	uint64_t hash; /* of what was loaded, or of mincore's vector */
};

/* Adds a value to a hash. */
static inline uint64_t hash_more(uint64_t hash, uint64_t value)
{
	return hash * 31 + value + 7;
}

/* Descriptors of the runner's channel for process i. */
enum { CHANNEL_FD = 10 };

#endif
