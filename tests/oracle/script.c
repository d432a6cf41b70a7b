/*
 * script.c: the next operation, from a seed.
 *
 * Most operations hit a small window, so that they meet each other's areas;
 * borders of areas that exist are chosen more often than chance would.  A few
 * per cent have a bad argument.
 */
#include "oracle.h"

#include <sys/mman.h>
#include <sys/resource.h>

static uint64_t rng_next(struct script_rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int64_t script_below(struct script_rng *rng, int64_t bound)
{
	return (int64_t)(rng_next(rng) % (uint64_t)bound);
}

bool script_chance(struct script_rng *rng, int percent)
{
	return script_below(rng, 100) < percent;
}

static struct place some_place(struct script_rng *rng, const struct state *last)
{
	struct place place = {SPACE_WINDOW,
			      script_below(rng, WINDOW_PAGES) * ORACLE_PAGE};

	if (last->nr_vmas > 0 && script_chance(rng, 50)) {
		const struct vma_state *vma =
			&last->vmas[script_below(rng, last->nr_vmas)];
		int64_t pages = vma->bytes / ORACLE_PAGE;

		place = vma->start;
		switch (script_below(rng, 5)) {
		case 0:
			break;
		case 1:
			place.byte += vma->bytes;
			break;
		case 2:
			place.byte -= ORACLE_PAGE;
			break;
		default:
			place.byte += script_below(rng, pages) * ORACLE_PAGE;
		}
	}
	/* The fence below the heap stays. */
	if (place.space == SPACE_BRK && place.byte < 0)
		place.byte = 0;
	if (script_chance(rng, 1))
		place.byte += 1 + script_below(rng, ORACLE_PAGE - 1);
	return place;
}

static uint64_t some_len(struct script_rng *rng)
{
	uint64_t pages;

	switch (script_below(rng, 20)) {
	case 0:
		pages = 1 + (uint64_t)script_below(rng, WINDOW_PAGES);
		break;
	case 1:
	case 2:
	case 3:
		pages = 1;
		break;
	default:
		pages = 1 + (uint64_t)script_below(rng, 12);
	}
	if (script_chance(rng, 1))
		return script_chance(rng, 50) ? 0 : pages * ORACLE_PAGE - 100;
	return pages * ORACLE_PAGE;
}

/* Above that space lie the kernel's own pages, which differ. */
static uint64_t clip(struct place place, uint64_t len)
{
	int64_t room = -place.byte;

	if (place.space != SPACE_TOP || (int64_t)len <= room)
		return len;
	return room > 0 ? (uint64_t)room : 0;
}

int script_prot(struct script_rng *rng)
{
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		PROT_READ,	        PROT_READ,
		PROT_NONE,	        PROT_READ | PROT_EXEC,
		PROT_WRITE,
	};

	return prots[script_below(rng, sizeof prots / sizeof *prots)];
}

/* Around the size of a huge page, or a few of them. */
static uint64_t around_huge(struct script_rng *rng)
{
	uint64_t pages = 512 * (1 + (uint64_t)script_below(rng, 3));

	if (script_chance(rng, 50))
		pages += (uint64_t)script_below(rng, 5) - 2;
	return pages * ORACLE_PAGE;
}

static void make_mmap(struct script_rng *rng, struct op *op)
{
	op->flags = MAP_ANONYMOUS |
		    (script_chance(rng, 80) ? MAP_PRIVATE : MAP_SHARED);
	if (script_chance(rng, 75))
		op->flags |= MAP_FIXED;
	else if (script_chance(rng, 30))
		op->flags |= MAP_FIXED_NOREPLACE;
	else if (script_chance(rng, 70))
		op->addr = (struct place){SPACE_ABS, 0};
	if (script_chance(rng, 8))
		op->flags |= MAP_NORESERVE;
	if (script_chance(rng, 8))
		op->flags |= MAP_POPULATE;
	if (script_chance(rng, 2))
		op->flags |= MAP_32BIT;
	if (script_chance(rng, 3))
		op->flags |= MAP_LOCKED;
	if (script_chance(rng, 2))
		op->flags |= MAP_GROWSDOWN;
	if (script_chance(rng, 1))
		op->flags &= ~(MAP_PRIVATE | MAP_SHARED);
	if (!(op->flags & MAP_FIXED) && script_chance(rng, 8))
		op->len = clip(op->addr, around_huge(rng));
	op->prot = script_prot(rng);
}

static void make_mremap(struct script_rng *rng, const struct state *last,
			struct op *op)
{
	op->len2 = clip(op->addr, some_len(rng));
	op->flags = script_chance(rng, 70) ? MREMAP_MAYMOVE : 0;
	op->addr2 = (struct place){SPACE_ABS, 0};
	if (script_chance(rng, 25)) {
		op->flags = MREMAP_MAYMOVE | MREMAP_FIXED;
		op->addr2 = some_place(rng, last);
		op->len2 = clip(op->addr2, op->len2);
	}
	if (script_chance(rng, 6)) {
		op->flags |= MREMAP_MAYMOVE | 4; /* MREMAP_DONTUNMAP */
		op->len2 = op->len;
	}
	if (script_chance(rng, 4))
		op->len = 0;
}

static void make_madvise(struct script_rng *rng, struct op *op)
{
	static const int advices[] = {
		MADV_DONTNEED,	  MADV_DONTNEED, MADV_DONTNEED,
		MADV_WILLNEED,	  MADV_NORMAL,	 MADV_RANDOM,
		MADV_SEQUENTIAL,  MADV_DONTFORK, MADV_DOFORK,
		MADV_DONTDUMP,	  MADV_DODUMP,	 MADV_WIPEONFORK,
		MADV_KEEPONFORK,  MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		22 /* POPULATE_READ */, 23 /* POPULATE_WRITE */,
		MADV_REMOVE,      77 /* there is none */,
		MADV_FREE,	  MADV_FREE,	 20 /* COLD */,
		24 /* DONTNEED_LOCKED */,
	};

	op->flags = advices[script_below(rng, sizeof advices / sizeof *advices)];
}

static void make_brk(struct script_rng *rng, struct op *op)
{
	op->addr = (struct place){SPACE_BRK, script_below(rng, 40) * ORACLE_PAGE +
						     (script_chance(rng, 30)
							      ? script_below(rng, 4096)
							      : 0)};
	op->len = 0;
}

/* The break is measured from the program's own data, which differs. */
static void make_limit(struct script_rng *rng, struct op *op)
{
	static const int limits[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK};

	op->limit = limits[script_below(rng, 3)];
	op->limit_pages = 1 + (uint64_t)script_below(rng, 12);
	if (op->kind == OP_BRK)
		op->limit = RLIMIT_AS;
}

static int some_kind(struct script_rng *rng)
{
	static const struct {
		int kind, weight;
	} kinds[] = {
		{OP_MMAP, 22},	  {OP_MUNMAP, 9},	{OP_MPROTECT, 12},
		{OP_MREMAP, 8},	  {OP_MADVISE, 10},	{OP_BRK, 4},
		{OP_MLOCK, 3},	  {OP_MUNLOCK, 2},	{OP_READ, 9},
		{OP_WRITE, 16},	  {OP_MINCORE, 2},	{OP_FORK, 2},
		{OP_EXIT, 2},	  {OP_MSYNC, 1},	{OP_MLOCKALL, 1},
		{OP_MUNLOCKALL, 2},
	};
	int64_t pick = script_below(rng, 105); /* the sum of the weights */
	unsigned i;

	for (i = 0; pick >= kinds[i].weight; i++)
		pick -= kinds[i].weight;
	return kinds[i].kind;
}

/* A process that does not live yet (or, to exit, one that does and is not the
 * first); -1: none. */
static int find_process(const bool *alive, bool wanted)
{
	int i;

	for (i = MAX_PROCESSES - 1; i > 0; i--)
		if (alive[i] == wanted)
			return i;
	return -1;
}

/* What the kind of operation needs besides a range. */
static void make_arguments(struct script_rng *rng, const struct state *last,
			   const bool *alive, struct op *op)
{
	switch (op->kind) {
	case OP_MMAP:
		make_mmap(rng, op);
		break;
	case OP_MPROTECT:
		op->prot = script_prot(rng);
		if (script_chance(rng, 3))
			op->prot |= PROT_GROWSDOWN;
		break;
	case OP_MREMAP:
		make_mremap(rng, last, op);
		break;
	case OP_MADVISE:
		make_madvise(rng, op);
		break;
	case OP_BRK:
		make_brk(rng, op);
		break;
	case OP_MSYNC:
		op->flags = (int)script_below(rng, 8);
		break;
	case OP_WRITE:
		op->flags = 1 + (int)script_below(rng, 255);
		break;
	case OP_MLOCK:
		op->flags = script_chance(rng, 30) ? 1 /* MLOCK_ONFAULT */ : 0;
		break;
	case OP_MLOCKALL:
		op->flags = 1 + (int)script_below(rng, 7); /* MCL_ bits */
		break;
	case OP_FORK:
		op->len = (uint64_t)find_process(alive, false);
		break;
	case OP_EXIT:
		op->process = find_process(alive, true);
		break;
	}
}

void script_next(struct script_rng *rng, const struct state *last,
		 const bool *alive, int step, struct op *op)
{
	*op = (struct op){.kind = some_kind(rng), .file = -1, .segment = -1};
	do
		op->process = (int)script_below(rng, MAX_PROCESSES);
	while (!alive[op->process]);
	if (step < 6)
		op->kind = OP_MMAP;
	op->addr = some_place(rng, last);
	op->len = clip(op->addr, some_len(rng));
	/* Of the limit of a user it takes what the program itself has. */
	if (op->kind == OP_MLOCKALL && host_facts.uid)
		op->kind = OP_MUNLOCKALL;
	if (with_objects && op->kind < OP_FORK && script_chance(rng, 40))
		script_object(rng, last, op);
	else
		make_arguments(rng, last, alive, op);
	if (op->kind <= OP_WRITE && script_chance(rng, 4))
		make_limit(rng, op);
	if (op->process < 0 || (op->kind == OP_FORK && (int)op->len < 0))
		*op = (struct op){.kind = OP_MINCORE, .len = ORACLE_PAGE,
				  .addr = {SPACE_WINDOW, 0}, .file = -1};
}
