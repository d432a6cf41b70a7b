/*
 * oracle.h: one script, two kernels.
 *
 * A script is a list of memory operations of a few processes.  It is run on
 * the kernel of this host, by a small program without libc (runner.c), and on
 * a simulated machine, and after each operation the two must agree: result,
 * areas, what is resident and how it is shared, minor faults, mincore.
 *
 *   script.c   makes operations from a seed, looking at the areas that exist;
 *              script_objects.c those on files and segments
 *   host.c     has them done by the runner; host_files.c makes its files
 *   sim.c      has them done by the simulated kernel
 *   state.c    reads smaps and status (of either) and compares
 *   probe.c    asks the host which rules it follows
 *   main.c     runs scripts, and cuts one that diverges to what is needed
 *
 * Addresses are relative to places that both have: a window at a fixed address
 * that nobody else uses, where the kernel places mappings, the break, and where
 * MAP_32BIT places.
 *
 * Every second script has objects as well: two files of tmpfs, two on a disk,
 * and System V segments.  Pages of the files are always in the cache, and those
 * on the disk clean after each operation, for read-ahead and the time of
 * write-back are not to be compared: both sides see to it with oracle_settle.
 */
#ifndef TESTS_ORACLE_ORACLE_H
#define TESTS_ORACLE_ORACLE_H

#include "op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* An address as both sides see it. */
struct place {
	int space;    /* SPACE_ */
	int64_t byte; /* from that space's base; SPACE_ABS: the address */
};

struct op {
	int kind;    /* OP_ */
	int process; /* who does it: 0..MAX_PROCESSES-1 */
	struct place addr, addr2;
	uint64_t len, len2; /* bytes */
	int prot, flags;    /* OP_MADVISE: the advice is in flags */
	/* RLIMIT_ during this operation, pages more than what it counts now
	 * (RLIMIT_STACK: pages); 0 pages: no limit. */
	int limit;
	uint64_t limit_pages;
	int file;        /* a handle of op.h; -1: none */
	int segment;     /* OP_SHM: which of the script's; -1: one that is none */
	uint64_t offset; /* in the file */
};

enum { MAX_VMAS = 512, MAX_OPS = 4096 };

/* One line of maps, and the fields of smaps that are compared; kB. */
enum smaps_field {
	SMAPS_RSS,
	SMAPS_PSS,
	SMAPS_SHARED_CLEAN,
	SMAPS_SHARED_DIRTY,
	SMAPS_PRIVATE_CLEAN,
	SMAPS_PRIVATE_DIRTY,
	SMAPS_ANONYMOUS,
	SMAPS_SWAP,
	SMAPS_LOCKED,
	NR_SMAPS_FIELDS,
};

struct vma_state {
	struct place start;
	int64_t bytes;
	char perms[5];
	uint64_t kb[NR_SMAPS_FIELDS];
	char flags[128]; /* VmFlags */
};

/* Lines of /proc/PID/status that are compared; kB. */
enum status_field {
	STATUS_SIZE,
	STATUS_LOCKED,
	STATUS_DATA,
	STATUS_STACK,
	STATUS_TABLES,
	NR_STATUS_FIELDS,
};

struct file_state {
	int64_t size;
	int64_t blocks; /* of 512 bytes; of tmpfs only */
};

/* What an operation led to. */
struct state {
	struct place result;   /* an address; errors and numbers: SPACE_ABS */
	int64_t min_flt;       /* faults that the operation took */
	int signal, code;      /* of a touch; 0: none */
	struct place fault;    /* si_addr, page */
	uint64_t hash; /* of what was loaded, or of mincore's vector */
	uint64_t kb[NR_STATUS_FIELDS];
	uint64_t image_locked_kb; /* areas of no space that are locked */
	struct file_state files[NR_FILES]; /* with_objects */
	int nr_vmas;
	struct vma_state vmas[MAX_VMAS]; /* last: most of them are not used */
};

/* One of the two kernels. */
struct side {
	const char *name;
	void *impl;
	uintptr_t base[NR_SPACES];
	/* Of the program before the script: the two are not the same. */
	uint64_t base_kb[NR_STATUS_FIELDS];
	/* Fresh processes; false: cannot be had, the reason is printed. */
	bool (*start)(struct side *side);
	void (*stop)(struct side *side);
	void (*run)(struct side *side, const struct op *op, struct state *state);
	/* The areas of a process, after another one's operation. */
	void (*look)(struct side *side, int process, struct state *state);
};

/* A system call of the first process, with real addresses. */
typedef int64_t oracle_call(struct side *side, int kind, uint64_t addr,
			    uint64_t len, int prot, int flags);
/* Makes the places that the bases stand for. */
void oracle_set_bases(struct side *side, oracle_call *call);
/* Takes the figures of status now as those of the program. */
void oracle_set_base_kb(struct side *side);
/* The raw answer, with its addresses made relative. */
void oracle_fill_state(const struct side *side, const struct answer *answer,
		       struct state *state);

extern struct side host_side, sim_side;

/* The script at hand has files and segments. */
extern bool with_objects;
/* The file is of tmpfs; all of them are where the host has no disk for us. */
bool file_is_tmpfs(int file);
/* Bytes that file `file` has from the start, and what page `page` of it holds. */
int64_t file_first_size(int file);
unsigned char file_first_byte(int file, int page);
/* The operation may have left holes in files. */
static inline bool op_makes_holes(const struct op *op)
{
	return op->kind == OP_TRUNCATE || op->kind == OP_MADVISE ||
	       op->kind == OP_PWRITE;
}

/* What the simulated machine must know of this host. */
struct host_facts {
	int overcommit_memory;
	long max_map_count, mmap_min_addr;
	unsigned uid;
	const char *profile; /* by what the kernel does, not by its version */
	bool has_disk;       /* a file system whose pages behave as ext4's */
	bool has_objects;    /* shared memory that can be compared */
};
extern struct host_facts host_facts;
/* NULL, or why this host cannot be compared (probe.c). */
const char *find_host_facts(void);

/* script.c */
struct script_rng {
	uint64_t state;
};
void script_next(struct script_rng *rng, const struct state *last,
		 const bool *alive, int step, struct op *op);
void op_print(FILE *out, const struct op *op);

/* script_objects.c: changes *op, in which process, addr and len are chosen, to
 * one on files or segments. */
void script_object(struct script_rng *rng, const struct state *last,
		   struct op *op);
/* The parts of script.c that it uses. */
int64_t script_below(struct script_rng *rng, int64_t bound);
bool script_chance(struct script_rng *rng, int percent);
int script_prot(struct script_rng *rng);

/* host_files.c: the files that the runner gets, as descriptors from FILE_FD on. */
void host_files_make(void);
void host_files_pass(void); /* in the child that will be the runner */
void host_files_drop(void);
void host_files_settle(const struct op *op);
void host_files_look(struct state *state);
/* The id of a segment of the script; one that is none when it has not been made. */
int host_segment(int segment);
void host_segment_made(int segment, int id);

/* state.c */
uintptr_t place_address(const struct side *side, struct place place);
struct place place_of(const struct side *side, uintptr_t addr);
/* Areas of the spaces, from the text of smaps. */
void state_read_smaps(const struct side *side, char *text, struct state *state);
/* What was added to the figures of status since side->base_kb, VmLck less what
 * mlockall locked of the program itself; after state_read_smaps. */
void state_read_status(const struct side *side, const char *text,
		       struct state *state);
/* What RLIMIT_AS or RLIMIT_DATA must be for `op`, in bytes; status was read. */
uint64_t op_limit_bytes(const struct side *side, const struct op *op,
			const struct state *state);
/* Explains the first difference in `why`; true: equal. */
bool state_equal(const struct op *op, const struct state *a,
		 const struct state *b, char *why, size_t len);
void state_print(FILE *out, const char *name, const struct state *state);

#endif
