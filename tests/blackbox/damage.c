/*
 * damage.c: overwritten memory is caught and named.
 *
 * Headers overwritten by overflows of the block before, links of blocks that
 * are free, sizes of neighbours and of the top chunk.  An overflow reaches the
 * secret tag in the header first, so one byte too many is enough.  One case a
 * damage, with its exact text, in the words of the GNU C library where it has
 * them.
 *
 * With --enable-debug=2 the heap is walked every now and then, and the walk finds
 * some damage before the block is met: then its text is right, too.
 */
#include "death.h"

#if MMSIM_DEBUG >= 2
#define OR_WALK(text) "|corrupted arena 0, " text
#else
#define OR_WALK(text) ""
#endif

/* Writes `count` bytes behind the block, none of them what was there. */
static void overflow(unsigned char *p, size_t count, unsigned value)
{
	volatile unsigned char *b = p + malloc_usable_size(p);
	size_t i;

	for (i = 0; i < count; i++)
		b[i] = (unsigned char)(b[i] == value && value ? value + 1
							      : value);
}

/* n: how many bytes of 0 are written over the end of the block before. */
DEATH(header_overwritten_by_one_nul, BAD_FREE, SMALL, MEDIUM, LARGE)
{
	unsigned char *p, *q;

	neighbours(n, &p, &q);
	overflow(p, 1, 0);
	misused(q);
	release(q);
}

DEATH(header_overwritten_by_one_letter, BAD_FREE, SMALL, MEDIUM, LARGE)
{
	unsigned char *p, *q;

	neighbours(n, &p, &q);
	overflow(p, 1, 'A');
	misused(q);
	release(q);
}

DEATH(header_overwritten_by_letters, BAD_FREE, SMALL, MEDIUM, LARGE)
{
	unsigned char *p, *q;

	neighbours(n, &p, &q);
	overflow(p, 8, 'A');
	misused(q);
	release(q);
}

DEATH(header_overwritten_by_zeros, BAD_FREE, SMALL, MEDIUM, LARGE)
{
	unsigned char *p, *q;

	neighbours(n, &p, &q);
	overflow(p, 8, 0);
	misused(q);
	release(q);
}

DEATH(header_overwritten_by_ones, BAD_FREE, SMALL, MEDIUM, LARGE)
{
	unsigned char *p, *q;

	neighbours(n, &p, &q);
	overflow(p, 8, 0xff);
	misused(q);
	release(q);
}

DEATH(header_overwritten_then_freed_by_another_thread, BAD_FREE, SMALL, MEDIUM)
{
	unsigned char *p, *q;

	neighbours(n, &p, &q);
	overflow(p, 8, 'A');
	misused(q);
	free_in_thread(q);
}

DEATH(header_of_mapped_overwritten, BAD_FREE, MAPPED)
{
	unsigned char *p = malloc(n);

	memset(hide_ptr(p - 8), 'A', 8);
	misused(p);
	release(p);
}

DEATH(realloc_of_overwritten_header, BAD_REALLOC, SMALL, MEDIUM, LARGE)
{
	unsigned char *p, *q;

	neighbours(n, &p, &q);
	overflow(p, 8, 'A');
	misused(q);
	q = hide_ptr(realloc(q, n * 2));
}

/* Overwrites the first words of freed blocks, as a write after free does. */
static void scribble(void **p, size_t count, size_t step)
{
	size_t i;

	for (i = 0; i < count; i += step)
		memset(hide_ptr(p[i]), 'A', 16);
}

static void **many(size_t n, size_t count)
{
	void **p = table_create(count * sizeof(*p));
	size_t i;

	for (i = 0; i < count; i++)
		p[i] = malloc(n);
	return p;
}

DEATH(links_of_small_blocks_overwritten, BAD_LINK OR_WALK("written after free"),
      SMALL)
{
	void **p = many(n, 20000);
	size_t i;

	for (i = 0; i < 20000; i += 2)
		release(p[i]);
	scribble(p, 20000, 2);
	many(n, 20000);
}

static void *release_all(void *arg)
{
	void **p = arg;
	size_t i;

	for (i = 0; i < 20000; i++)
		release(p[i]);
	return NULL;
}

/* Blocks that malloc gives now must be blocks of their own. */
static void expect_sound(size_t n, size_t count)
{
	void **p = many(n, count);
	size_t i;

	for (i = 0; i < count; i++) {
		if (!p[i] || malloc_usable_size(p[i]) < n)
			_exit(5);
		pattern_fill(p[i], n, i);
	}
	for (i = 0; i < count; i++)
		if (pattern_differs(p[i], n, i) != n)
			_exit(6);
}

static void write_after_free(size_t n)
{
	void **p = many(n, 10);
	size_t i;

	for (i = 0; i < 10; i++)
		release(p[i]);
	scribble(p, 10, 1);
	expect_sound(n, 20);
}

static void write_after_free_by_another_thread(size_t n)
{
	void **p = many(n, 20000);
	pthread_t t;

	if (pthread_create(&t, NULL, release_all, p))
		_exit(4);
	pthread_join(t, NULL);
	scribble(p, 20000, 1);
	expect_sound(n, 40000);
}

/* A write after free either is noticed, or it does no harm. */
static void noticed_or_harmless(misuse_fn *fn, size_t n)
{
	char line[4096];
	int status = run_child(fn, n, line, sizeof(line));

	if (line_is_one_of(line,
			   BAD_LINK "|" BAD_LIST OR_WALK("written after free"),
			   NULL))
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	else
		CHECK_MSG(status == 0 && !*line, "size %zu: status %x, \"%s\"",
			  n, status, line);
}

CASE(write_after_free_leads_nobody_astray)
{
	static const size_t sizes[] = {16, 24, 64, 200, 1000, MEDIUM};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		noticed_or_harmless(write_after_free, sizes[i]);
}

CASE(write_after_free_by_another_thread_leads_nobody_astray)
{
	static const size_t sizes[] = {16, 24, 64, 200, 1000};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		noticed_or_harmless(write_after_free_by_another_thread,
				    sizes[i]);
}

/* A large block that is free between two that are not. */
static unsigned char *free_between(size_t n, unsigned char **behind)
{
	unsigned char *p, *guard;

	keep_nothing_back();
	neighbours(n, &p, behind);
	guard = hide_ptr(malloc(n));
	(void)guard;
	release(p);
	return hide_ptr(p);
}

DEATH(links_overwritten_then_neighbour_freed, BAD_LIST, LARGE)
{
	unsigned char *behind, *p = free_between(n, &behind);

	memset(p, 'A', 16);
	release(behind);
}

DEATH(links_overwritten_then_allocated, BAD_LIST, LARGE)
{
	unsigned char *behind, *p = free_between(n, &behind);

	memset(p, 'A', 16);
	p = hide_ptr(malloc(n));
}

DEATH(links_pointed_into_static_memory, BAD_LIST, LARGE)
{
	static void *area[64];
	unsigned char *behind, *p = free_between(n, &behind);
	void *to[2] = {&area[8], &area[16]};

	memcpy(p, to, sizeof(to));
	release(behind);
}

/* Two neighbours of n, of which the one was freed and is in use again. */
static void neighbours_used_again(size_t n, int which, unsigned char **first,
				  unsigned char **second)
{
	unsigned char **again = which ? second : first, *old, *guard;

	neighbours(n, first, second);
	guard = hide_ptr(malloc(n));
	(void)guard;
	old = *again;
	release(old);
	*again = hide_ptr(malloc(n));
	if (*again != old)
		_exit(5);
}

DEATH(header_overwritten_of_large_used_again, BAD_FREE, LARGE)
{
	unsigned char *p, *q;

	neighbours_used_again(n, 1, &p, &q);
	overflow(p, 1, 'A');
	misused(q);
	release(q);
}

DEATH(next_size_overwritten_behind_large_used_again, BAD_NEXT, LARGE)
{
	unsigned char *p, *q;

	neighbours_used_again(n, 0, &p, &q);
	overflow(p, 1, 'A');
	misused(p);
	release(p);
}

DEATH(next_size_overwritten_by_letters, BAD_NEXT, LARGE)
{
	unsigned char *p, *q;

	neighbours(n, &p, &q);
	overflow(p, 8, 'A');
	misused(p);
	release(p);
}

DEATH(next_size_overwritten_by_one_nul, BAD_NEXT, LARGE)
{
	unsigned char *p, *q;

	neighbours(n, &p, &q);
	overflow(p, 1, 0);
	misused(p);
	release(p);
}

DEATH(prev_size_overwritten_by_letters, BAD_PREV, LARGE)
{
	unsigned char *behind, *p = free_between(n, &behind);

	memset(behind - 16, 'A', 8);
	(void)p;
	release(behind);
}

DEATH(prev_size_off_by_sixteen, BAD_PREV, LARGE)
{
	unsigned char *behind, *p = free_between(n, &behind);
	uint64_t size;

	(void)p;
	memcpy(&size, behind - 16, 8);
	size += 16;
	memcpy(behind - 16, &size, 8);
	release(behind);
}

DEATH(size_of_free_block_overwritten,
      BAD_PREV "|" BAD_LIST "|malloc(): invalid size (unsorted)", LARGE)
{
	unsigned char *p, *q, *r = NULL, *s = NULL;

	keep_nothing_back();
	neighbours(n, &p, &q);
	neighbours(n, &r, &s);
	release(q);
	overflow(p, 8, 'A');
	p = hide_ptr(malloc(n));
}

/* n: the value of the bytes. */
DEATH(top_overwritten, BAD_TOP, 'A', 0xff, 0)
{
	unsigned char *p = malloc(40000);
	int i;

	overflow(p, 8, (unsigned)n);
	for (i = 0; i < 100; i++)
		p = hide_ptr(malloc(60000));
}

DEATH(top_overwritten_by_one_byte, BAD_TOP, 0, 'A')
{
	unsigned char *p = malloc(40000);
	int i;

	overflow(p, 1, (unsigned)n);
	for (i = 0; i < 100; i++)
		p = hide_ptr(malloc(60000));
}

/*
 * MALLOC_CHECK_=3: damage to a block that nobody frees any more is found too.
 */
CASE(child_damage_and_go_on)
{
	unsigned char *p, *q;
	int i;

	neighbours(40000, &p, &q);
	overflow(p, 8, 'A');
	for (i = 0; i < 2000; i++)
		release(malloc((size_t)i * 50));
}

static void damage_and_go_on(size_t check)
{
	char level[2] = {(char)('0' + check), 0};

	setenv("MALLOC_CHECK_", level, 1);
	execl("/proc/self/exe", "test", "--case", "child_damage_and_go_on",
	      (char *)NULL);
}

static void expect_found(size_t check)
{
	char line[4096];
	const char *at;
	int status = run_child(damage_and_go_on, check, line, sizeof(line));

	CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		  "MALLOC_CHECK_=%zu: status %x", check, status);
	at = strstr(line, ": 0x");
	CHECK_MSG(at && strchr(line, '\n') == line + strlen(line) - 1,
		  "MALLOC_CHECK_=%zu: one line with a pointer, not \"%s\"",
		  check, line);
}

static void expect_not_found(size_t check)
{
	char line[4096];
	int status = run_child(damage_and_go_on, check, line, sizeof(line));

	CHECK_MSG(status == 0, "without checks it ends with %x: %s", status,
		  line);
}

/* With --enable-debug=2 it is found without being asked for. */
CASE(malloc_check_3_finds_silent_damage)
{
	if (MMSIM_DEBUG >= 2)
		expect_found(0);
	else
		expect_not_found(0);
	expect_found(3);
}

TAP_MAIN
