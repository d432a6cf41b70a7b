/*
 * stats.c: the figures add up, mean what glibc's mean, and the texts can be
 * read again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "alloc/stats.h"

#include "alloc/options.h"
#include "testos.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct testos testos;

static struct mmsim_heap *new_heap(const char *options)
{
	struct mmsim_heap *heap;

	testos_init(&testos);
	heap = mmsim_heap_create(&testos.os, options);
	cr_assert_not_null(heap);
	return heap;
}

/* What a function writes to a descriptor. */
static char *written(int (*write_to)(struct mmsim_heap *, int),
		     struct mmsim_heap *heap)
{
	int fd = memfd_create("text", 0);
	off_t len;
	char *text;

	cr_assert_eq(write_to(heap, fd), 0);
	len = lseek(fd, 0, SEEK_END);
	text = calloc(1, (size_t)len + 1);
	cr_assert_eq(pread(fd, text, (size_t)len, 0), (ssize_t)len);
	close(fd);
	return text;
}

/* The number behind the nth `key` in text. */
static size_t number_after(const char *text, const char *key, int nth)
{
	const char *at = text;

	while (nth-- > 0) {
		at = strstr(at, key);
		cr_assert_not_null(at, "no %s", key);
		at += strlen(key);
	}
	return strtoull(at, NULL, 10);
}

static void assert_adds_up(struct mmsim_heap *heap)
{
	struct mallinfo2 m = mmsim_heap_mallinfo2(heap);

	cr_assert_eq(m.uordblks + m.fordblks, m.arena);
	cr_assert_leq(m.fsmblks, m.fordblks);
	cr_assert_leq(m.keepcost, m.fordblks);
	cr_assert_eq(m.usmblks, 0u);
}

Test(stats, an_empty_heap_holds_nothing)
{
	struct mmsim_heap *heap = new_heap(NULL);
	struct mallinfo2 m = mmsim_heap_mallinfo2(heap);

	cr_assert_eq(m.arena, 0u);
	cr_assert_eq(m.ordblks, 0u);
	cr_assert_eq(m.hblks, 0u);
	assert_adds_up(heap);
	mmsim_heap_destroy(heap);
}

/* Without a cache every free shows at once. */
Test(stats, what_is_allocated_is_in_use)
{
	struct mmsim_heap *heap = new_heap("check=3");
	struct mallinfo2 before, after;
	void *p[100];

	mmsim_heap_malloc(heap, 1);
	before = mmsim_heap_mallinfo2(heap);
	cr_assert_eq(before.arena, testos.brk);
	cr_assert_eq(before.arena, 132 * KIB);
	for (int i = 0; i < 100; i++)
		p[i] = mmsim_heap_malloc(heap, 5000);
	after = mmsim_heap_mallinfo2(heap);
	cr_assert_geq(after.uordblks - before.uordblks, 100 * 5000u);
	cr_assert_leq(after.uordblks - before.uordblks, 100 * 5040u);
	cr_assert_eq(after.arena, testos.brk);
	for (int i = 0; i < 100; i += 2)
		mmsim_heap_free(heap, p[i]);
	after = mmsim_heap_mallinfo2(heap);
	cr_assert_eq(after.ordblks, 50u + 1);
	for (int i = 1; i < 100; i += 2)
		mmsim_heap_free(heap, p[i]);
	after = mmsim_heap_mallinfo2(heap);
	cr_assert_eq(after.uordblks, before.uordblks);
	cr_assert_eq(after.ordblks, 1u);
	cr_assert_eq(after.keepcost + after.fsmblks, after.fordblks);
	assert_adds_up(heap);
	mmsim_heap_destroy(heap);
}

Test(stats, small_chunks_that_come_back_are_fast)
{
	struct mmsim_heap *heap = new_heap("check=3");
	struct mallinfo2 full, half;
	void *p[1000];

	for (int i = 0; i < 1000; i++)
		p[i] = mmsim_heap_malloc(heap, 40);
	full = mmsim_heap_mallinfo2(heap);
	for (int i = 0; i < 1000; i += 2)
		mmsim_heap_free(heap, p[i]);
	half = mmsim_heap_mallinfo2(heap);
	cr_assert_eq(half.smblks - full.smblks, 500u);
	cr_assert_eq(half.fsmblks - full.fsmblks, 500u * 48);
	cr_assert_eq(full.uordblks - half.uordblks, 500u * 48);
	assert_adds_up(heap);
	mmsim_heap_destroy(heap);
}

/* Pieces that realloc cuts off are free chunks too, the smallest included. */
Test(stats, shards_are_free)
{
	struct mmsim_heap *heap = new_heap("check=3");
	struct mallinfo2 before, after;
	void *p[100];

	for (int i = 0; i < 100; i++)
		p[i] = mmsim_heap_malloc(heap, 500 + (size_t)i);
	before = mmsim_heap_mallinfo2(heap);
	for (int i = 0; i < 100; i++)
		p[i] = mmsim_heap_realloc(heap, p[i], 8);
	after = mmsim_heap_mallinfo2(heap);
	cr_assert_geq(before.uordblks - after.uordblks, 100 * 480u);
	for (int i = 0; i < 100; i++)
		mmsim_heap_free(heap, p[i]);
	after = mmsim_heap_mallinfo2(heap);
	cr_assert_leq(after.uordblks, 64 * 40u, "%zu", after.uordblks);
	assert_adds_up(heap);
	mmsim_heap_destroy(heap);
}

Test(stats, mapped_chunks_are_counted_while_in_use)
{
	struct mmsim_heap *heap = new_heap("mmap_threshold=128K");
	struct mallinfo2 m;
	void *p = mmsim_heap_malloc(heap, 1000000);
	void *q = mmsim_heap_malloc(heap, 2000000);
	char *text;

	m = mmsim_heap_mallinfo2(heap);
	cr_assert_eq(m.hblks, 2u);
	cr_assert_geq(m.hblkhd, 3000000u);
	cr_assert_leq(m.hblkhd, 3000000u + 4 * 4096);
	mmsim_heap_free(heap, p);
	cr_assert_eq(mmsim_heap_mallinfo2(heap).hblks, 1u);
	mmsim_heap_free(heap, q);
	m = mmsim_heap_mallinfo2(heap);
	cr_assert_eq(m.hblks, 0u);
	cr_assert_eq(m.hblkhd, 0u);
	text = written(mmsim_heap_stats, heap);
	cr_assert_eq(number_after(text, "max mmap regions =", 1), 2u);
	cr_assert_geq(number_after(text, "max mmap bytes   =", 1), 3000000u);
	free(text);
	mmsim_heap_destroy(heap);
}

/* system = in use + cached + free, and only malloc_stats takes cached out. */
Test(stats, cached_bytes_are_told_apart)
{
	struct mmsim_heap *heap = new_heap(NULL);
	size_t system_bytes, in_use, cached;
	struct mallinfo2 m;
	void *p[50];
	char *text;

	for (int i = 0; i < 50; i++)
		p[i] = mmsim_heap_malloc(heap, 1000);
	for (int i = 0; i < 50; i++)
		mmsim_heap_free(heap, p[i]);
	m = mmsim_heap_mallinfo2(heap);
	text = written(mmsim_heap_stats, heap);
	system_bytes = number_after(text, "system bytes     =", 1);
	in_use = number_after(text, "in use bytes     =", 1);
	cached = number_after(text, "cached bytes     =", 1);
	cr_assert_eq(system_bytes, m.arena);
	cr_assert_geq(cached, 8 * 1008u);
	cr_assert_eq(in_use + cached, m.uordblks);
	cr_assert_eq(number_after(text, "system bytes     =", 2), system_bytes);
	free(text);
	mmsim_heap_destroy(heap);
}

Test(stats, all_options_are_printed_as_they_are)
{
	struct mmsim_heap *heap =
		new_heap("trim_threshold=-1,decay_ms=77,top_pad=4096");
	char *text = written(mmsim_heap_stats, heap);

	for (const struct option *opt = option_table; *opt->name; opt++) {
		char line[64];

		snprintf(line, sizeof(line), "\n%-16s = ", opt->name);
		cr_assert_not_null(strstr(text, line), "%s", opt->name);
	}
	cr_assert_not_null(strstr(text, "trim_threshold   =         -1\n"));
	cr_assert_not_null(strstr(text, "decay_ms         =         77\n"));
	cr_assert_not_null(strstr(text, "top_pad          =       4096\n"));
	cr_assert_null(strstr(text, "(dynamic)"));
	free(text);
	mmsim_heap_destroy(heap);
	heap = new_heap("arena_max=2");
	text = written(mmsim_heap_stats, heap);
	cr_assert_not_null(strstr(text, "(dynamic)"));
	free(text);
	mmsim_heap_destroy(heap);
}

static void *allocate_some(void *arg)
{
	struct rng rng = {99};

	for (int i = 0; i < 2000; i++) {
		void *p = mmsim_heap_malloc(arg, rng_size(&rng, 16));

		if (i % 3 != 0)
			mmsim_heap_free(arg, p);
	}
	return NULL;
}

/* The sums of all <size> elements of one arena are its totals. */
static void check_xml_heap(const char *xml)
{
	const char *end = strstr(xml, "</sizes>"), *at = xml;
	size_t fast = number_after(xml, "type=\"fast\" count=\"", 1);
	size_t rest = number_after(xml, "type=\"rest\" count=\"", 1);
	size_t bytes =
		number_after(strstr(xml, "type=\"fast\""), "size=\"", 1) +
		number_after(strstr(xml, "type=\"rest\""), "size=\"", 1);
	size_t count = 0, total = 0;

	for (at = strstr(xml, "<size "); at && at < end;
	     at = strstr(at + 1, "<size ")) {
		size_t from = number_after(at, "from=\"", 1);
		size_t to = number_after(at, "to=\"", 1);
		size_t t = number_after(at, "total=\"", 1);
		size_t n = number_after(at, "count=\"", 1);

		cr_assert_leq(from, to);
		cr_assert(t >= from * n && t <= to * n, "%zu..%zu: %zu in %zu",
			  from, to, t, n);
		count += n;
		total += t;
	}
	/* top is in the rest, and has no line of its own. */
	cr_assert(fast + rest == count + 1, "%zu + %zu, %zu listed", fast, rest,
		  count);
	cr_assert_geq(bytes, total);
}

Test(stats, xml_adds_up)
{
	struct mmsim_heap *heap = new_heap("mmap_threshold=64K");
	struct mallinfo2 m;
	pthread_t thread;
	const char *totals;
	size_t fast, rest;
	char *xml;

	allocate_some(heap);
	pthread_create(&thread, NULL, allocate_some, heap);
	pthread_join(thread, NULL);
	xml = written(mmsim_heap_info, heap);
	m = mmsim_heap_mallinfo2(heap);
	cr_assert_eq(strncmp(xml, "<malloc version=\"1\">\n", 21), 0);
	cr_assert_str_eq(xml + strlen(xml) - 10, "</malloc>\n");
	check_xml_heap(strstr(xml, "<heap nr=\"0\">"));
	check_xml_heap(strstr(xml, "<heap nr=\"1\">"));
	totals = strrchr(xml, 'p'); /* of the last </heap> or later */
	for (const char *at = xml; (at = strstr(at, "</heap>")); at++)
		totals = at;
	fast = number_after(strstr(totals, "type=\"fast\""), "size=\"", 1);
	rest = number_after(strstr(totals, "type=\"rest\""), "size=\"", 1);
	cr_assert_eq(fast, m.fsmblks);
	cr_assert_eq(fast + rest, m.fordblks);
	cr_assert_eq(number_after(totals, "type=\"rest\" count=\"", 1),
		     m.ordblks);
	cr_assert_eq(number_after(totals, "type=\"mmap\" count=\"", 1),
		     m.hblks);
	cr_assert_eq(
		number_after(totals, "<system type=\"current\" size=\"", 1),
		m.arena);
	cr_assert_eq(
		number_after(totals, "<aspace type=\"mprotect\" size=\"", 1),
		m.arena);
	cr_assert_geq(number_after(totals, "<aspace type=\"total\" size=\"", 1),
		      m.arena);
	free(xml);
	assert_adds_up(heap);
	mmsim_heap_destroy(heap);
}

/* Elements open and close in pairs, and attributes have values. */
static void check_well_formed(const char *xml)
{
	const char *open[16];
	size_t depth = 0;

	for (const char *at = xml; (at = strchr(at, '<')); at++) {
		const char *end = strchr(at, '>');
		size_t len = strcspn(at + 1, " />\n");
		size_t quotes = 0;

		cr_assert_not_null(end);
		for (const char *c = at; c < end; c++)
			quotes += *c == '"';
		cr_assert_eq(quotes % 2, 0u);
		if (at[1] == '/') {
			len = strcspn(at + 2, ">");
			cr_assert_gt(depth, 0u);
			cr_assert_eq(strncmp(open[--depth], at + 2, len), 0);
		} else if (end[-1] != '/') {
			cr_assert_lt(depth, 16u);
			cr_assert_gt(len, 0u);
			open[depth++] = at + 1;
		}
	}
	cr_assert_eq(depth, 0u);
}

Test(stats, xml_is_well_formed)
{
	struct mmsim_heap *heap = new_heap(NULL);
	char *xml = written(mmsim_heap_info, heap);

	check_well_formed(xml);
	free(xml);
	allocate_some(heap);
	xml = written(mmsim_heap_info, heap);
	check_well_formed(xml);
	free(xml);
	mmsim_heap_destroy(heap);
}

Test(stats, a_descriptor_that_cannot_be_written_is_told)
{
	struct mmsim_heap *heap = new_heap(NULL);

	cr_assert_eq(mmsim_heap_info(heap, -1), -1);
	cr_assert_eq(mmsim_heap_stats(heap, 12345), -1);
	mmsim_heap_destroy(heap);
}

Test(stats, add_up_under_random_work, .timeout = 60)
{
	static void *p[500];
	struct mmsim_heap *heap = new_heap("mmap_threshold=100000");
	struct rng rng = {5};

	for (int n = 0; n < STEPS(30000); n++) {
		size_t i = rng_below(&rng, 500);

		mmsim_heap_free(heap, p[i]);
		p[i] = mmsim_heap_malloc(heap, rng_size(&rng, 17));
		if (n % 100 == 0) {
			testos_pass_ms(&testos, 300);
			assert_adds_up(heap);
		}
	}
	for (size_t i = 0; i < 500; i++)
		mmsim_heap_free(heap, p[i]);
	assert_adds_up(heap);
	mmsim_heap_trim(heap, 0);
	assert_adds_up(heap);
	mmsim_heap_destroy(heap);
}

static void *watch(void *arg)
{
	int fd = memfd_create("text", 0);

	for (int i = 0; i < 200; i++) {
		assert_adds_up(arg);
		cr_assert_eq(mmsim_heap_info(arg, fd), 0);
		cr_assert_eq(mmsim_heap_stats(arg, fd), 0);
		cr_assert_eq(ftruncate(fd, 0), 0);
	}
	close(fd);
	return NULL;
}

Test(stats, are_taken_while_others_work, .timeout = 60)
{
	struct mmsim_heap *heap = make_heap(NULL);
	pthread_t watcher, worker;

	pthread_create(&watcher, NULL, watch, heap);
	for (int i = 0; i < 4; i++) {
		pthread_create(&worker, NULL, allocate_some, heap);
		allocate_some(heap);
		pthread_join(worker, NULL);
	}
	pthread_join(watcher, NULL);
	assert_adds_up(heap);
	assert_valid(heap);
	mmsim_heap_destroy(heap);
}
