/*
 * pack.c: from a raw recording to a trace: addresses become slots.
 *
 * A table finds the live block at an address; each block has a slot, and the
 * slot that was left last is taken first.  What the recording does not explain
 * is counted: a free of a block that came before the recording began is left
 * out, such a realloc becomes a malloc, and a block that is given out again
 * without a free (one that the recorder could not see) is freed just before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "pack.h"
#include "raw.h"

enum { BUCKET_BITS = 20 };
#define NONE UINT32_MAX

/* A live block, or a slot that is free. */
struct block {
	uint64_t address;
	uint32_t size;
	uint32_t next; /* in its bucket, or among the free slots; NONE: last */
};

/* A thread of the recording. */
struct recorded_thread {
	uint64_t address;  /* of the block that its realloc has in hand */
	uint32_t slot;     /* of that block; NONE: it is unknown */
	uint32_t resizing; /* it is inside realloc */
	uint32_t number;   /* in the trace, plus 1; 0: it has none yet */
};

struct packer {
	struct trace *trace;
	size_t limit; /* operations */
	struct pack_losses *losses;
	struct block *blocks;            /* by slot */
	uint32_t *buckets;               /* the first slot of each */
	uint32_t left;                   /* the first free slot, or NONE */
	struct recorded_thread *threads; /* by number in the recording */
	const char *wrong;               /* why the recording is refused */
};

static uint32_t *bucket_of(struct packer *p, uint64_t address)
{
	uint64_t mixed = (address >> 4) * 0x9e3779b97f4a7c15u;

	return &p->buckets[mixed >> (64 - BUCKET_BITS)];
}

/* Takes the block at an address out of the table: its slot, or NONE. */
static uint32_t take(struct packer *p, uint64_t address)
{
	for (uint32_t *at = bucket_of(p, address); *at != NONE;
	     at = &p->blocks[*at].next) {
		uint32_t slot = *at;

		if (p->blocks[slot].address == address) {
			*at = p->blocks[slot].next;
			return slot;
		}
	}
	return NONE;
}

static void put(struct packer *p, uint32_t slot, uint64_t address)
{
	uint32_t *bucket = bucket_of(p, address);

	p->blocks[slot].address = address;
	p->blocks[slot].next = *bucket;
	*bucket = slot;
}

static uint16_t thread_number(struct packer *p, uint32_t recorded)
{
	struct recorded_thread *thread = &p->threads[recorded];

	if (!thread->number)
		thread->number = ++p->trace->nr_threads;
	return (uint16_t)(thread->number - 1);
}

static struct trace_op *add_op(struct packer *p, enum trace_kind kind,
			       const struct raw_event *e, uint32_t slot)
{
	struct trace_op *op = &p->trace->ops[p->trace->nr_ops++];

	*op = (struct trace_op){.kind = kind,
				.slot = slot,
				.thread = thread_number(p, e->thread),
				.size = (uint32_t)e->size};
	return op;
}

static void add_free(struct packer *p, const struct raw_event *e, uint32_t slot)
{
	add_op(p, TRACE_FREE, e, slot)->size = p->blocks[slot].size;
	p->blocks[slot].next = p->left;
	p->left = slot;
}

/* A block whose free was not seen stands where another one came. */
static void free_lost(struct packer *p, const struct raw_event *e)
{
	uint32_t slot = take(p, e->address);

	if (slot != NONE) {
		p->losses->lost++;
		add_free(p, e, slot);
	}
}

static void add_allocation(struct packer *p, enum trace_kind kind,
			   const struct raw_event *e)
{
	uint32_t slot;

	free_lost(p, e);
	slot = p->left;
	if (slot == NONE)
		slot = p->trace->nr_slots++;
	else
		p->left = p->blocks[slot].next;
	add_op(p, kind, e, slot)->align_log2 = e->align_log2;
	p->trace->nr_allocations++;
	p->blocks[slot].size = (uint32_t)e->size;
	put(p, slot, e->address);
}

static void finish_resize(struct packer *p, const struct raw_event *e)
{
	struct recorded_thread *thread = &p->threads[e->thread];
	uint32_t slot = thread->slot;

	if (!thread->resizing) {
		p->wrong = "a realloc ends that did not begin";
		return;
	}
	thread->resizing = 0;
	if (!e->address) {
		if (slot != NONE)
			put(p, slot, thread->address);
		return;
	}
	if (slot == NONE) {
		p->losses->unknown++;
		add_allocation(p, TRACE_MALLOC, e);
		return;
	}
	free_lost(p, e);
	add_op(p, TRACE_REALLOC, e, slot)->old_size = p->blocks[slot].size;
	p->blocks[slot].size = (uint32_t)e->size;
	put(p, slot, e->address);
}

static void add_event(struct packer *p, const struct raw_event *e)
{
	struct recorded_thread *thread = &p->threads[e->thread];
	uint32_t slot;

	switch (e->op) {
	case RAW_MALLOC:
		add_allocation(p, TRACE_MALLOC, e);
		break;
	case RAW_CALLOC:
		add_allocation(p, TRACE_CALLOC, e);
		break;
	case RAW_ALIGNED:
		add_allocation(p, TRACE_ALIGNED, e);
		break;
	case RAW_FREE:
		slot = take(p, e->address);
		if (slot != NONE)
			add_free(p, e, slot);
		else
			p->losses->unknown++;
		break;
	case RAW_RESIZE:
		thread->resizing = 1;
		thread->address = e->address;
		thread->slot = take(p, e->address);
		break;
	case RAW_RESIZED:
		finish_resize(p, e);
		break;
	default:
		break;
	}
}

/* The number of threads; 0 and a note when an event is not one. */
static uint32_t check_events(struct packer *p, const struct raw_event *events,
			     size_t count)
{
	uint32_t threads = 1;

	for (size_t i = 0; i < count; i++) {
		if (events[i].op >= RAW_NR_OPS ||
		    events[i].thread >= TRACE_MAX_THREADS ||
		    events[i].align_log2 > 63) {
			p->wrong = "damaged: an event of an unknown kind";
			return 0;
		}
		if (events[i].size > UINT32_MAX) {
			p->wrong = "it has a block of 4 GiB or more";
			return 0;
		}
		if (events[i].thread >= threads)
			threads = events[i].thread + 1;
	}
	return threads;
}

static int get_tables(struct packer *p, size_t events, uint32_t threads,
		      char *error)
{
	size_t buckets = (size_t)1 << BUCKET_BITS;

	p->blocks = calloc(events + 1, sizeof *p->blocks);
	p->buckets = malloc(buckets * sizeof *p->buckets);
	p->threads = calloc(threads, sizeof *p->threads);
	if (!p->blocks || !p->buckets || !p->threads) {
		snprintf(error, TRACE_ERROR_BYTES, "out of memory");
		return 0;
	}
	memset(p->buckets, 0xff, buckets * sizeof *p->buckets);
	p->left = NONE;
	/* An event adds two operations when a lost block is freed before. */
	return trace_reserve(p->trace, 2 * events, error);
}

static int pack_events(struct packer *p, const struct raw_event *events,
		       size_t count, char *error)
{
	uint32_t threads;
	int done;

	while (count && events[count - 1].op == RAW_NONE)
		count--;
	threads = check_events(p, events, count);
	done = threads && get_tables(p, count, threads, error);
	for (size_t i = 0; done && i < count && !p->wrong; i++) {
		if (p->trace->nr_ops >= p->limit)
			break;
		add_event(p, &events[i]);
	}
	if (!p->wrong && done && !p->trace->nr_ops)
		p->wrong = "it has no events";
	if (p->wrong)
		snprintf(error, TRACE_ERROR_BYTES, "%s", p->wrong);
	free(p->blocks);
	free(p->buckets);
	free(p->threads);
	return done && !p->wrong;
}

static int check_header(const struct raw_header *h, size_t bytes, char *error)
{
	if (bytes < sizeof *h || memcmp(h->magic, RAW_MAGIC, sizeof h->magic)) {
		snprintf(error, TRACE_ERROR_BYTES, "not a recording");
		return 0;
	}
	if (h->version != RAW_VERSION) {
		snprintf(error, TRACE_ERROR_BYTES,
			 "a recording of version %u; this program reads "
			 "version %d",
			 h->version, RAW_VERSION);
		return 0;
	}
	return 1;
}

/* The file, mapped; NULL and a text: no. */
static void *map_file(const char *path, size_t *bytes, char *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st)) {
		*bytes = (size_t)st.st_size;
		p = mmap(NULL, *bytes + 1, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (p == MAP_FAILED)
		snprintf(error, TRACE_ERROR_BYTES, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return p == MAP_FAILED ? NULL : p;
}

int pack_raw(struct trace *t, const char *path, size_t limit,
	     struct pack_losses *losses, char *error)
{
	struct packer p = {.trace = t, .limit = limit, .losses = losses};
	const struct raw_header *h;
	size_t bytes = 0, count;
	int done;

	*t = (struct trace){.ops = NULL};
	*losses = (struct pack_losses){.unknown = 0};
	h = map_file(path, &bytes, error);
	if (!h)
		return 0;
	done = check_header(h, bytes, error);
	if (done) {
		count = (bytes - sizeof *h) / sizeof(struct raw_event);
		memcpy(losses->program, h->program, sizeof h->program);
		done = pack_events(&p, (const void *)(h + 1), count, error);
	}
	munmap((void *)(uintptr_t)h, bytes + 1);
	if (!done)
		trace_unload(t);
	return done;
}
