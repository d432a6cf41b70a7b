/*
 * stats.c: counting a heap, and telling it as mallinfo2, XML and text.
 *
 * The figures of one arena are taken under its lock, so that they add up, and
 * printed after it was dropped: a descriptor may be a pipe whose reader needs
 * malloc.  Different arenas are seen at different moments.  What threads have
 * cached is read while they go on; it is of no single moment either, and never
 * counted as more than the arena has handed out.
 *
 * glibc's fast bins have their like in the runs, in magazines and in the piles of
 * hot medium classes: free chunks of an arena that do not coalesce one by one.
 * smblks, fsmblks and type="fast" tell of those.
 *
 * Sources: mallinfo(3), malloc_info(3), malloc_stats(3).
 */
#include "alloc/stats.h"

#include "alloc/heap.h"
#include "alloc/remote.h"
#include "alloc/shard.h"
#include "alloc/top.h"

#include <string.h>

#define LABEL_WIDTH 16
#define NUMBER_WIDTH 10

struct tally {
	size_t count;
	size_t bytes;
};

struct arena_figures {
	size_t system_bytes, max_system_bytes, reserved_bytes;
	size_t top_bytes;
	size_t cached_bytes; /* in caches, and on the way home from others */
	unsigned nr_segments, nr_attached;
	size_t nr_refills, nr_flushes;
	size_t nr_purges, purged_bytes;
	struct tally fast; /* free chunks of runs, and what waits in piles */
	struct tally bins; /* free chunks in bins, without top */
};

/* The same free chunks by size. */
struct size_figures {
	struct tally classes[NR_CLASSES];
	struct tally bins[NR_BINS];
};

struct mapped_figures {
	struct tally used, most, stored;
	size_t nr_reused, meta_bytes;
};

static void tally_add(struct tally *sum, const struct tally *part)
{
	sum->count += part->count;
	sum->bytes += part->bytes;
}

/* ---- counting ---- */

/* Chunks in stacks are of the cache's own arena, those in batches are on their
 * way to another one.  A batch that is posted meanwhile stays readable: blocks
 * of metadata are not given back. */
static void figures_add_cache(struct arena_figures *f, const struct arena *a,
			      const struct tcache *tc)
{
	for (unsigned i = 0; i < NR_REMOTE_SLOTS; i++) {
		const struct remote_slot *slot = &tc->remote[i];

		if (load_relaxed(&slot->arena) != a)
			continue;
		for (unsigned way = 0; way < NR_REMOTE_WAYS; way++) {
			const struct remote_batch *batch =
				load_relaxed(&slot->batch[way]);

			if (batch)
				f->cached_bytes += load_relaxed(&batch->bytes);
		}
	}
	if (tc->arena != a)
		return;
	f->cached_bytes += tcache_bytes(tc);
	f->nr_refills += load_relaxed(&tc->nr_refills);
	f->nr_flushes += load_relaxed(&tc->nr_flushes);
}

/* The free chunks of a small class, whole ones of its runs (full runs are not on
 * its list), shards, and those in magazines.  The smallest shards are not listed;
 * shard_units, which has all of them, is lessened by those that are. */
static struct tally class_free(const struct arena *a, unsigned cls,
			       size_t *shard_units)
{
	struct tally t = {0, 0};

	for (const struct shard *s = a->shards[cls]; s; s = s->next)
		t.count++;
	*shard_units -= t.count * cls;
	if (cls == 1)
		t.count += *shard_units;
	for (const struct run *run = a->classes[cls].first; run;
	     run = run->next)
		t.count += run->nr_free + run->nr_total - run->nr_carved;
	t.count += a->piles[cls].bytes / (cls * UNIT);
	t.bytes = t.count * cls * UNIT;
	return t;
}

/* The free chunks of a medium class that wait for their like. */
static struct tally medium_free(const struct arena *a, unsigned cls)
{
	const struct medium_class *m = &a->mediums[cls - CLASS_MEDIUM];

	return (struct tally){
		.count = m->nr,
		.bytes = (size_t)m->nr * m->fit * UNIT,
	};
}

static struct tally bin_free(const struct arena *a, unsigned i)
{
	struct tally t = {0, 0};

	for (const struct chunk *c = a->bins.first[i];
	     c && arena_has_chunk(a, c); c = c->fd) {
		t.count++;
		t.bytes += chunk_bytes(c);
	}
	return t;
}

/* `sizes` may be NULL; else every free chunk is looked at. */
static void figures_of_arena(struct arena_figures *f,
			     struct size_figures *sizes, struct arena *a)
{
	struct heap *heap = a->heap;
	size_t shard_units;

	memset(f, 0, sizeof(*f));
	lock_take(&heap->lock);
	for (const struct tcache *tc = heap->tcaches; tc; tc = tc->next)
		figures_add_cache(f, a, tc);
	for (const struct tcache *tc = heap->orphans; tc; tc = tc->next)
		figures_add_cache(f, a, tc);
	f->nr_attached = a->nr_attached;
	lock_take(&a->lock);
	f->cached_bytes += load_relaxed(&a->remote_bytes);
	if (a->spare)
		f->cached_bytes += tcache_bytes(a->spare);
	f->system_bytes = a->system_bytes;
	f->max_system_bytes = a->max_system_bytes;
	f->nr_segments = a->nr_segments;
	for (unsigned i = 0; i < a->nr_segments; i++) {
		const struct segment *seg = &a->segments[i];

		f->reserved_bytes +=
			(seg->is_brk ? seg->end : seg->limit) - seg->base;
	}
	f->top_bytes = top_bytes(a);
	f->nr_purges = a->nr_purges;
	f->purged_bytes = a->purged_bytes;
	/* From the largest down: what is left then are the smallest shards. */
	shard_units = a->shard_units;
	for (unsigned cls = NR_CLASSES - 1; cls >= 1; cls--) {
		struct tally t = sizeclass_is_small(cls)
					 ? class_free(a, cls, &shard_units)
					 : medium_free(a, cls);

		tally_add(&f->fast, &t);
		if (sizes)
			sizes->classes[cls] = t;
	}
	for (unsigned i = 0; sizes && i < NR_BINS; i++)
		sizes->bins[i] = bin_free(a, i);
	f->bins.count = a->bins.nr_chunks;
	f->bins.bytes = a->bins.nr_units * UNIT;
	lock_drop(&a->lock);
	lock_drop(&heap->lock);
}

static size_t figures_free(const struct arena_figures *f)
{
	return f->top_bytes + f->bins.bytes + f->fast.bytes;
}

static size_t figures_cached(const struct arena_figures *f)
{
	return min_size(f->cached_bytes, f->system_bytes - figures_free(f));
}

static size_t figures_in_use(const struct arena_figures *f)
{
	return f->system_bytes - figures_free(f) - figures_cached(f);
}

/* The free chunks that are not fast: bins and top. */
static struct tally figures_rest(const struct arena_figures *f)
{
	return (struct tally){
		.count = f->bins.count + (f->top_bytes > 0),
		.bytes = f->bins.bytes + f->top_bytes,
	};
}

static void figures_of_mapped(struct mapped_figures *f, struct heap *heap)
{
	struct mapped_chunks *mapped = &heap->mapped;

	memset(f, 0, sizeof(*f));
	lock_take(&mapped->lock);
	f->used = (struct tally){mapped->nr, mapped->bytes};
	f->most = (struct tally){mapped->max_nr, mapped->max_bytes};
	for (unsigned i = 0; i < NR_STORED; i++)
		f->stored.count += mapped->store[i].m != NULL;
	f->stored.bytes = mapped->store_bytes;
	f->nr_reused = mapped->nr_reused;
	lock_drop(&mapped->lock);
	lock_take(&heap->meta.lock);
	f->meta_bytes = heap->meta.bytes;
	lock_drop(&heap->meta.lock);
}

static unsigned heap_nr_arenas(const struct heap *heap)
{
	return __atomic_load_n(&heap->nr_arenas, __ATOMIC_ACQUIRE);
}

struct mallinfo2 stats_mallinfo2(struct heap *heap)
{
	struct mallinfo2 info;
	struct mapped_figures mapped;
	unsigned nr = heap_nr_arenas(heap);

	memset(&info, 0, sizeof(info));
	for (unsigned i = 0; i < nr; i++) {
		struct arena_figures f;

		figures_of_arena(&f, NULL, heap_arena_at(heap, i));
		info.arena += f.system_bytes;
		info.ordblks += figures_rest(&f).count;
		info.smblks += f.fast.count;
		info.fsmblks += f.fast.bytes;
		info.fordblks += figures_free(&f);
		if (i == 0)
			info.keepcost = f.top_bytes;
	}
	info.uordblks = info.arena - info.fordblks;
	figures_of_mapped(&mapped, heap);
	info.hblks = mapped.used.count;
	info.hblkhd = mapped.used.bytes;
	return info;
}

/* ---- malloc_info ---- */

/* The least number of units that goes into bin i. */
static size_t bin_least_units(unsigned i)
{
	unsigned sub = i - BIN_EXACT;

	if (i < BIN_EXACT)
		return i;
	return (size_t)((1u << BIN_SUB_LOG2) + (sub & 7))
	       << (6 - BIN_SUB_LOG2 + (sub >> BIN_SUB_LOG2));
}

static void info_size(struct outbuf *out, size_t from, size_t to,
		      const struct tally *t)
{
	if (t->count > 0)
		outbuf_printf(out,
			      "  <size from=\"%zu\" to=\"%zu\" total=\"%zu\" "
			      "count=\"%zu\"/>\n",
			      from, to, t->bytes, t->count);
}

static void info_sizes(struct outbuf *out, const struct size_figures *sizes)
{
	outbuf_str(out, "<sizes>\n");
	for (unsigned cls = 1; cls <= NR_SMALL; cls++)
		info_size(out, (cls - 1) * UNIT + 1, cls * UNIT,
			  &sizes->classes[cls]);
	for (unsigned cls = CLASS_MEDIUM; cls < NR_CLASSES; cls++)
		info_size(out, sizeclass_units(cls) * UNIT,
			  cls + 1 < NR_CLASSES
				  ? (sizeclass_units(cls + 1) - 1) * UNIT
				  : CACHED_UNITS_MAX * UNIT,
			  &sizes->classes[cls]);
	for (unsigned i = 1; i < NR_BINS; i++)
		info_size(out, bin_least_units(i) * UNIT,
			  (bin_least_units(i + 1) - 1) * UNIT, &sizes->bins[i]);
	outbuf_str(out, "</sizes>\n");
}

static void info_total(struct outbuf *out, const char *type, struct tally t)
{
	outbuf_printf(out, "<total type=\"%s\" count=\"%zu\" size=\"%zu\"/>\n",
		      type, t.count, t.bytes);
}

static void info_bytes(struct outbuf *out, const char *element,
		       const char *type, size_t bytes)
{
	outbuf_printf(out, "<%s type=\"%s\" size=\"%zu\"/>\n", element, type,
		      bytes);
}

static void info_space(struct outbuf *out, const struct arena_figures *f)
{
	info_bytes(out, "system", "current", f->system_bytes);
	info_bytes(out, "system", "max", f->max_system_bytes);
	info_bytes(out, "aspace", "total", f->reserved_bytes);
	info_bytes(out, "aspace", "mprotect", f->system_bytes);
}

/* What glibc has no elements for. */
static void info_extra(struct outbuf *out, const struct arena_figures *f)
{
	outbuf_printf(out,
		      "<cache threads=\"%u\" size=\"%zu\" refills=\"%zu\" "
		      "flushes=\"%zu\"/>\n",
		      f->nr_attached, figures_cached(f), f->nr_refills,
		      f->nr_flushes);
	outbuf_printf(out, "<purge count=\"%zu\" size=\"%zu\"/>\n",
		      f->nr_purges, f->purged_bytes);
}

static void info_arena(struct outbuf *out, unsigned i,
		       const struct arena_figures *f,
		       const struct size_figures *sizes)
{
	outbuf_printf(out, "<heap nr=\"%u\">\n", i);
	info_sizes(out, sizes);
	info_total(out, "fast", f->fast);
	info_total(out, "rest", figures_rest(f));
	info_space(out, f);
	if (i > 0)
		info_bytes(out, "aspace", "subheaps", f->nr_segments);
	info_extra(out, f);
	outbuf_str(out, "</heap>\n");
}

/* Adds what one arena has to the figures of the whole heap. */
static void figures_sum(struct arena_figures *sum,
			const struct arena_figures *f, struct tally *rest)
{
	struct tally r = figures_rest(f);

	tally_add(rest, &r);
	tally_add(&sum->fast, &f->fast);
	tally_add(&sum->bins, &f->bins);
	sum->top_bytes += f->top_bytes;
	sum->system_bytes += f->system_bytes;
	sum->max_system_bytes += f->max_system_bytes;
	sum->reserved_bytes += f->reserved_bytes;
	sum->cached_bytes += figures_cached(f);
	sum->nr_attached += f->nr_attached;
	sum->nr_refills += f->nr_refills;
	sum->nr_flushes += f->nr_flushes;
	sum->nr_purges += f->nr_purges;
	sum->purged_bytes += f->purged_bytes;
}

void stats_info(struct heap *heap, struct outbuf *out)
{
	unsigned nr = heap_nr_arenas(heap);
	struct arena_figures f, sum;
	struct size_figures sizes;
	struct tally rest = {0, 0};
	struct mapped_figures mapped;

	memset(&sum, 0, sizeof(sum));
	outbuf_str(out, "<malloc version=\"1\">\n");
	for (unsigned i = 0; i < nr; i++) {
		figures_of_arena(&f, &sizes, heap_arena_at(heap, i));
		figures_sum(&sum, &f, &rest);
		info_arena(out, i, &f, &sizes);
	}
	figures_of_mapped(&mapped, heap);
	info_total(out, "fast", sum.fast);
	info_total(out, "rest", rest);
	info_total(out, "mmap", mapped.used);
	info_space(out, &sum);
	info_extra(out, &sum);
	outbuf_printf(
		out, "<store count=\"%zu\" size=\"%zu\" reused=\"%zu\"/>\n",
		mapped.stored.count, mapped.stored.bytes, mapped.nr_reused);
	outbuf_printf(out, "<metadata size=\"%zu\"/>\n", mapped.meta_bytes);
	outbuf_str(out, "</malloc>\n");
}

/* ---- malloc_stats ---- */

static void print_label(struct outbuf *out, const char *label)
{
	size_t len = strlen(label);

	outbuf_str(out, label);
	for (; len < LABEL_WIDTH; len++)
		outbuf_str(out, " ");
	outbuf_str(out, " = ");
}

static void print_number(struct outbuf *out, const char *label, size_t value)
{
	print_label(out, label);
	outbuf_uint_pad(out, value, NUMBER_WIDTH);
	outbuf_str(out, "\n");
}

static void print_bytes(struct outbuf *out, size_t system_bytes, size_t in_use,
			size_t cached)
{
	print_number(out, "system bytes", system_bytes);
	print_number(out, "in use bytes", in_use);
	print_number(out, "cached bytes", cached);
}

static void print_options(struct outbuf *out, const struct heap *heap)
{
	const char *options = (const char *)&heap->options;

	outbuf_str(out, "Options:\n");
	for (const struct option *opt = option_table; *opt->name; opt++) {
		size_t value = load_relaxed(
			(const size_t *)(const void *)(options + opt->offset));

		print_label(out, opt->name);
		if (opt->minus_one && value == OPTION_NEVER)
			outbuf_printf(out, "%10d", -1);
		else
			outbuf_uint_pad(out, value, NUMBER_WIDTH);
		if (opt->offset == offsetof(struct options, mmap_threshold) &&
		    heap->dynamic_threshold)
			outbuf_str(out, " (dynamic)");
		outbuf_str(out, "\n");
	}
}

void stats_print(struct heap *heap, struct outbuf *out)
{
	unsigned nr = heap_nr_arenas(heap);
	size_t system_bytes = 0, in_use = 0, cached = 0;
	struct mapped_figures mapped;

	for (unsigned i = 0; i < nr; i++) {
		struct arena_figures f;

		figures_of_arena(&f, NULL, heap_arena_at(heap, i));
		outbuf_printf(out, "Arena %u:\n", i);
		print_bytes(out, f.system_bytes, figures_in_use(&f),
			    figures_cached(&f));
		system_bytes += f.system_bytes;
		in_use += figures_in_use(&f);
		cached += figures_cached(&f);
	}
	figures_of_mapped(&mapped, heap);
	outbuf_str(out, "Total (incl. mmap):\n");
	print_bytes(out, system_bytes + mapped.used.bytes,
		    in_use + mapped.used.bytes, cached);
	print_number(out, "max mmap regions", mapped.most.count);
	print_number(out, "max mmap bytes", mapped.most.bytes);
	print_number(out, "kept mmap bytes", mapped.stored.bytes);
	print_number(out, "metadata bytes", mapped.meta_bytes);
	print_options(out, heap);
}

/* ---- <mmsim/malloc.h>: a struct mmsim_heap begins with its struct heap ----
 */

PUBLIC struct mallinfo2 mmsim_heap_mallinfo2(struct mmsim_heap *heap)
{
	return stats_mallinfo2((struct heap *)(void *)heap);
}

PUBLIC int mmsim_heap_info(struct mmsim_heap *heap, int fd)
{
	char text[1024];
	struct outbuf out;

	if (fd < 0)
		return -1;
	outbuf_init(&out, text, sizeof(text), fd);
	stats_info((struct heap *)(void *)heap, &out);
	return outbuf_flush(&out) ? 0 : -1;
}

PUBLIC int mmsim_heap_stats(struct mmsim_heap *heap, int fd)
{
	char text[1024];
	struct outbuf out;

	if (fd < 0)
		return -1;
	outbuf_init(&out, text, sizeof(text), fd);
	stats_print((struct heap *)(void *)heap, &out);
	return outbuf_flush(&out) ? 0 : -1;
}
