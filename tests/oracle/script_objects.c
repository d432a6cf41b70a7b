/*
 * script_objects.c: operations on files and segments.
 *
 * Sizes and places stay small, so that what one operation does to a file is
 * seen through the mappings of others.  A few per cent are bad: offsets that
 * are no page's, descriptors for reading alone, segments that are none.
 */
#include "oracle.h"

#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

bool file_is_tmpfs(int file)
{
	return file < NR_TMPFS_FILES || !host_facts.has_disk;
}

int64_t file_first_size(int file)
{
	static const int64_t sizes[NR_FILES] = {
		40 * ORACLE_PAGE, 9 * ORACLE_PAGE + 100, 40 * ORACLE_PAGE,
		9 * ORACLE_PAGE + 100};

	return sizes[file];
}

unsigned char file_first_byte(int file, int page)
{
	return (unsigned char)(file * 64 + page + 1);
}

static int some_handle(struct script_rng *rng)
{
	return 2 * (int)script_below(rng, NR_FILES) +
	       (script_chance(rng, 20) ? 1 : 0);
}

static uint64_t some_offset(struct script_rng *rng)
{
	uint64_t offset = (uint64_t)script_below(rng, 16) * ORACLE_PAGE;

	if (script_chance(rng, 5))
		offset *= 4;
	return offset;
}

static void make_file_mmap(struct script_rng *rng, struct op *op)
{
	op->file = some_handle(rng);
	op->offset = some_offset(rng);
	op->prot = script_prot(rng);
	/* a directory of ours may be on a disk that holds no programs */
	if (!file_is_tmpfs(op->file / 2))
		op->prot &= ~PROT_EXEC;
	op->flags = script_chance(rng, 45) ? MAP_PRIVATE : MAP_SHARED;
	if (script_chance(rng, 3))
		op->flags = MAP_SHARED_VALIDATE;
	if (script_chance(rng, 75))
		op->flags |= MAP_FIXED;
	else if (script_chance(rng, 50))
		op->addr = (struct place){SPACE_ABS, 0};
	if (script_chance(rng, 6))
		op->flags |= MAP_POPULATE;
	if (script_chance(rng, 4))
		op->flags |= MAP_NORESERVE;
	if (script_chance(rng, 2))
		op->flags |= MAP_LOCKED;
	if (script_chance(rng, 1))
		op->flags |= MAP_GROWSDOWN;
	if (script_chance(rng, 1))
		op->flags |= 0x200000; /* there is none */
	if (script_chance(rng, 1))
		op->offset += 1 + (uint64_t)script_below(rng, 4095);
	if (script_chance(rng, 1))
		op->file = -1;
}

static void make_transfer(struct script_rng *rng, struct op *op)
{
	op->file = some_handle(rng);
	op->offset =
		some_offset(rng) + (uint64_t)script_below(rng, ORACLE_PAGE);
	op->len = (uint64_t)script_below(rng, MAX_TRANSFER + 1);
	op->flags = 1 + (int)script_below(rng, 255);
	if (script_chance(rng, 40)) {
		op->offset -= op->offset % ORACLE_PAGE;
		op->len = ORACLE_PAGE;
	}
	if (script_chance(rng, 1))
		op->offset = (uint64_t)-1 - (uint64_t)script_below(rng, 100);
}

static void make_truncate(struct script_rng *rng, struct op *op)
{
	op->file = some_handle(rng);
	op->len = (uint64_t)script_below(rng, MAX_FILE_PAGES) * ORACLE_PAGE;
	if (script_chance(rng, 50))
		op->len += (uint64_t)script_below(rng, ORACLE_PAGE);
	if (script_chance(rng, 1))
		op->len = (uint64_t)-1;
}

static void make_shmget(struct script_rng *rng, struct op *op)
{
	op->segment = (int)script_below(rng, NR_SEGMENTS);
	op->len = (uint64_t)(1 + script_below(rng, 12)) * ORACLE_PAGE -
		  (uint64_t)script_below(rng, 2) * 1000;
	op->flags = 0600;
	if (script_chance(rng, 20))
		op->flags |= SHM_NORESERVE;
	if (script_chance(rng, 5))
		op->len = 0;
}

static int some_segment(struct script_rng *rng)
{
	return (int)script_below(rng, NR_SEGMENTS + 1) - 1;
}

/* Only in the window: what lies above the kernel's places is not known here. */
static void make_shmat(struct script_rng *rng, struct op *op)
{
	op->segment = some_segment(rng);
	op->flags = script_chance(rng, 25) ? SHM_RDONLY : 0;
	if (op->addr.space != SPACE_WINDOW || script_chance(rng, 30))
		op->addr = (struct place){SPACE_ABS, 0};
	if (script_chance(rng, 50))
		op->flags |= SHM_REMAP;
	if (script_chance(rng, 10))
		op->flags |= SHM_EXEC;
	if (script_chance(rng, 10)) {
		op->flags |= SHM_RND;
		if (op->addr.space == SPACE_WINDOW)
			op->addr.byte += script_below(rng, ORACLE_PAGE);
	}
}

static void make_shmdt(struct script_rng *rng, const struct state *last,
		       struct op *op)
{
	if (last->nr_vmas > 0 && script_chance(rng, 90))
		op->addr = last->vmas[script_below(rng, last->nr_vmas)].start;
	op->len = 0;
}

static void make_shmctl(struct script_rng *rng, struct op *op)
{
	static const int commands[] = {IPC_STAT, IPC_STAT, IPC_STAT, IPC_RMID,
				       99};

	op->segment = some_segment(rng);
	op->flags = commands[script_below(rng, 5)];
}

/* What is more often worth while when there are files. */
static void make_advice(struct script_rng *rng, struct op *op)
{
	static const int advices[] = {MADV_REMOVE,   MADV_REMOVE,
				      MADV_DONTNEED, MADV_WILLNEED,
				      MADV_FREE,     20 /* COLD */};

	op->flags = advices[script_below(rng, 6)];
}

void script_object(struct script_rng *rng, const struct state *last,
		   struct op *op)
{
	static const struct {
		int kind, weight;
	} kinds[] = {
		{OP_MMAP, 28},    {OP_PREAD, 7},  {OP_PWRITE, 10},
		{OP_TRUNCATE, 8}, {OP_UNLINK, 1}, {OP_SHMGET, 7},
		{OP_SHMAT, 11},   {OP_SHMDT, 6},  {OP_SHMCTL, 6},
		{OP_MADVISE, 8},  {OP_MSYNC, 5},  {OP_MINCORE, 3},
	};
	int64_t pick = script_below(rng, 100); /* the sum of the weights */
	unsigned i;

	for (i = 0; pick >= kinds[i].weight; i++)
		pick -= kinds[i].weight;
	op->kind = kinds[i].kind;
	switch (op->kind) {
	case OP_MMAP:
		make_file_mmap(rng, op);
		break;
	case OP_PREAD:
	case OP_PWRITE:
		make_transfer(rng, op);
		break;
	case OP_TRUNCATE:
		make_truncate(rng, op);
		break;
	case OP_UNLINK:
		op->file = 2 * (NR_FILES - 1);
		if (file_is_tmpfs(NR_FILES - 1))
			op->kind = OP_MINCORE;
		break;
	case OP_SHMGET:
		make_shmget(rng, op);
		break;
	case OP_SHMAT:
		make_shmat(rng, op);
		break;
	case OP_SHMDT:
		make_shmdt(rng, last, op);
		break;
	case OP_SHMCTL:
		make_shmctl(rng, op);
		break;
	case OP_MADVISE:
		make_advice(rng, op);
		break;
	case OP_MSYNC:
		op->flags = (int)script_below(rng, 8);
		break;
	}
}
