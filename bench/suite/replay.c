/*
 * trace/NAME: the allocations of a real program, replayed from a recording
 * (bench/trace) again and again.
 *
 * What is outside the measured time and memory:
 *
 *     tracetool unpack NAME.trace --> memfd --> 64 KiB window --> malloc, free
 *     (a process of its own)          (never     (counted as       ...
 *                                      mapped)    the row's own)
 *
 * The operations lie in a file in memory that is read, not mapped, so it adds
 * nothing to the resident set: a window is filled with some 8000 operations at
 * a time, which costs about a nanosecond each.  The window and the table of
 * the live blocks are touched before the clock starts and taken out of the
 * peak.  zstd and its buffers belong to the other process.
 *
 * Blocks are used as a program uses them: written when they come, whole up to
 * WHOLE bytes, larger ones with a word a page, and looked at when they go.
 * What realloc keeps and the zeros of calloc are looked at, too.
 *
 * One thread performs all operations in the order of the recording.  That is
 * what happened: of the recorded programs only redis has more threads, and
 * those do not allocate.
 *
 * Left out: what the program did between two calls, so the caches of the
 * processor are fuller of the allocator's data than in life.
 */
#define _GNU_SOURCE
#include "suite.h"
#include "../trace/words.h"

#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WINDOW_WORDS = 8192, WHOLE = 1024, PAGE = 4096, SMALLEST_STAMP = 4 };
enum { MAX_ENVIRONMENT = 4096, PATH_BYTES = 4096 };

static const char prefix[] = "trace/";

struct replay {
	struct words_header header;
	int fd;             /* the memfd */
	uint64_t *window;   /* WINDOW_WORDS words that were read */
	uint64_t *at;       /* the next word in the window */
	uint64_t *end;      /* behind the last one */
	uint64_t unread;    /* words of this round that are still in the file */
	char **blocks;      /* by slot */
	size_t table_bytes; /* of the window and the blocks, one mapping */
};

/* --- the other process ----------------------------------------------------- */

/* The program beside this one. */
static void tool_path(char *path)
{
	static const char name[] = "tracetool";
	ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES - sizeof name);
	char *slash;

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	strcpy(slash ? slash + 1 : path, name);
}

/* The environment but for what is preloaded: the tool is not measured. */
static void tool_environment(char **copy)
{
	int n = 0;

	for (char **e = environ; *e && n < MAX_ENVIRONMENT - 1; e++)
		if (strncmp(*e, "LD_PRELOAD=", strlen("LD_PRELOAD=")))
			copy[n++] = *e;
	copy[n] = NULL;
}

static void unpack(const char *trace, int fd)
{
	char tool[PATH_BYTES], *environment[MAX_ENVIRONMENT];
	char *argv[] = {tool, "unpack", (char *)(uintptr_t)trace, NULL};
	posix_spawn_file_actions_t actions;
	int status, error;
	pid_t pid;

	tool_path(tool);
	tool_environment(environment);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	error = posix_spawn(&pid, tool, &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		suite_fail("%s cannot be started: %s (make bench/tracetool)",
			   tool, strerror(error));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		suite_fail("tracetool ended badly");
	if (status)
		exit(1); /* it has said why */
}

/* --- the list of operations -------------------------------------------------- */

static void fill(struct replay *r)
{
	size_t words = r->unread < WINDOW_WORDS ? r->unread : WINDOW_WORDS;
	char *to = (char *)r->window;

	for (size_t left = words * sizeof *r->window; left;) {
		ssize_t n = read(r->fd, to, left);

		if (n <= 0)
			suite_fail("the unpacked trace ends too soon");
		to += n;
		left -= (size_t)n;
	}
	r->at = r->window;
	r->end = r->window + words;
	r->unread -= words;
}

static uint64_t next_word(struct replay *r)
{
	if (r->at == r->end)
		fill(r);
	return *r->at++;
}

static void open_trace(struct suite_run *run, struct replay *r)
{
	char path[PATH_BYTES];
	size_t window_bytes = WINDOW_WORDS * sizeof *r->window;

	snprintf(path, sizeof path, "%s/%s.trace", run->traces,
		 run->row->name + strlen(prefix));
	r->fd = memfd_create("trace", MFD_CLOEXEC);
	if (r->fd < 0)
		suite_fail("memfd_create failed");
	unpack(path, r->fd);
	if (pread(r->fd, &r->header, sizeof r->header, 0) != sizeof r->header ||
	    memcmp(r->header.magic, WORDS_MAGIC, sizeof r->header.magic))
		suite_fail("tracetool unpacked something else");
	r->table_bytes = window_bytes + r->header.nr_slots * sizeof *r->blocks;
	r->window = table_map(r->table_bytes);
	r->blocks = (char **)(r->window + WINDOW_WORDS);
	memset(r->window, 1, r->table_bytes);
	run->own_kb = r->table_bytes / 1024;
}

/* --- the operations ---------------------------------------------------------- */

/* Writes the bytes from `from` on, and the stamp. */
static void use(char *p, size_t from, size_t size, uint32_t slot)
{
	if (from < WHOLE)
		memset(p + from, (int)slot,
		       (size < WHOLE ? size : WHOLE) - from);
	for (size_t i = from > WHOLE ? from : WHOLE; i < size; i += PAGE)
		p[i] = (char)slot;
	if (size >= SMALLEST_STAMP)
		block_stamp(p, size, slot);
}

static void look(const char *p, size_t size, uint32_t slot)
{
	if (size >= SMALLEST_STAMP)
		block_check(p, size, slot);
}

static void *need(void *p, size_t size)
{
	if (!p)
		out_of_memory("an allocation", size);
	return p;
}

static void look_zero(const char *p, size_t size)
{
	if (size && (p[0] || p[size - 1]))
		suite_fail("calloc of %zu bytes is not zero", size);
}

static void change(struct replay *r, uint32_t slot, size_t size,
		   size_t old_size)
{
	size_t kept = old_size < size ? old_size : size;
	uint32_t tag = block_tag(old_size, slot);
	char *p = r->blocks[slot];

	look(p, old_size, slot);
	p = need(realloc(p, size), size);
	if (kept >= sizeof tag && memcmp(p, &tag, sizeof tag))
		suite_fail("realloc to %zu bytes lost what was there", size);
	use(p, kept, size, slot);
	r->blocks[slot] = p;
}

static void perform(struct replay *r, uint64_t word)
{
	uint32_t slot = word_slot(word);
	size_t size = word_size(word);
	char *p;

	switch (word_kind(word)) {
	case TRACE_MALLOC:
		p = need(malloc(size), size);
		break;
	case TRACE_CALLOC:
		p = need(calloc(1, size), size);
		look_zero(p, size);
		break;
	case TRACE_ALIGNED:
		p = need(memalign(next_word(r), size), size);
		break;
	case TRACE_REALLOC:
		change(r, slot, size, next_word(r));
		return;
	default:
		look(r->blocks[slot], size, slot);
		free(r->blocks[slot]);
		return;
	}
	use(p, 0, size, slot);
	r->blocks[slot] = p;
}

static void round_of(struct replay *r)
{
	if (lseek(r->fd, sizeof r->header, SEEK_SET) < 0)
		suite_fail("lseek failed");
	r->at = r->end = r->window;
	r->unread = r->header.nr_words;
	while (r->at < r->end || r->unread)
		perform(r, next_word(r));
}

static void replay(struct suite_run *run)
{
	uint64_t rounds = suite_count(run, run->row->arg);
	struct replay r = {.fd = -1};

	open_trace(run, &r);
	suite_begin(run);
	for (uint64_t i = 0; i < rounds; i++)
		round_of(&r);
	suite_end(run);
	run->ops = rounds * r.header.nr_ops;
	table_unmap(r.window, r.table_bytes);
	close(r.fd);
}

/* arg: rounds at scale 1. */
const struct suite_row replay_rows[] = {
	{.name = "trace/gcc", .threads = 1, .work = replay, .arg = 40},
	{.name = "trace/git", .threads = 1, .work = replay, .arg = 15},
	{.name = "trace/python3", .threads = 1, .work = replay, .arg = 11},
	{.name = "trace/redis", .threads = 1, .work = replay, .arg = 14},
	{.name = "trace/sqlite3", .threads = 1, .work = replay, .arg = 20},
	{.name = NULL},
};

/* Any other recording in the directory --traces: as many rounds as --scale says. */
const struct suite_row *replay_row(const char *name)
{
	static struct suite_row row = {.threads = 1, .work = replay, .arg = 1};

	if (strncmp(name, prefix, strlen(prefix)) ||
	    strchr(name + strlen(prefix), '/'))
		return NULL;
	row.name = name;
	return &row;
}
