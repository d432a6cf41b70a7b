/*
 * workloads: runs one row of the suite and prints what it cost.
 *
 *     workloads --list                          NAME THREADS, one row a line
 *     workloads NAME [--scale X] [--pause] [--traces DIR]
 *
 * The one line on standard output:
 *
 *     NAME wall_ns=N cpu_ns=N faults=N ops=N peak_kb=N end_kb=N [pause_kb=N]
 *
 * wall_ns, cpu_ns   the work; not the program's start, not the frees after it
 * faults            page faults of the work
 * ops               what the row counts: as a rule blocks allocated
 * peak_kb           the largest resident set up to the end of the work
 * end_kb            the resident set when every block is freed
 * pause_kb          the same two seconds and one pair of malloc and free later
 *
 * The line is made on the stack and goes out by write(2): a buffer of stdio
 * would come from the allocator that is measured.
 */
#include "suite.h"

#include <argp.h>
#include <unistd.h>

enum { KEY_LIST = 256, KEY_SCALE, KEY_PAUSE, KEY_TRACES };
enum { PAUSE_SECONDS = 2, SMALL_BLOCK = 100, MAX_SCALE = 10000 };
enum { BAD_USAGE = 2 };

static const struct suite_row *const tables[] = {
	alloc_test_rows, barnes_rows, cache_rows,      cfrac_rows,
	espresso_rows,   glibc_rows,  json_rows,       large_rows,
	larson_rows,     mleak_rows,  mstress_rows,    replay_rows,
	rptest_rows,     sh_rows,     threadtest_rows, xmalloc_rows,
};
enum { NR_TABLES = sizeof tables / sizeof *tables };

struct request {
	const char *name; /* NULL: none was given */
	double scale;
	const char *traces; /* directory */
	bool list;
	bool pause;
};

static const struct suite_row *row_find(const char *name)
{
	for (int i = 0; i < NR_TABLES; i++)
		for (const struct suite_row *r = tables[i]; r->name; r++)
			if (!strcmp(r->name, name))
				return r;
	return replay_row(name);
}

static void list_rows(void)
{
	for (int i = 0; i < NR_TABLES; i++)
		for (const struct suite_row *r = tables[i]; r->name; r++)
			printf("%s %d\n", r->name, r->threads);
	if (fflush(stdout)) {
		perror("workloads: standard output");
		exit(1);
	}
}

static double parse_scale(struct argp_state *state, const char *text)
{
	char *end;
	double scale = strtod(text, &end);

	if (end == text || *end || !(scale > 0 && scale <= MAX_SCALE))
		argp_error(state,
			   "--scale takes a number over 0 and up to %d, "
			   "not '%s'",
			   MAX_SCALE, text);
	return scale;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct request *q = state->input;

	switch (key) {
	case KEY_LIST:
		q->list = true;
		return 0;
	case KEY_SCALE:
		q->scale = parse_scale(state, text);
		return 0;
	case KEY_TRACES:
		q->traces = text;
		return 0;
	case KEY_PAUSE:
		q->pause = true;
		return 0;
	case ARGP_KEY_ARG:
		if (q->name)
			argp_error(state, "one row at a time: '%s' and '%s'",
				   q->name, text);
		q->name = text;
		return 0;
	case ARGP_KEY_END:
		if (!q->list && !q->name)
			argp_error(state, "no row is named; --list shows them");
		if (q->list && q->name)
			argp_error(state, "--list takes no row, not '%s'",
				   q->name);
		if (q->name && !row_find(q->name))
			argp_error(state,
				   "there is no row '%s'; --list shows them",
				   q->name);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{"list", KEY_LIST, NULL, 0, "Print NAME and THREADS of each row", 0},
	{"scale", KEY_SCALE, "X", 0, "Do X times the work (default 1)", 0},
	{"pause", KEY_PAUSE, NULL, 0,
	 "After the end wait two seconds and read the memory again", 0},
	{"traces", KEY_TRACES, "DIR", 0,
	 "The recordings of the rows trace/... (default " TRACES_DIR ")", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "NAME\n--list",
	.doc = "Run one workload of the benchmark suite.",
};

static void write_all(const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(STDOUT_FILENO, text, length);

		if (n < 0) {
			perror("workloads: standard output");
			exit(1);
		}
		text += n;
		length -= (size_t)n;
	}
}

static unsigned long rss_after_pause(void)
{
	void *p;

	sleep(PAUSE_SECONDS);
	p = malloc(SMALL_BLOCK);
	bench_use(p);
	free(p);
	return suite_rss_kb();
}

/* The line of figures; the memory is read here. */
static void print_figures(const struct suite_run *run, bool pause)
{
	char line[512];
	int n = snprintf(line, sizeof line,
			 "%s wall_ns=%ju cpu_ns=%ju faults=%ld ops=%ju "
			 "peak_kb=%lu end_kb=%lu",
			 run->row->name, (uintmax_t)run->wall_ns,
			 (uintmax_t)run->cpu_ns, run->faults,
			 (uintmax_t)run->ops, run->peak_kb, suite_rss_kb());

	if (pause)
		n += snprintf(line + n, sizeof line - (size_t)n,
			      " pause_kb=%lu", rss_after_pause());
	line[n++] = '\n';
	write_all(line, (size_t)n);
}

int main(int argc, char **argv)
{
	struct request q = {.scale = 1, .traces = TRACES_DIR};
	struct suite_run run;

	argp_err_exit_status = BAD_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &q);
	if (q.list) {
		list_rows();
		return 0;
	}
	suite_start(&run, row_find(q.name), q.scale);
	run.traces = q.traces;
	run.row->work(&run);
	print_figures(&run, q.pause);
	return 0;
}
