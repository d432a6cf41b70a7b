/*
 * tracetool: makes and shows traces of allocations.
 *
 *     tracetool pack RECORDING TRACE [OPERATIONS]
 *         from what the recorder wrote (record.c) to a trace (trace.h), the
 *         first OPERATIONS of it
 *     tracetool info TRACE...      what is in it: operations, sizes, the peak
 *     tracetool list TRACE         every operation as a line of text
 *     tracetool validate TRACE...  silence, or what is wrong with it
 *     tracetool unpack TRACE       what a replay reads (words.h)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pack.h"
#include "words.h"

enum { SIZE_CLASSES = 33 };

/* What `info` counts. */
struct figures {
	size_t kinds[TRACE_NR_KINDS];
	size_t classes[SIZE_CLASSES]; /* allocations up to 2^i bytes */
	size_t *by_thread;            /* operations of each thread */
	uint64_t live_bytes;          /* asked for, while the list goes on */
	uint64_t peak_bytes;
	size_t live;    /* blocks */
	size_t peak_at; /* operation at the peak of bytes */
};

static int complain(const char *path, const char *error)
{
	fprintf(stderr, "tracetool: %s: %s\n", path, error);
	return 1;
}

static int usage(void)
{
	fprintf(stderr, "usage: tracetool pack RECORDING TRACE [OPERATIONS]\n"
			"       tracetool info TRACE...\n"
			"       tracetool list TRACE\n"
			"       tracetool validate TRACE...\n"
			"       tracetool unpack TRACE\n");
	return 2;
}

static int pack(char **argv, int count)
{
	size_t limit = TRACE_MAX_OPS - 1;
	char error[TRACE_ERROR_BYTES], *end;
	struct pack_losses losses;
	struct trace t;
	int done;

	if (count == 3) {
		errno = 0;
		limit = strtoull(argv[2], &end, 10);
		if (errno || end == argv[2] || *end || argv[2][0] == '-' ||
		    limit < 1 || limit >= TRACE_MAX_OPS) {
			fprintf(stderr,
				"tracetool: OPERATIONS is %s, allowed are "
				"numbers from 1 to %d\n",
				argv[2], TRACE_MAX_OPS - 1);
			return 2;
		}
	}
	if (!pack_raw(&t, argv[0], limit, &losses, error))
		return complain(argv[0], error);
	done = trace_write(&t, argv[1], error);
	if (!done)
		complain(argv[1], error);
	else
		printf("%s: %zu operations of %s; %zu of unknown blocks, %zu "
		       "blocks lost\n",
		       argv[1], t.nr_ops, losses.program, losses.unknown,
		       losses.lost);
	trace_unload(&t);
	return !done;
}

static void count_op(struct figures *f, const struct trace_op *op, size_t at)
{
	unsigned class = 0;

	f->kinds[op->kind]++;
	f->by_thread[op->thread]++;
	if (op->kind == TRACE_FREE) {
		f->live_bytes -= op->size;
		f->live--;
		return;
	}
	while ((uint64_t)1 << class < op->size)
		class ++;
	f->classes[class]++;
	f->live += op->kind != TRACE_REALLOC;
	f->live_bytes += op->size;
	f->live_bytes -= op->old_size;
	if (f->live_bytes > f->peak_bytes) {
		f->peak_bytes = f->live_bytes;
		f->peak_at = at;
	}
}

static void print_figures(const struct trace *t, const struct figures *f)
{
	printf("  operations %zu:", t->nr_ops);
	for (int kind = 0; kind < TRACE_NR_KINDS; kind++) {
		if (f->kinds[kind])
			printf(" %s %zu", trace_kind_name(kind),
			       f->kinds[kind]);
	}
	printf("\n  live: at most %u blocks; at most %.1f MB, after %.0f%% of "
	       "the operations; at the end %zu blocks, %.1f MB\n",
	       t->nr_slots, (double)f->peak_bytes / 1e6,
	       100.0 * (double)f->peak_at / (double)t->nr_ops, f->live,
	       (double)f->live_bytes / 1e6);
	printf("  threads %u:", t->nr_threads);
	for (uint32_t thread = 0; thread < t->nr_threads; thread++)
		printf(" %zu", f->by_thread[thread]);
	printf("\n  sizes up to:");
	for (int class = 0; class < SIZE_CLASSES; class ++) {
		if (f->classes[class])
			printf(" %llu: %zu", 1ull << class, f->classes[class]);
	}
	printf("\n");
}

static int info(const struct trace *t, const char *path)
{
	struct figures f = {.live = 0};

	f.by_thread = calloc(t->nr_threads, sizeof *f.by_thread);
	if (!f.by_thread)
		return complain(path, "out of memory");
	for (size_t i = 0; i < t->nr_ops; i++)
		count_op(&f, &t->ops[i], i);
	printf("%s\n", path);
	print_figures(t, &f);
	free(f.by_thread);
	return 0;
}

/* thread kind slot size [alignment] */
static int list(const struct trace *t, const char *path)
{
	(void)path;
	for (size_t i = 0; i < t->nr_ops; i++) {
		const struct trace_op *op = &t->ops[i];

		printf("%u %s %u", op->thread, trace_kind_name(op->kind),
		       op->slot);
		if (op->kind != TRACE_FREE)
			printf(" %u", op->size);
		if (op->kind == TRACE_ALIGNED)
			printf(" %llu", 1ull << op->align_log2);
		putchar('\n');
	}
	return 0;
}

static int validate(const struct trace *t, const char *path)
{
	(void)t;
	(void)path;
	return 0;
}

static int unpack(const struct trace *t, const char *path)
{
	char error[TRACE_ERROR_BYTES];

	if (words_write(t, stdout, error))
		return 0;
	return complain(ferror(stdout) ? "standard output" : path, error);
}

static int each(int (*show)(const struct trace *t, const char *path),
		char **paths, int count)
{
	char error[TRACE_ERROR_BYTES];
	struct trace t;
	int failed = 0;

	for (int i = 0; i < count; i++) {
		if (!trace_read(&t, paths[i], error)) {
			failed |= complain(paths[i], error);
			continue;
		}
		failed |= show(&t, paths[i]);
		trace_unload(&t);
	}
	if (fflush(stdout))
		failed |= complain("standard output", strerror(errno));
	return failed;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	int count = argc - 2;

	if (!strcmp(command, "pack") && (count == 2 || count == 3))
		return pack(argv + 2, count);
	if (!strcmp(command, "info") && count >= 1)
		return each(info, argv + 2, count);
	if (!strcmp(command, "list") && count == 1)
		return each(list, argv + 2, count);
	if (!strcmp(command, "validate") && count >= 1)
		return each(validate, argv + 2, count);
	if (!strcmp(command, "unpack") && count == 1)
		return each(unpack, argv + 2, count);
	return usage();
}
