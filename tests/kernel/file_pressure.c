/*
 * Random work on files that are larger than the memory: every kind of reading
 * and writing, cutting, dropping and hints, while a slow disk has more to write
 * than it can.  Each byte that is read is compared with a copy.
 */
#include "sim.h"

#include "base/base.h"
#include "base/rng.h"
#include "kernel/file_state.h"
#include "kernel/machine.h"

#include <fcntl.h>

TestSuite(file_pressure, .timeout = 240);

enum {
	NR_FILES = 4,
	FILE_BYTES = 6 << 20,
	BUF_BYTES = 200000,
	HOG_BYTES = 4 << 20,
};

struct world {
	struct mmsim_machine *m;
	struct mmsim_task *t;
	struct rng rng;
	struct {
		struct mmsim_file *plain, *direct;
		uintptr_t area; /* all of FILE_BYTES, shared */
		size_t size;
		unsigned char *copy;
	} files[NR_FILES];
	uintptr_t hog;
	unsigned long nr_read, nr_written;
};

static unsigned char buf[BUF_BYTES] __attribute__((aligned(4096)));

static void open_file(struct world *w, int i)
{
	char path[16];

	snprintf(path, sizeof(path), "/f%d", i);
	cr_assert_eq(mmsim_open(w->t, path, O_RDWR | O_CREAT,
				&w->files[i].plain),
		     0);
	cr_assert_eq(mmsim_open(w->t, path, O_RDWR | O_DIRECT,
				&w->files[i].direct),
		     0);
	w->files[i].area = (uintptr_t)mmsim_mmap(
		w->t, 0, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		w->files[i].plain, 0);
	w->files[i].size = 0;
	memset(w->files[i].copy, 0, FILE_BYTES);
}

static void remove_file(struct world *w, int i)
{
	char path[16];

	snprintf(path, sizeof(path), "/f%d", i);
	cr_assert_eq(mmsim_unlink(w->m, path), 0);
	mmsim_munmap(w->t, w->files[i].area, FILE_BYTES);
	mmsim_close(w->files[i].plain);
	mmsim_close(w->files[i].direct);
}

/* A place and a length; up to the end of the file when it is to be read. */
static size_t place(struct world *w, size_t most, size_t *at)
{
	size_t len = 1 + rng_below(&w->rng, rng_below(&w->rng, 3)
						    ? 5000
						    : BUF_BYTES - 1);

	*at = most ? rng_below(&w->rng, most) : 0;
	return len < most - *at ? len : most - *at;
}

static void fill(struct world *w, size_t len)
{
	uint64_t seed = rng_next(&w->rng);

	/* zeros are a case of their own */
	if (seed % 5 == 0) {
		memset(buf, 0, len);
		return;
	}
	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)(seed + i * 31 + (i >> 9));
}

static void check(struct world *w, int i, size_t at, size_t len)
{
	cr_assert_eq(memcmp(buf, w->files[i].copy + at, len), 0,
		     "file %d, %zu bytes at %zu", i, len, at);
	w->nr_read += len;
}

static void wrote(struct world *w, int i, size_t at, size_t len)
{
	memcpy(w->files[i].copy + at, buf, len);
	if (at + len > w->files[i].size)
		w->files[i].size = at + len;
	w->nr_written += len;
}

static void cut(struct world *w, int i)
{
	size_t size = rng_below(&w->rng, FILE_BYTES);

	cr_assert_eq(mmsim_ftruncate(w->files[i].plain, (off_t)size), 0);
	if (size < w->files[i].size)
		memset(w->files[i].copy + size, 0, FILE_BYTES - size);
	w->files[i].size = size;
}

/* Through the mapping: whole pages of the file may be reached. */
static void touch(struct world *w, int i, bool write)
{
	size_t at, len = place(w, w->files[i].size, &at);

	if (len == 0)
		return;
	if (write) {
		fill(w, len);
		cr_assert_eq(mmsim_store(w->t, w->files[i].area + at, buf, len),
			     0);
		wrote(w, i, at, len);
	} else {
		cr_assert_eq(mmsim_load(w->t, w->files[i].area + at, buf, len),
			     0);
		check(w, i, at, len);
	}
}

/* read and write; past the cache in pieces of 512 bytes. */
static void transfer(struct world *w, int i, bool write, bool direct)
{
	struct mmsim_file *file =
		direct ? w->files[i].direct : w->files[i].plain;
	size_t at, len = place(w, write ? FILE_BYTES : w->files[i].size, &at);

	if (direct) {
		at -= at % 512;
		len -= len % 512;
	}
	if (len == 0 || (!write && at + len > w->files[i].size))
		return;
	if (write) {
		fill(w, len);
		cr_assert_eq(mmsim_pwrite(w->t, file, buf, len, (off_t)at),
			     (ssize_t)len);
		wrote(w, i, at, len);
	} else {
		cr_assert_eq(mmsim_pread(w->t, file, buf, len, (off_t)at),
			     (ssize_t)len);
		check(w, i, at, len);
	}
}

static void hint(struct world *w, int i)
{
	size_t at, len = place(w, FILE_BYTES, &at);

	if (rng_below(&w->rng, 2))
		mmsim_fadvise(w->t, w->files[i].plain, (off_t)at, (off_t)len,
			      (int)rng_below(&w->rng, 6));
	else
		mmsim_madvise(w->t, w->files[i].area + at / SIM_PAGE * SIM_PAGE,
			      len, (int)rng_below(&w->rng, 5));
}

static void rare(struct world *w, int i)
{
	switch (rng_below(&w->rng, 4)) {
	case 0:
		sim_write(w->m, "/proc/sys/vm/drop_caches",
			  rng_below(&w->rng, 2) ? "1" : "3");
		break;
	case 1:
		remove_file(w, i);
		open_file(w, i);
		break;
	default:
		cut(w, i);
	}
}

static void step(struct world *w)
{
	int i = (int)rng_below(&w->rng, NR_FILES);
	unsigned what = (unsigned)rng_below(&w->rng, 100);

	if (what < 20)
		transfer(w, i, true, false);
	else if (what < 40)
		transfer(w, i, false, false);
	else if (what < 55)
		touch(w, i, true);
	else if (what < 70)
		touch(w, i, false);
	else if (what < 75)
		transfer(w, i, true, true);
	else if (what < 80)
		transfer(w, i, false, true);
	else if (what < 86)
		hint(w, i);
	else if (what < 90)
		mmsim_idle(w->m, rng_below(&w->rng, 3000) * 1000000);
	else if (what < 92)
		cr_assert_eq(mmsim_fsync(w->t, w->files[i].plain), 0);
	else if (what < 96)
		cr_assert_eq(mmsim_access(w->t, w->hog, HOG_BYTES, 1), 0);
	else if (what < 97)
		mmsim_madvise(w->t, w->hog, HOG_BYTES, MADV_DONTNEED);
	else if (rng_below(&w->rng, 8) == 0)
		rare(w, i);
}

static void run(const char *spec, uint64_t seed, unsigned nr_steps)
{
	struct world *w = calloc(1, sizeof(*w));

	w->m = sim_boot(spec);
	w->t = sim_spawn(w->m);
	w->rng.state = seed;
	w->hog = sim_mmap(w->t, HOG_BYTES);
	for (int i = 0; i < NR_FILES; i++) {
		w->files[i].copy = malloc(FILE_BYTES);
		open_file(w, i);
	}
	if (MMSIM_DEBUG >= 2)
		nr_steps /= 10;
	for (unsigned n = 0; n < nr_steps; n++) {
		step(w);
		cr_assert(mmsim_task_is_alive(w->t), "killed at step %u", n);
		if (n % 100 == 0)
			sim_validate(w->m);
	}
	cr_expect_gt(sim_vmstat(w->m, "pgsteal_file"), 1000);
	cr_expect_gt(w->nr_read, (unsigned long)nr_steps * 1000);
	cr_expect_gt(w->nr_written, (unsigned long)nr_steps * 1000);
	for (int i = 0; i < NR_FILES; i++) {
		remove_file(w, i);
		free(w->files[i].copy);
	}
	cr_expect_eq(sim_meminfo(w->m, "Writeback"), 0);
	sim_shutdown(w->m);
	free(w);
}

Test(file_pressure, a_small_machine)
{
	run("ram=12M,seed=1", 1, 12000);
}

Test(file_pressure, a_slow_disk_and_low_limits)
{
	run("ram=12M,disk_bandwidth=8M,disk_latency=5000,"
	    "vm.dirty_background_bytes=262144,vm.dirty_bytes=1048576",
	    2, 8000);
}

/* Everything may be dirty: reclaim has to wait for the flusher. */
Test(file_pressure, no_limit)
{
	run("ram=12M,disk_bandwidth=16M,vm.dirty_background_ratio=95,"
	    "vm.dirty_ratio=100",
	    3, 8000);
}

Test(file_pressure, with_swap_and_processors)
{
	run("ram=12M,swap=16M,cpus=4", 4, 8000);
}

Test(file_pressure, two_nodes)
{
	run("ram=20M,nodes=2,cpus=2", 5, 8000);
}
