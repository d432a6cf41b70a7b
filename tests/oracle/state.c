/*
 * state.c: reads the state of a process and compares two of them.
 *
 * Both kernels show their areas as the text of smaps, so one reader serves
 * both.  Only areas of the three spaces count: the program's own image, its stack
 * and the vdso differ between a real program and the simulated one.
 */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* How far a space reaches from its base, bytes. */
static const int64_t space_below[NR_SPACES] = {
	[SPACE_WINDOW] = (int64_t)1 << 36,
	[SPACE_TOP] = (int64_t)1 << 40,
};
static const int64_t space_above[NR_SPACES] = {
	[SPACE_WINDOW] = (int64_t)1 << 36,
	[SPACE_BRK] = (int64_t)1 << 28,
	[SPACE_LOW] = (int64_t)1 << 30,
};

static const char *const field_names[NR_SMAPS_FIELDS] = {
	[SMAPS_RSS] = "Rss",
	[SMAPS_PSS] = "Pss",
	[SMAPS_SHARED_CLEAN] = "Shared_Clean",
	[SMAPS_SHARED_DIRTY] = "Shared_Dirty",
	[SMAPS_PRIVATE_CLEAN] = "Private_Clean",
	[SMAPS_PRIVATE_DIRTY] = "Private_Dirty",
	[SMAPS_ANONYMOUS] = "Anonymous",
	[SMAPS_SWAP] = "Swap",
	[SMAPS_LOCKED] = "Locked",
};

static const char *const status_names[NR_STATUS_FIELDS] = {
	[STATUS_SIZE] = "VmSize",
	[STATUS_LOCKED] = "VmLck",
	[STATUS_DATA] = "VmData",
	[STATUS_STACK] = "VmStk",
	[STATUS_TABLES] = "VmPTE",
};

uintptr_t place_address(const struct side *side, struct place place)
{
	return side->base[place.space] + (uintptr_t)place.byte;
}

struct place place_of(const struct side *side, uintptr_t addr)
{
	int space;

	for (space = SPACE_WINDOW; space < NR_SPACES; space++) {
		int64_t byte = (int64_t)(addr - side->base[space]);

		if (side->base[space] && byte >= -space_below[space] &&
		    byte < space_above[space])
			return (struct place){space, byte};
	}
	return (struct place){SPACE_ABS, (int64_t)addr};
}

static bool place_equal(struct place a, struct place b)
{
	return a.space == b.space && a.byte == b.byte;
}

static void read_field(struct vma_state *vma, const char *line)
{
	int i;

	if (strncmp(line, "VmFlags:", 8) == 0) {
		const char *end = line + strcspn(line, "\n");
		size_t len = (size_t)(end - line) - 8;

		if (len >= sizeof vma->flags)
			len = sizeof vma->flags - 1;
		memcpy(vma->flags, line + 8, len);
		vma->flags[len] = '\0';
		return;
	}
	for (i = 0; i < NR_SMAPS_FIELDS; i++) {
		const char *name = field_names[i];
		size_t len;

		if (line[0] != name[0])
			continue;
		len = strlen(name);
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			vma->kb[i] = strtoull(line + len + 1, NULL, 10);
	}
}

/* Soft-dirty is a configuration of the host's kernel, not a rule. */
static void drop_flag(char *flags, const char *flag)
{
	char *at = strstr(flags, flag);

	if (at)
		memmove(at, at + 3, strlen(at + 3) + 1);
}

void state_read_smaps(const struct side *side, char *text, struct state *state)
{
	struct vma_state *vma = NULL, image = {0};
	char *line, *next;
	int i;

	state->nr_vmas = 0;
	state->image_locked_kb = 0;
	for (line = text; *line; line = next) {
		char *rest;
		uintptr_t start, end;

		next = strchr(line, '\n');
		next = next ? next + 1 : line + strlen(line);
		start = strtoull(line, &rest, 16);
		if (*rest != '-') {
			if (vma)
				read_field(vma, line);
			if (vma == &image && strncmp(line, "VmFlags:", 8) == 0 &&
			    strstr(image.flags, " lo "))
				state->image_locked_kb +=
					(uint64_t)image.bytes >> 10;
			continue;
		}
		end = strtoull(rest + 1, &rest, 16);
		vma = &image;
		image.bytes = (int64_t)(end - start);
		if (place_of(side, start).space == SPACE_ABS ||
		    state->nr_vmas == MAX_VMAS)
			continue;
		vma = &state->vmas[state->nr_vmas++];
		memset(vma, 0, sizeof *vma);
		vma->start = place_of(side, start);
		vma->bytes = (int64_t)(end - start);
		memcpy(vma->perms, rest + 1, 4);
	}
	for (i = 0; i < state->nr_vmas; i++)
		drop_flag(state->vmas[i].flags, "sd ");
}

void state_read_status(const struct side *side, const char *text,
		       struct state *state)
{
	int i;

	for (i = 0; i < NR_STATUS_FIELDS; i++) {
		const char *at = strstr(text, status_names[i]);

		state->kb[i] = 0;
		if (at)
			state->kb[i] = strtoull(at + strlen(status_names[i]) + 1,
						NULL, 10) - side->base_kb[i];
	}
	state->kb[STATUS_LOCKED] -= state->image_locked_kb;
}

uint64_t op_limit_bytes(const struct side *side, const struct op *op,
			const struct state *state)
{
	uint64_t now = 0;

	if (op->limit == RLIMIT_AS)
		now = state->kb[STATUS_SIZE] + side->base_kb[STATUS_SIZE];
	else if (op->limit == RLIMIT_DATA)
		now = state->kb[STATUS_DATA] + side->base_kb[STATUS_DATA];
	return (now << 10) + op->limit_pages * ORACLE_PAGE;
}

/* --- comparing ---------------------------------------------------------------- */

static const char *const space_names[NR_SPACES] = {"", "window", "top",
						   "brk", "low"};

static void place_print(FILE *out, struct place place)
{
	if (place.space == SPACE_ABS)
		fprintf(out, "%ld", (long)place.byte);
	else
		fprintf(out, "%s%+ld", space_names[place.space],
			(long)(place.byte / ORACLE_PAGE));
	if (place.space != SPACE_ABS && place.byte % ORACLE_PAGE)
		fprintf(out, "+%ldB", (long)(place.byte % ORACLE_PAGE));
}

static bool vma_equal(const struct vma_state *a, const struct vma_state *b,
		      char *why, size_t len)
{
	int i;

	if (!place_equal(a->start, b->start) || a->bytes != b->bytes) {
		snprintf(why, len, "areas begin or end elsewhere");
		return false;
	}
	if (strcmp(a->perms, b->perms)) {
		snprintf(why, len, "permissions %s and %s", a->perms, b->perms);
		return false;
	}
	for (i = 0; i < NR_SMAPS_FIELDS; i++)
		if (a->kb[i] != b->kb[i]) {
			snprintf(why, len, "%s %lu kB and %lu kB",
				 field_names[i], (unsigned long)a->kb[i],
				 (unsigned long)b->kb[i]);
			return false;
		}
	if (strcmp(a->flags, b->flags)) {
		snprintf(why, len, "VmFlags \"%s\" and \"%s\"", a->flags,
			 b->flags);
		return false;
	}
	return true;
}

static bool result_equal(const struct op *op, const struct state *a,
			 const struct state *b, char *why, size_t len)
{
	if (!place_equal(a->result, b->result))
		snprintf(why, len, "results %ld (space %d) and %ld (space %d)",
			 (long)a->result.byte, a->result.space,
			 (long)b->result.byte, b->result.space);
	else if (a->signal != b->signal || a->code != b->code)
		snprintf(why, len, "signals %d (code %d) and %d (code %d)",
			 a->signal, a->code, b->signal, b->code);
	else if (!place_equal(a->fault, b->fault))
		snprintf(why, len, "si_addr differs");
	else if (a->hash != b->hash)
		snprintf(why, len, "%s differs",
			 op->kind == OP_MINCORE ? "mincore" : "content");
	/* mlockall also faults in the program's own pages. */
	else if (a->min_flt != b->min_flt && op->kind != OP_MLOCKALL &&
		 op->kind != OP_FORK)
		snprintf(why, len, "minor faults %ld and %ld", (long)a->min_flt,
			 (long)b->min_flt);
	else
		return true;
	return false;
}

static bool files_equal(const struct state *a, const struct state *b, char *why,
			size_t len)
{
	int i;

	for (i = 0; i < NR_FILES; i++) {
		const struct file_state *fa = &a->files[i], *fb = &b->files[i];

		if (fa->size == fb->size && fa->blocks == fb->blocks)
			continue;
		snprintf(why, len,
			 "file %d: %ld bytes in %ld blocks and %ld in %ld", i,
			 (long)fa->size, (long)fa->blocks, (long)fb->size,
			 (long)fb->blocks);
		return false;
	}
	return true;
}

bool state_equal(const struct op *op, const struct state *a,
		 const struct state *b, char *why, size_t len)
{
	char inner[200];
	int i;

	if (op && !result_equal(op, a, b, why, len))
		return false;
	if (with_objects && !files_equal(a, b, why, len))
		return false;
	for (i = 0; i < NR_STATUS_FIELDS; i++)
		if (a->kb[i] != b->kb[i]) {
			snprintf(why, len, "%s %+ld kB and %+ld kB",
				 status_names[i], (long)a->kb[i],
				 (long)b->kb[i]);
			return false;
		}
	for (i = 0; i < a->nr_vmas && i < b->nr_vmas; i++)
		if (!vma_equal(&a->vmas[i], &b->vmas[i], inner, sizeof inner)) {
			snprintf(why, len, "area %d: %s", i, inner);
			return false;
		}
	if (a->nr_vmas != b->nr_vmas) {
		snprintf(why, len, "%d areas and %d areas", a->nr_vmas,
			 b->nr_vmas);
		return false;
	}
	return true;
}

void state_print(FILE *out, const char *name, const struct state *state)
{
	int i, field;

	fprintf(out, "# %s: result ", name);
	place_print(out, state->result);
	fprintf(out, ", minflt %ld, signal %d code %d\n", (long)state->min_flt,
		state->signal, state->code);
	for (i = 0; i < state->nr_vmas; i++) {
		const struct vma_state *vma = &state->vmas[i];

		fprintf(out, "#   ");
		place_print(out, vma->start);
		fprintf(out, " %ld pages %s", (long)(vma->bytes / ORACLE_PAGE),
			vma->perms);
		for (field = 0; field < NR_SMAPS_FIELDS; field++)
			if (vma->kb[field])
				fprintf(out, " %s=%lu", field_names[field],
					(unsigned long)vma->kb[field]);
		fprintf(out, " [%s]\n", vma->flags);
	}
}

/* --- operations as text ---------------------------------------------------------- */

void op_print(FILE *out, const struct op *op)
{
	static const char *const names[NR_OPS] = {
		[OP_MMAP] = "mmap",
		[OP_MUNMAP] = "munmap",
		[OP_MPROTECT] = "mprotect",
		[OP_MREMAP] = "mremap",
		[OP_MADVISE] = "madvise",
		[OP_BRK] = "brk",
		[OP_MLOCK] = "mlock2",
		[OP_MUNLOCK] = "munlock",
		[OP_MLOCKALL] = "mlockall",
		[OP_MUNLOCKALL] = "munlockall",
		[OP_READ] = "read",
		[OP_WRITE] = "write",
		[OP_MINCORE] = "mincore",
		[OP_MSYNC] = "msync",
		[OP_FORK] = "fork",
		[OP_EXIT] = "exit",
		[OP_PREAD] = "pread",
		[OP_PWRITE] = "pwrite",
		[OP_TRUNCATE] = "ftruncate",
		[OP_UNLINK] = "unlink",
		[OP_SHMGET] = "shmget",
		[OP_SHMAT] = "shmat",
		[OP_SHMDT] = "shmdt",
		[OP_SHMCTL] = "shmctl",
	};

	fprintf(out, "process %d: %s(", op->process, names[op->kind]);
	place_print(out, op->addr);
	fprintf(out, ", %.3f pages, prot %d, flags %#x",
		(double)op->len / ORACLE_PAGE, op->prot, (unsigned)op->flags);
	if (op->kind == OP_MREMAP) {
		fprintf(out, ", to %.3f pages at ",
			(double)op->len2 / ORACLE_PAGE);
		place_print(out, op->addr2);
	}
	fprintf(out, ")");
	if (op->file >= 0)
		fprintf(out, ", %s %d%s from byte %ld",
			file_is_tmpfs(op->file / 2) ? "tmpfs" : "file",
			op->file / 2, op->file % 2 ? " (read-only)" : "",
			(long)op->offset);
	if (op->kind >= OP_SHMGET && op->kind != OP_SHMDT)
		fprintf(out, ", segment %d", op->segment);
	if (op->limit_pages)
		fprintf(out, ", limit %d: %ld pages", op->limit,
			(long)op->limit_pages);
	fprintf(out, "\n");
}
