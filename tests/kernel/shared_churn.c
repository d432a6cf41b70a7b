/*
 * shared_churn.c: random work on shared objects, with too little memory.
 *
 * Each object (a file of tmpfs, one below /dev/shm, one on the disk, a System V
 * segment) has a shadow in the test: every byte that is loaded or read must be
 * the one that was stored or written last, by whichever task and way, also when
 * the page has been to swap and back.  The objects together are larger than the
 * memory; hogs come and go beside them.
 */
#include "sim.h"

#include "base/rng.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/shm.h>

enum {
	NR_OBJECTS = 6,
	NR_TASKS = 4,
	PAGES = 600, /* of an object, at most */
	STEPS = 50000,
	LONG_STEPS = 1000000, /* make check-long */
};

#define BYTES ((size_t)PAGES * SIM_PAGE)

enum kind { OBJECT_TMP, OBJECT_SHM, OBJECT_DISK, OBJECT_SEGMENT };

struct object {
	enum kind kind;
	struct mmsim_file *file; /* not of a segment */
	int segment;
	size_t size; /* bytes */
	unsigned char *shadow;
};

struct view {
	uintptr_t at; /* 0: nothing mapped */
	struct object *object;
};

struct churn {
	struct mmsim_machine *m;
	struct rng rng;
	struct object objects[NR_OBJECTS];
	struct mmsim_task *tasks[NR_TASKS];
	struct view views[NR_TASKS];
	unsigned nr_checked, nr_stored, nr_bus;
};

static size_t below(struct churn *c, size_t bound)
{
	return (size_t)rng_below(&c->rng, bound);
}

/* --- objects
 * --------------------------------------------------------------------- */

static void make_object(struct churn *c, struct object *o, unsigned number)
{
	static const char *const dirs[] = {"/tmp", "/dev/shm", "/data"};
	char path[32];

	o->kind = (enum kind)(number % 4);
	o->size = BYTES;
	o->shadow = calloc(1, BYTES);
	cr_assert_not_null(o->shadow);
	if (o->kind == OBJECT_SEGMENT) {
		o->segment =
			mmsim_shmget(c->tasks[0], IPC_PRIVATE, BYTES, 0600);
		cr_assert_geq(o->segment, 0);
		return;
	}
	snprintf(path, sizeof(path), "%s/%u", dirs[o->kind], number);
	cr_assert_eq(mmsim_open(c->tasks[0], path, O_RDWR | O_CREAT, &o->file),
		     0);
	cr_assert_eq(mmsim_ftruncate(o->file, (off_t)BYTES), 0);
	/* some live without a name */
	if (below(c, 2))
		cr_assert_eq(mmsim_unlink(c->m, path), 0);
}

static void cut_object(struct churn *c, struct object *o)
{
	size_t size = BYTES / 2 + below(c, BYTES / 2);

	if (!o->file)
		return;
	cr_assert_eq(mmsim_ftruncate(o->file, (off_t)size), 0);
	if (size < o->size)
		memset(o->shadow + size, 0, BYTES - size);
	o->size = size;
}

/* --- tasks
 * ------------------------------------------------------------------------ */

static void unmap(struct churn *c, unsigned i)
{
	struct view *view = &c->views[i];

	if (!view->at)
		return;
	if (view->object->kind == OBJECT_SEGMENT)
		cr_assert_eq(mmsim_shmdt(c->tasks[i], view->at), 0);
	else
		cr_assert_eq(mmsim_munmap(c->tasks[i], view->at, BYTES), 0);
	view->at = 0;
}

static void map(struct churn *c, unsigned i)
{
	struct object *o = &c->objects[below(c, NR_OBJECTS)];
	intptr_t at;

	unmap(c, i);
	if (o->kind == OBJECT_SEGMENT)
		at = mmsim_shmat(c->tasks[i], o->segment, 0, 0);
	else
		at = mmsim_mmap(c->tasks[i], 0, BYTES, PROT_READ | PROT_WRITE,
				MAP_SHARED, o->file, 0);
	cr_assert_gt(at, 0, "%ld", (long)at);
	c->views[i] = (struct view){(uintptr_t)at, o};
}

/* A child in the place of another task. */
static void fork_task(struct churn *c, unsigned i)
{
	unsigned j = (i + 1) % NR_TASKS;

	mmsim_task_exit(c->tasks[j], 0);
	mmsim_task_put(c->tasks[j]);
	cr_assert_eq(mmsim_task_fork(c->tasks[i], &c->tasks[j]), 0);
	c->views[j] = c->views[i];
}

/* Memory that is wanted for a while. */
static void hog(struct churn *c, unsigned i)
{
	size_t len = (size_t)(1 + below(c, 8)) << 20;
	intptr_t at = mmsim_mmap(c->tasks[i], 0, len, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);

	cr_assert_gt(at, 0);
	cr_assert_eq(mmsim_access(c->tasks[i], (uintptr_t)at, len, 1), 0);
	cr_assert_eq(mmsim_munmap(c->tasks[i], (uintptr_t)at, len), 0);
}

/* --- bytes
 * ------------------------------------------------------------------------ */

static void touch(struct churn *c, unsigned i, bool write)
{
	const struct view *view = &c->views[i];
	unsigned char bytes[300];
	size_t at = below(c, BYTES), len = 1 + below(c, sizeof(bytes));
	struct object *o = view->object;
	size_t end;
	int ret;

	if (!view->at)
		return;
	end = (o->size + SIM_PAGE - 1) / SIM_PAGE * SIM_PAGE;
	if (len > BYTES - at)
		len = BYTES - at;
	/* what is stored between the end and its page's may be lost on disk */
	if (write && o->kind == OBJECT_DISK && at < end && at + len > o->size)
		return;
	if (write) {
		memset(bytes, (int)below(c, 256), len);
		ret = mmsim_store(c->tasks[i], view->at + at, bytes, len);
	} else {
		ret = mmsim_load(c->tasks[i], view->at + at, bytes, len);
	}
	if (at + len > end) {
		cr_assert_eq(ret, SIGBUS);
		c->nr_bus++;
		if (at >= end)
			return;
		len = end - at;
	} else {
		cr_assert_eq(ret, 0, "%d", ret);
	}
	if (write)
		memcpy(o->shadow + at, bytes, len);
	else
		cr_assert_arr_eq(bytes, o->shadow + at, len);
	c->nr_stored += write;
	c->nr_checked += !write;
}

static void transfer(struct churn *c, unsigned i, bool write)
{
	struct object *o = &c->objects[below(c, NR_OBJECTS)];
	static unsigned char bytes[20000];
	size_t at = below(c, BYTES), len = 1 + below(c, sizeof(bytes));
	size_t left;

	if (!o->file)
		return;
	if (!write) {
		left = at < o->size ? o->size - at : 0;
		cr_assert_eq(mmsim_pread(c->tasks[i], o->file, bytes, len,
					 (off_t)at),
			     (ssize_t)(len < left ? len : left));
		cr_assert_arr_eq(bytes, o->shadow + at,
				 len < left ? len : left);
		c->nr_checked++;
		return;
	}
	if (len > BYTES - at)
		len = BYTES - at;
	memset(bytes, (int)below(c, 256), len);
	cr_assert_eq(mmsim_pwrite(c->tasks[i], o->file, bytes, len, (off_t)at),
		     (ssize_t)len);
	memcpy(o->shadow + at, bytes, len);
	if (at + len > o->size)
		o->size = at + len;
	c->nr_stored++;
}

/* Whole pages read as zeros again. */
static void punch(struct churn *c, unsigned i)
{
	const struct view *view = &c->views[i];
	size_t at = below(c, PAGES) * SIM_PAGE;
	size_t len = (1 + below(c, 20)) * SIM_PAGE;

	if (!view->at)
		return;
	if (len > BYTES - at)
		len = BYTES - at;
	cr_assert_eq(
		mmsim_madvise(c->tasks[i], view->at + at, len, MADV_REMOVE), 0);
	memset(view->object->shadow + at, 0, len);
}

/* Costs only time. */
static void advise(struct churn *c, unsigned i)
{
	static const int advices[] = {MADV_DONTNEED, MADV_WILLNEED,
				      20 /* COLD */, 21 /* PAGEOUT */};
	const struct view *view = &c->views[i];
	int advice = advices[below(c, 4)];

	if (view->at)
		cr_assert_eq(
			mmsim_madvise(c->tasks[i], view->at, BYTES, advice), 0);
}

static void lock_segment(struct churn *c, unsigned i)
{
	struct object *o = &c->objects[3];

	cr_assert_eq(mmsim_shmctl(c->tasks[i], o->segment,
				  below(c, 2) ? SHM_LOCK : SHM_UNLOCK, NULL),
		     0);
}

/* --- the test
 * --------------------------------------------------------------------- */

static void step(struct churn *c)
{
	unsigned i = (unsigned)below(c, NR_TASKS);

	switch (below(c, 40)) {
	case 0:
	case 1:
		map(c, i);
		break;
	case 2:
		unmap(c, i);
		break;
	case 3:
		cut_object(c, &c->objects[below(c, NR_OBJECTS)]);
		break;
	case 4:
		punch(c, i);
		break;
	case 5:
		advise(c, i);
		break;
	case 6:
		fork_task(c, i);
		break;
	case 7:
		hog(c, i);
		break;
	case 8:
		lock_segment(c, i);
		break;
	case 9:
	case 10:
	case 11:
	case 12:
	case 13:
	case 14:
		transfer(c, i, below(c, 2));
		break;
	default:
		touch(c, i, below(c, 2));
	}
}

static void check_all(struct churn *c)
{
	for (unsigned i = 0; i < NR_OBJECTS; i++) {
		struct object *o = &c->objects[i];
		static unsigned char bytes[BYTES];

		if (!o->file)
			continue;
		cr_assert_eq(mmsim_pread(c->tasks[0], o->file, bytes, BYTES, 0),
			     (ssize_t)o->size);
		cr_assert_eq(memcmp(bytes, o->shadow, o->size), 0);
	}
}

Test(shared_churn, content_survives)
{
	struct churn c = {.rng = {5}};
	unsigned steps = getenv("MMSIM_LONG") ? LONG_STEPS : STEPS;

	c.m = sim_boot("ram=12M,swap=64M,tmp_size=0,shm_size=0,"
		       "vm.overcommit_memory=1");
	for (unsigned i = 0; i < NR_TASKS; i++)
		c.tasks[i] = sim_spawn(c.m);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		make_object(&c, &c.objects[i], i);
	for (unsigned i = 0; i < steps; i++) {
		step(&c);
		if (i % 500 == 0)
			sim_validate(c.m);
	}
	check_all(&c);
	cr_expect_gt(c.nr_checked, 3000);
	cr_expect_gt(c.nr_stored, 3000);
	cr_expect_gt(c.nr_bus, 100);
	cr_expect_gt(sim_vmstat(c.m, "pswpin"), 1000);
	cr_expect_gt(sim_vmstat(c.m, "pswpout"), 1000);
	cr_expect_eq(sim_vmstat(c.m, "oom_kill"), 0);
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		free(c.objects[i].shadow);
	sim_shutdown(c.m);
}
