/*
 * sim.c: the simulated kernel's side: the same calls on a machine of its own.
 */
#include "oracle.h"

#include <mmsim/kernel.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>

static struct sim {
	struct mmsim_machine *machine;
	struct mmsim_task *tasks[MAX_PROCESSES];
	struct mmsim_file *handles[NR_HANDLES];
	int segments[NR_SEGMENTS];
	char text[1 << 20];
} sim;

static int64_t call(struct mmsim_task *task, const struct request *rq,
		    struct answer *an);
static void sim_look(struct side *side, int process, struct state *state);

static int64_t first_task_call(struct side *side, int kind, uint64_t addr,
			       uint64_t len, int prot, int flags)
{
	struct request rq = {.kind = (uint32_t)kind, .addr = addr, .len = len,
			     .prot = (uint32_t)prot, .flags = (uint32_t)flags,
			     .file = -1};
	struct answer an = {0};

	(void)side;
	return call(sim.tasks[0], &rq, &an);
}

/* A file of /proc/PID, into sim.text. */
static void read_text(int process, const char *name)
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof path, "/proc/%d/%s",
		 mmsim_task_pid(sim.tasks[process]), name);
	len = mmsim_proc_read(sim.machine, path, sim.text, sizeof sim.text);
	if (len < 0) {
		fprintf(stderr, "oracle: %s: %s\n", path, strerror((int)-len));
		exit(1);
	}
}

/* A real program has used its stack and its data before the script, so that
 * the page tables of both exist. */
static void use_image(struct mmsim_task *task)
{
	unsigned long start, end;
	char perms[5], *line;

	read_text(0, "maps");
	for (line = sim.text; *line; line = strchr(line, '\n') + 1)
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3 &&
		    perms[1] == 'w' && place_of(&sim_side, start).space == SPACE_ABS)
			mmsim_access(task, end - 1, 1, 1);
}

/* --- files and segments ----------------------------------------------------------- */

enum { NO_SEGMENT = 0x7fff0000 };

static void file_path(int file, char *path, size_t len)
{
	snprintf(path, len, "%s/%d", file_is_tmpfs(file) ? "/dev/shm" : "/mnt",
		 file);
}

static void fail_file(const char *what, ssize_t err)
{
	fprintf(stderr, "oracle: %s of a simulated file: %s\n", what,
		strerror((int)-err));
	exit(1);
}

/* The holes are read, as on the host; then all is written back. */
static void settle(const struct op *op)
{
	int file;

	for (file = 0; file < NR_FILES; file++) {
		struct mmsim_file *f = sim.handles[2 * file];
		char byte;
		off_t at;

		if (file_is_tmpfs(file) || (op && !op_makes_holes(op)))
			continue;
		for (at = 0; at < mmsim_file_size(f); at += ORACLE_PAGE)
			if (mmsim_pread(sim.tasks[0], f, &byte, 1, at) != 1)
				fail_file("reading", EIO);
	}
	mmsim_sync(sim.machine);
}

static void make_files(struct mmsim_task *task)
{
	int file;

	for (file = 0; file < NR_FILES; file++) {
		off_t size = file_first_size(file), at;
		char path[32], page[ORACLE_PAGE];
		int err;

		file_path(file, path, sizeof path);
		err = mmsim_open(task, path, O_RDWR | O_CREAT,
				 &sim.handles[2 * file]);
		if (!err)
			err = mmsim_open(task, path, O_RDONLY,
					 &sim.handles[2 * file + 1]);
		if (err)
			fail_file("open", err);
		for (at = 0; at < size; at += ORACLE_PAGE) {
			size_t len = size - at < ORACLE_PAGE
					     ? (size_t)(size - at)
					     : ORACLE_PAGE;

			memset(page,
			       file_first_byte(file, (int)(at / ORACLE_PAGE)),
			       sizeof page);
			mmsim_pwrite(task, sim.handles[2 * file], page, len,
				     at);
		}
	}
	memset(sim.segments, 0xff, sizeof sim.segments);
	settle(NULL);
}

static void look_at_files(struct state *state)
{
	int file;

	for (file = 0; file < NR_FILES; file++) {
		const struct mmsim_file *f = sim.handles[2 * file];

		state->files[file].size = mmsim_file_size(f);
		state->files[file].blocks =
			file_is_tmpfs(file) ? mmsim_file_blocks(f) : 0;
	}
}

static struct mmsim_file *handle_of(const struct request *rq)
{
	return rq->file < 0 ? NULL : sim.handles[rq->file];
}

static int64_t read_file(struct mmsim_task *task, const struct request *rq,
			 struct answer *an)
{
	unsigned char buffer[MAX_TRANSFER];
	ssize_t i, n = mmsim_pread(task, handle_of(rq), buffer, rq->len,
				   (off_t)rq->offset);

	for (i = 0; i < n; i++)
		an->hash = hash_more(an->hash, buffer[i]);
	return n;
}

static int64_t write_file(struct mmsim_task *task, const struct request *rq)
{
	unsigned char buffer[MAX_TRANSFER];

	memset(buffer, (int)rq->flags, sizeof buffer);
	return mmsim_pwrite(task, handle_of(rq), buffer, rq->len,
			    (off_t)rq->offset);
}

static int64_t unlink_file(const struct request *rq)
{
	char path[32];

	file_path(rq->file / 2, path, sizeof path);
	return mmsim_unlink(sim.machine, path);
}

static int64_t control_segment(struct mmsim_task *task,
			       const struct request *rq, struct answer *an)
{
	struct shmid_ds ds;
	int ret = mmsim_shmctl(task, rq->id, (int)rq->flags, &ds);

	if (ret == 0 && rq->flags == IPC_STAT) {
		an->hash = hash_more(an->hash, ds.shm_segsz);
		an->hash = hash_more(an->hash, ds.shm_nattch);
		an->hash = hash_more(an->hash, ds.shm_perm.mode);
	}
	return ret;
}

static int segment_of(int segment)
{
	return segment < 0 || sim.segments[segment] < 0
		       ? NO_SEGMENT
		       : sim.segments[segment];
}

/* The one that had this place before is marked to go. */
static void segment_made(struct mmsim_task *task, int segment, int id)
{
	mmsim_shmctl(task, segment_of(segment), IPC_RMID, NULL);
	sim.segments[segment] = id;
}

/* --- the machine ------------------------------------------------------------------ */

static bool sim_start(struct side *side)
{
	static const unsigned limits[] = {RLIMIT_MEMLOCK, RLIMIT_AS,
					  RLIMIT_DATA, RLIMIT_STACK};
	struct rlimit limit;
	char spec[256];
	unsigned i;
	int err;

	snprintf(spec, sizeof spec,
		 "ram=4G,profile=%s,vm.overcommit_memory=%d,"
		 "vm.max_map_count=%ld,vm.mmap_min_addr=%ld",
		 host_facts.profile, host_facts.overcommit_memory,
		 host_facts.max_map_count, host_facts.mmap_min_addr);
	err = mmsim_machine_boot(spec, &sim.machine);
	if (err) {
		fprintf(stderr, "oracle: boot of \"%s\": %s\n", spec,
			strerror(-err));
		return false;
	}
	err = mmsim_task_spawn(sim.machine, "runner", &sim.tasks[0]);
	if (err) {
		fprintf(stderr, "oracle: spawn: %s\n", strerror(-err));
		return false;
	}
	mmsim_task_set_uid(sim.tasks[0], host_facts.uid);
	for (i = 0; i < sizeof limits / sizeof *limits; i++) {
		getrlimit(limits[i], &limit);
		mmsim_task_set_rlimit(sim.tasks[0], (int)limits[i],
				      limit.rlim_cur, limit.rlim_max);
	}
	if (with_objects)
		make_files(sim.tasks[0]);
	oracle_set_bases(side, first_task_call);
	use_image(sim.tasks[0]);
	oracle_set_base_kb(side);
	return true;
}

static void sim_stop(struct side *side)
{
	(void)side;
	mmsim_machine_shutdown(sim.machine);
	memset(sim.tasks, 0, sizeof sim.tasks);
}

static void sim_look(struct side *side, int process, struct state *state)
{
	read_text(process, "smaps");
	state_read_smaps(side, sim.text, state);
	read_text(process, "status");
	state_read_status(side, sim.text, state);
	if (with_objects)
		look_at_files(state);
}

/* --- operations ----------------------------------------------------------------- */

static void touch(struct mmsim_task *task, const struct request *rq,
		  struct answer *an)
{
	uint64_t addr;

	for (addr = rq->addr; addr < rq->addr + rq->len; addr += ORACLE_PAGE) {
		unsigned char byte = (unsigned char)rq->flags;
		uintptr_t fault_addr;
		int ret, code;

		if (rq->kind == OP_WRITE)
			ret = mmsim_store(task, addr, &byte, 1);
		else
			ret = mmsim_load(task, addr, &byte, 1);
		an->hash = hash_more(an->hash, byte);
		if (ret == 0)
			continue;
		an->hash = 0;
		mmsim_task_fault_info(task, &fault_addr, &code);
		an->signal = (uint32_t)ret;
		an->code = (uint32_t)code;
		an->fault_addr = fault_addr;
		return;
	}
}

static int64_t mincore_hash(struct mmsim_task *task, const struct request *rq,
			    struct answer *an)
{
	static unsigned char core[4096];
	uint64_t i, n = rq->len / ORACLE_PAGE;
	int ret;

	if (n > sizeof core)
		n = sizeof core;
	ret = mmsim_mincore(task, rq->addr, n * ORACLE_PAGE, core);
	if (ret == 0)
		for (i = 0; i < n; i++)
			an->hash = hash_more(an->hash, core[i] & 1);
	return ret;
}

static int64_t call(struct mmsim_task *task, const struct request *rq,
		    struct answer *an)
{
	int prot = (int)rq->prot, flags = (int)rq->flags;

	switch (rq->kind) {
	case OP_MMAP:
		return mmsim_mmap(task, rq->addr, rq->len, prot, flags,
				  handle_of(rq), (off_t)rq->offset);
	case OP_MUNMAP:
		return mmsim_munmap(task, rq->addr, rq->len);
	case OP_MPROTECT:
		return mmsim_mprotect(task, rq->addr, rq->len, prot);
	case OP_MREMAP:
		return mmsim_mremap(task, rq->addr, rq->len, rq->len2, flags,
				    rq->addr2);
	case OP_MADVISE:
		return mmsim_madvise(task, rq->addr, rq->len, flags);
	case OP_BRK:
		return mmsim_brk(task, rq->addr);
	case OP_MLOCK:
		return mmsim_mlock2(task, rq->addr, rq->len, rq->flags);
	case OP_MUNLOCK:
		return mmsim_munlock(task, rq->addr, rq->len);
	case OP_MLOCKALL:
		return mmsim_mlockall(task, flags);
	case OP_MUNLOCKALL:
		return mmsim_munlockall(task);
	case OP_MSYNC:
		return mmsim_msync(task, rq->addr, rq->len, flags);
	case OP_PREAD:
		return read_file(task, rq, an);
	case OP_PWRITE:
		return write_file(task, rq);
	case OP_TRUNCATE:
		return mmsim_ftruncate(handle_of(rq), (off_t)rq->len);
	case OP_UNLINK:
		return unlink_file(rq);
	case OP_SHMGET:
		return mmsim_shmget(task, IPC_PRIVATE, rq->len, flags);
	case OP_SHMAT:
		return mmsim_shmat(task, rq->id, rq->addr, flags);
	case OP_SHMDT:
		return mmsim_shmdt(task, rq->addr);
	case OP_SHMCTL:
		return control_segment(task, rq, an);
	case OP_READ:
	case OP_WRITE:
		touch(task, rq, an);
		return 0;
	case OP_MINCORE:
		return mincore_hash(task, rq, an);
	default:
		return -1;
	}
}

/* Sets the limit of `op`; *old is what it was. */
static void set_limit(struct side *side, const struct op *op, uint64_t *old,
		      uint64_t *old_hard)
{
	struct mmsim_task *task = sim.tasks[op->process];
	struct state now;

	read_text(op->process, "status");
	state_read_status(side, sim.text, &now);
	mmsim_task_get_rlimit(task, op->limit, old, old_hard);
	mmsim_task_set_rlimit(task, op->limit, op_limit_bytes(side, op, &now),
			      *old_hard);
}

static void sim_run(struct side *side, const struct op *op, struct state *state)
{
	struct mmsim_task *task = sim.tasks[op->process];
	struct request rq = {
		.kind = (uint32_t)op->kind,
		.addr = place_address(side, op->addr),
		.len = op->len,
		.addr2 = place_address(side, op->addr2),
		.len2 = op->len2,
		.prot = (uint32_t)op->prot,
		.flags = (uint32_t)op->flags,
		.file = op->file,
		.offset = op->offset,
		.id = segment_of(op->segment),
	};
	struct answer an = {0};
	struct mmsim_usage before, after;
	uint64_t old, old_hard;

	if (op->kind == OP_EXIT) {
		mmsim_task_exit(task, 0);
		return;
	}
	mmsim_task_usage(task, &before);
	if (op->limit_pages)
		set_limit(side, op, &old, &old_hard);
	if (op->kind == OP_FORK)
		an.result = mmsim_task_fork(task, &sim.tasks[op->len]);
	else
		an.result = call(task, &rq, &an);
	mmsim_task_usage(task, &after);
	if (op->limit_pages)
		mmsim_task_set_rlimit(task, op->limit, old, old_hard);
	an.min_flt = after.min_flt - before.min_flt;
	if (op->kind == OP_SHMGET && an.result >= 0) {
		segment_made(task, op->segment, (int)an.result);
		an.result = 0;
	}
	if (with_objects)
		settle(op);
	oracle_fill_state(side, &an, state);
	sim_look(side, op->process, state);
}

struct side sim_side = {
	.name = "simulated",
	.start = sim_start,
	.stop = sim_stop,
	.run = sim_run,
	.look = sim_look,
};
