/*
 * mapped.c: chunks that are mappings of their own, and the store of freed ones.
 *
 * A request from mmap_threshold on that neither a free chunk nor top can serve
 * gets its own mapping: it costs no memory until it is written, grows by
 * mremap(2) without copying, and can go back to the system as a whole.
 *
 * A freed mapping that the threshold sends to the arena next time may become part
 * of it (adopt.c).  Others wait in the store for the decay time.  Those that would
 * be mapped again are kept whole for reuse, up to STORE_BYTES; of the rest all but
 * the first page is unmapped at once, and that page is kept so that a second free
 * of the chunk is named rather than a crash.  With a trim_threshold of -1 nothing
 * is unmapped later: no mapping is kept whole, and the pages stay until their slots
 * are needed.
 *
 * Source: mallopt(3) for M_MMAP_THRESHOLD and M_MMAP_MAX; mremap(2).
 */
#include "alloc/mapped.h"

#include "alloc/adopt.h"
#include "alloc/heap.h"
#include "base/fatal.h"

#define STORE_BYTES (64 * MIB)
/* A stored mapping serves a request that uses at least this part of it. */
#define STORE_FIT_SHIFT 2

static struct chunk *mapped_chunk(struct mapped *m)
{
	return (struct chunk *)(void *)&m->check;
}

static struct mapped *mapped_of(const void *p)
{
	return (struct mapped *)((uintptr_t)p - sizeof(struct mapped));
}

static void *mapped_user(struct mapped *m)
{
	return m + 1;
}

static size_t mapped_check(const struct heap *heap, const struct mapped *m)
{
	return (uintptr_t)m ^ m->base << 1 ^ m->len << 3 ^ heap->key;
}

static size_t mapped_user_bytes(const struct mapped *m)
{
	return m->base + m->len - (uintptr_t)(m + 1);
}

static void mapped_write(const struct heap *heap, struct mapped *m)
{
	m->check = mapped_check(heap, m);
	chunk_write(mapped_chunk(m),
		    heap_tag(heap, MAPPED_INDEX) | CHUNK_M | CHUNK_L,
		    mapped_user_bytes(m) / UNIT, CHUNK_P);
}

static void mapped_link(struct mapped_chunks *mapped, struct mapped *m)
{
	m->prev = NULL;
	m->next = mapped->first;
	if (m->next)
		m->next->prev = m;
	mapped->first = m;
	mapped->nr++;
	mapped->bytes += m->len;
	store_relaxed(&mapped->max_nr, max_size(mapped->max_nr, mapped->nr));
	mapped->max_bytes = max_size(mapped->max_bytes, mapped->bytes);
}

static void mapped_unlink(struct mapped_chunks *mapped, struct mapped *m)
{
	if (m->next)
		m->next->prev = m->prev;
	if (m->prev)
		m->prev->next = m->next;
	else
		mapped->first = m->next;
	mapped->nr--;
	mapped->bytes -= m->len;
}

/* The mapped chunk of p; ends the program when p is none, or is freed. */
static struct mapped *mapped_get(struct heap *heap, const void *p,
				 const char *message)
{
	struct mapped *m = mapped_of(p);
	const struct chunk *c = chunk_of(p);

	if (heap_index_of_tag(heap, chunk_lo(c)) != MAPPED_INDEX ||
	    !(chunk_lo(c) & CHUNK_M) || (chunk_lo(c) & CHUNK_F) ||
	    m->check != mapped_check(heap, m))
		fatal_at(message, p);
	return m;
}

static void stored_drop(struct heap *heap, struct stored *s)
{
	heap->mapped.store_bytes -= s->kept;
	leftover_unmap(heap, s->m->base, s->kept);
	s->m = NULL;
}

/* A stored mapping cut to `len` bytes, with the header at its start; or NULL. */
static struct mapped *stored_take(struct heap *heap, size_t len)
{
	const struct mmsim_os *os = heap->os;
	struct mapped_chunks *mapped = &heap->mapped;
	struct stored *best = NULL;
	struct mapped *m;

	for (unsigned i = 0; i < NR_STORED; i++) {
		struct stored *s = &mapped->store[i];

		if (s->m && s->kept == s->m->len && s->kept >= len &&
		    s->kept - len <= s->kept >> STORE_FIT_SHIFT &&
		    (uintptr_t)s->m == s->m->base &&
		    (!best || s->kept < best->kept))
			best = s;
	}
	if (!best)
		return NULL;
	m = best->m;
	if (best->kept > len &&
	    os->unmap(os->ctx, (void *)(m->base + len), best->kept - len) != 0)
		return NULL;
	mapped->store_bytes -= best->kept;
	mapped->nr_reused++;
	m->len = len;
	best->m = NULL;
	return m;
}

/* The slot for one more: one not in use, else the oldest, given back. */
static struct stored *stored_slot(struct heap *heap)
{
	struct stored *oldest = &heap->mapped.store[0];

	for (unsigned i = 0; i < NR_STORED; i++) {
		struct stored *s = &heap->mapped.store[i];

		if (!s->m)
			return s;
		if (s->freed_ns < oldest->freed_ns)
			oldest = s;
	}
	stored_drop(heap, oldest);
	return oldest;
}

/* Whether a freed mapping may serve a later request: not when the dynamic
 * threshold sends the next one of its size to the arena. */
static bool mapped_keeps_whole(const struct heap *heap, size_t len)
{
	const struct options *o = &heap->options;

	if (load_relaxed(&o->trim_threshold) == OPTION_NEVER ||
	    (heap->dynamic_threshold &&
	     len <= load_relaxed(&o->mmap_threshold)))
		return false;
	return heap->mapped.store_bytes + len <= STORE_BYTES;
}

/* Puts a freed mapping into the store; its lock is held. */
static void stored_put(struct heap *heap, struct mapped *m)
{
	const struct mmsim_os *os = heap->os;
	struct mapped_chunks *mapped = &heap->mapped;
	size_t head = align_up((uintptr_t)(m + 1), os->page_size) - m->base;
	struct stored *s;

	if (heap->options.decay_ms == 0) {
		leftover_unmap(heap, m->base, m->len);
		return;
	}
	s = stored_slot(heap);
	s->m = m;
	s->kept = m->len;
	s->freed_ns = heap_now_ns(heap);
	if (!mapped_keeps_whole(heap, m->len) && s->kept > head &&
	    os->unmap(os->ctx, (void *)(m->base + head), m->len - head) == 0)
		s->kept = head;
	mapped->store_bytes += s->kept;
	heap_wait(heap, s->freed_ns);
}

/* Gives back the whole pages that alignment skipped before and behind. */
static void mapped_cut(struct heap *heap, struct mapped *m, size_t size)
{
	const struct mmsim_os *os = heap->os;
	uintptr_t from = align_down((uintptr_t)m, os->page_size);
	uintptr_t to = align_up((uintptr_t)(m + 1) + size, os->page_size);

	if (from > m->base &&
	    os->unmap(os->ctx, (void *)m->base, from - m->base) == 0) {
		m->len -= from - m->base;
		m->base = from;
	}
	if (to < m->base + m->len &&
	    os->unmap(os->ctx, (void *)to, m->base + m->len - to) == 0)
		m->len = to - m->base;
}

void *mapped_alloc(struct heap *heap, size_t size, size_t alignment,
		   bool *is_zero)
{
	const struct mmsim_os *os = heap->os;
	struct mapped_chunks *mapped = &heap->mapped;
	struct mapped *m = NULL;
	size_t extra = alignment > UNIT ? alignment : 0;
	size_t len;

	if (size > PTRDIFF_MAX - sizeof(*m) - extra - os->page_size)
		return NULL;
	len = align_up(size + sizeof(*m) + extra, os->page_size);
	lock_take(&mapped->lock);
	if (mapped->nr >= heap->options.mmap_max)
		goto out;
	*is_zero = false;
	if (extra == 0)
		m = stored_take(heap, len);
	if (!m) {
		uintptr_t base = (uintptr_t)os->map(os->ctx, len), user;

		if (!base)
			goto out;
		*is_zero = true;
		user = align_up(base + sizeof(*m), extra ? extra : UNIT);
		m = mapped_of((void *)user);
		m->base = base;
		m->len = len;
		mapped_cut(heap, m, size);
	}
	mapped_write(heap, m);
	mapped_link(mapped, m);
out:
	lock_drop(&mapped->lock);
	return m ? mapped_user(m) : NULL;
}

size_t mapped_free(struct heap *heap, struct arena *a, void *p,
		   const char *message)
{
	struct mapped_chunks *mapped = &heap->mapped;
	struct mapped *m;
	size_t len, others;

	lock_take(&mapped->lock);
	m = mapped_get(heap, p, message);
	len = m->len;
	heap_mapped_freed(heap, len);
	mapped_unlink(mapped, m);
	others = mapped->bytes;
	store_relaxed(&mapped_chunk(m)->lo, mapped_chunk(m)->lo | CHUNK_F);
	lock_drop(&mapped->lock);
	if (adopt_mapping(a, m, others))
		return len;
	lock_take(&mapped->lock);
	stored_put(heap, m);
	lock_drop(&mapped->lock);
	return 0;
}

void *mapped_realloc(struct heap *heap, void *p, size_t size,
		     const char *message)
{
	const struct mmsim_os *os = heap->os;
	struct mapped_chunks *mapped = &heap->mapped;
	struct mapped *m;
	uintptr_t base;
	size_t offset, len;

	if (size > PTRDIFF_MAX - 2 * os->page_size)
		return NULL;
	lock_take(&mapped->lock);
	m = mapped_get(heap, p, message);
	offset = (uintptr_t)m - m->base;
	len = align_up(offset + sizeof(*m) + size, os->page_size);
	if (len == m->len) {
		lock_drop(&mapped->lock);
		return p;
	}
	mapped_unlink(mapped, m);
	base = (uintptr_t)os->remap(os->ctx, (void *)m->base, m->len, len,
				    len > m->len);
	if (base) {
		m = (struct mapped *)(base + offset);
		m->base = base;
		m->len = len;
		mapped_write(heap, m);
	}
	mapped_link(mapped, m);
	lock_drop(&mapped->lock);
	return base ? mapped_user(m) : NULL;
}

size_t mapped_usable(struct heap *heap, const void *p, const char *message)
{
	return mapped_user_bytes(mapped_get(heap, p, message));
}

size_t mapped_expire(struct heap *heap, uint64_t now_ns, bool all)
{
	struct mapped_chunks *mapped = &heap->mapped;
	size_t bytes = 0;

	if (!all &&
	    load_relaxed(&heap->options.trim_threshold) == OPTION_NEVER)
		return 0;
	lock_take(&mapped->lock);
	for (unsigned i = 0; i < NR_STORED; i++) {
		struct stored *s = &mapped->store[i];

		if (!s->m)
			continue;
		if (!all && !heap_has_decayed(heap, s->freed_ns, now_ns)) {
			heap_wait(heap, s->freed_ns);
			continue;
		}
		bytes += s->kept;
		stored_drop(heap, s);
	}
	lock_drop(&mapped->lock);
	return bytes;
}

COLD_FAR void mapped_release_all(struct heap *heap)
{
	const struct mmsim_os *os = heap->os;

	mapped_expire(heap, 0, true);
	while (heap->mapped.first) {
		struct mapped *m = heap->mapped.first;

		mapped_unlink(&heap->mapped, m);
		os->unmap(os->ctx, (void *)m->base, m->len);
	}
}
