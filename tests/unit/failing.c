/*
 * failing.c: memory runs out at every place where it can.
 *
 * One long script makes every kind of call, in two threads one after the
 * other.  It is run again and again; the Nth run has the Nth operation of the
 * os refused (in other suites: several from the Nth on).  After each step that
 * met a refusal the heap must be in order, no byte of a live block may have
 * changed, and a call that failed must have said so with ENOMEM.  The script
 * always goes on to its end, and then the heap gives everything back.
 *
 * The runs end with the first that meets no refusal any more.  (Built with a
 * sanitizer, they leave some operations out.)
 */
#include "testos.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define NR_SLOTS 48
#define NR_STEPS 900

struct slot {
	unsigned char *p;
	size_t size;
	uint64_t mark;
};

struct script {
	struct testos *testos;
	struct mmsim_os_failing failing;
	struct mmsim_heap *heap;
	struct rng rng;
	struct slot slots[NR_SLOTS];
	uint64_t next_mark;
	uint64_t nr_failed; /* calls that returned NULL */
	int null_fd;
};

static void check_live(const struct script *s)
{
	for (size_t i = 0; i < NR_SLOTS; i++)
		if (s->slots[i].p)
			cr_assert(pattern_holds(s->slots[i].p, s->slots[i].size,
						s->slots[i].mark),
				  "block %zu of %zu bytes changed", i,
				  s->slots[i].size);
}

/* NULL is an answer only when the os has refused something. */
static void *answered(struct script *s, void *p, uint64_t refused_before)
{
	if (p)
		return p;
	cr_assert_eq(errno, ENOMEM);
	cr_assert_gt(s->failing.nr_refused, refused_before);
	s->nr_failed++;
	return NULL;
}

/* All the ranges that are served differently, and their borders. */
static size_t script_size(struct script *s)
{
	static const size_t most[] = {64,     1016,   32776, 150000,
				      200000, 300000, 600000};
	size_t kind = rng_below(&s->rng, 24);

	kind = kind < 8 ? 0 : kind < 14 ? 1 : kind < 18 ? 2 : kind - 16;
	if (kind >= sizeof(most) / sizeof(*most))
		kind = 3;
	return rng_below(&s->rng, most[kind] + 1);
}

static void step_allocate(struct script *s, struct slot *slot)
{
	uint64_t refused = s->failing.nr_refused;
	size_t size = script_size(s);
	size_t alignment = (size_t)16 << rng_below(&s->rng, 12);
	size_t kind = rng_below(&s->rng, 4);
	void *p;

	errno = 0;
	if (kind == 0) {
		p = mmsim_heap_calloc(s->heap, 1, size);
		if (p)
			cr_assert(all_zero(p, size), "calloc(%zu)", size);
	} else if (kind == 1) {
		p = mmsim_heap_memalign(s->heap, alignment, size);
		cr_assert_eq((uintptr_t)p % alignment, 0u);
	} else {
		p = mmsim_heap_malloc(s->heap, size);
	}
	slot->p = answered(s, p, refused);
	if (!slot->p)
		return;
	slot->size = size;
	slot->mark = ++s->next_mark;
	pattern_fill(p, size, slot->mark);
}

static void step_resize(struct script *s, struct slot *slot)
{
	uint64_t refused = s->failing.nr_refused;
	size_t size = script_size(s) + 1;
	size_t kept = size < slot->size ? size : slot->size;
	unsigned char *p;

	errno = 0;
	p = mmsim_heap_realloc(s->heap, slot->p, size);
	if (!answered(s, p, refused))
		return;
	cr_assert(pattern_holds(p, kept, slot->mark));
	slot->p = p;
	slot->size = size;
	pattern_fill(p, size, slot->mark);
}

static void step_other(struct script *s)
{
	switch (rng_below(&s->rng, 7)) {
	case 0:
		mmsim_heap_trim(s->heap, rng_below(&s->rng, 2) * 100000);
		break;
	case 1:
		mmsim_heap_mallopt(s->heap, M_TRIM_THRESHOLD,
				   (int)rng_below(&s->rng, 3) * 65536 - 1);
		break;
	case 2:
		mmsim_heap_mallopt(s->heap, M_TOP_PAD,
				   (int)rng_below(&s->rng, 2) * 65536);
		break;
	case 3:
		mmsim_heap_mallopt(s->heap, M_MMAP_MAX,
				   (int)rng_below(&s->rng, 3) * 6);
		break;
	case 4:
		cr_assert_eq(mmsim_heap_info(s->heap, s->null_fd), 0);
		break;
	default:
		testos_pass_ms(s->testos, 400);
		break;
	}
}

static void script_step(struct script *s)
{
	uint64_t refused = s->failing.nr_refused;
	struct slot *slot = &s->slots[rng_below(&s->rng, NR_SLOTS)];

	if (rng_below(&s->rng, 12) == 0) {
		step_other(s);
	} else if (!slot->p) {
		step_allocate(s, slot);
	} else if (rng_below(&s->rng, 3) == 0) {
		step_resize(s, slot);
	} else {
		mmsim_heap_free(s->heap, slot->p);
		slot->p = NULL;
	}
	if (s->failing.nr_refused != refused) {
		assert_valid(s->heap);
		check_live(s);
	}
}

static void *script_steps(void *arg)
{
	for (int n = 0; n < NR_STEPS / 3; n++)
		script_step(arg);
	return NULL;
}

static void script_end(struct script *s)
{
	check_live(s);
	for (size_t i = 0; i < NR_SLOTS; i++) {
		mmsim_heap_free(s->heap, s->slots[i].p);
		s->slots[i].p = NULL;
	}
	assert_valid(s->heap);
	/* What is refused while a heap is destroyed nobody can make good. */
	s->failing.fail_at = 0;
	mmsim_heap_destroy(s->heap);
	cr_assert_eq(s->failing.bytes_held, 0,
		     "%ld bytes held, %lu unmaps of %lu maps",
		     (long)s->failing.bytes_held,
		     (unsigned long)s->failing.nr_unmap,
		     (unsigned long)s->failing.nr_map);
}

/* The script with operations fail_at .. fail_at + count - 1 refused; returns
 * how many were. */
static uint64_t script_run(const char *options, uint64_t seed, uint64_t fail_at,
			   uint64_t count)
{
	static struct testos testos;
	static struct script s;
	pthread_t thread;

	memset(&s, 0, sizeof(s));
	testos_init(&testos);
	mmsim_os_failing_init(&s.failing, &testos.os);
	s.testos = &testos;
	s.rng.state = seed;
	s.failing.fail_at = fail_at;
	s.failing.fail_count = count;
	errno = 0;
	s.heap = mmsim_heap_create(&s.failing.os, options);
	if (!s.heap) {
		cr_assert_eq(errno, ENOMEM);
		cr_assert_eq(s.failing.bytes_held, 0);
		return s.failing.nr_refused;
	}
	s.null_fd = open("/dev/null", O_WRONLY);
	script_steps(&s);
	pthread_create(&thread, NULL, script_steps, &s);
	pthread_join(thread, NULL);
	script_steps(&s);
	close(s.null_fd);
	script_end(&s);
	cr_assert_eq(testos.brk, 0u);
	return s.failing.nr_refused;
}

static void fail_everywhere(const char *options, uint64_t seed, uint64_t count)
{
	uint64_t n = 1;

	while (script_run(options, seed, n, count) > 0)
		n += UNIT_SLOWDOWN;
	/* The script must reach deep, or it proves nothing. */
	cr_assert_gt(n, 100u);
}

Test(failing, one_operation, .timeout = 240)
{
	fail_everywhere("mmap_threshold=180K", 1, 1);
}

Test(failing, four_operations_in_a_row, .timeout = 240)
{
	fail_everywhere("mmap_threshold=180K", 2, 4);
}

Test(failing, a_hundred_operations_in_a_row, .timeout = 240)
{
	fail_everywhere(NULL, 3, 100);
}

Test(failing, with_small_caches_and_no_patience, .timeout = 240)
{
	fail_everywhere("cache_max=16K,decay_ms=0,trim_threshold=0,top_pad=0",
			4, 1);
}

Test(failing, without_caches, .timeout = 240)
{
	fail_everywhere("check=3", 5, 1);
}

Test(failing, without_mappings, .timeout = 240)
{
	fail_everywhere("mmap_max=0,populate_max=0", 6, 2);
}
