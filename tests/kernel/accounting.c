/*
 * accounting.c: what each kind of memory counts as, step by step.
 *
 * A row is one step of the life of 4 MiB of one kind of memory: what it adds to
 * the lines of /proc/meminfo, in kB, and what smaps shows of the area after it.
 * A line that a row does not name does not change.
 *
 * After every step three sums are made again from other files:
 *
 *   MemFree       what is neither free, on per-CPU lists, nor in one of the
 *                 lines of users, is the same as before ("elsewhere")
 *   MemAvailable  the recorded formula, out of /proc/zoneinfo
 *   SReclaimable  the slabs of the reclaimable caches of /proc/slabinfo
 *
 * and the views of free(1) are compared with procps' formulas.
 *
 * The rows of 64 MiB that were recorded (Cached, Shmem, AnonPages, Mapped,
 * Dirty, Committed_AS) are here as 4 MiB; which lists pages are on was compared
 * with a 6.18 as well.
 */
#include "sim.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/shm.h>

/* kB: all of it, and half. */
enum { N = 4096, H = N / 2, SIZE = N * 1024 };

/* Two tables of pages begin here; the tables above are in use already. */
#define AREA ((uintptr_t)0x20000000)

enum line {
	CACHED,
	SHMEM,
	MAPPED,
	ANON,
	HUGE,
	DIRTY,
	WRITEBACK,
	ACTIVE_ANON,
	INACTIVE_ANON,
	ACTIVE_FILE,
	INACTIVE_FILE,
	UNEVICTABLE,
	MLOCKED,
	TABLES,
	COMMITTED,
	BUFFERS,
	ELSEWHERE, /* frames that no line has */
	NR_LINES,
};

static const char *const line_names[NR_LINES] = {
	"Cached",         "Shmem",        "Mapped",         "AnonPages",
	"AnonHugePages",  "Dirty",        "Writeback",      "Active(anon)",
	"Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable",
	"Mlocked",        "PageTables",   "Committed_AS",   "Buffers",
	"elsewhere",
};

enum {
	RSS,
	PSS,
	SHARED_CLEAN,
	SHARED_DIRTY,
	PRIVATE_CLEAN,
	PRIVATE_DIRTY,
	ANONYMOUS,
	LOCKED,
	NR_SMAPS
};

static const char *const smaps_names[NR_SMAPS] = {
	"Rss",           "Pss",           "Shared_Clean", "Shared_Dirty",
	"Private_Clean", "Private_Dirty", "Anonymous",    "Locked",
};

struct world {
	struct mmsim_machine *m;
	struct mmsim_task *t, *child;
	struct mmsim_file *file;
	const char *path;
	int segment;
	long now[NR_LINES], fork[NR_LINES];
};

struct step {
	const char *what;
	void (*act)(struct world *w);
	long lines[NR_LINES];
	long smaps[NR_SMAPS]; /* of the area; all 0 also when there is none */
};

/* --- reading the figures
 * ------------------------------------------------------- */

static long per_cpu_kb(struct mmsim_machine *m)
{
	char *text = sim_proc(m, "/proc/zoneinfo"), *at = text;
	long pages = 0;

	while ((at = strstr(at, "              count: "))) {
		at += strlen("              count: ");
		pages += strtol(at, NULL, 10);
	}
	free(text);
	return pages * 4;
}

static void read_lines(struct mmsim_machine *m, long *lines)
{
	static const char *const users[] = {
		"MemFree",    "AnonPages", "Cached",     "Buffers",
		"SwapCached", "Slab",      "PageTables", "KernelStack"};
	char *text = sim_proc(m, "/proc/meminfo");

	for (int i = 0; i < ELSEWHERE; i++)
		lines[i] = sim_find(text, line_names[i], ":", 0);
	lines[ELSEWHERE] = sim_find(text, "MemTotal", ":", 0) - per_cpu_kb(m);
	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++)
		lines[ELSEWHERE] -= sim_find(text, users[i], ":", 0);
	free(text);
}

/* --- the sums
 * ------------------------------------------------------------------- */

/* "protection: (0, 945, 945)": the largest. */
static long largest_of(const char *list)
{
	long largest = 0;
	char *end;

	for (list = strchr(list, '(') + 1;; list = end + 1) {
		long n = strtol(list, &end, 10);

		largest = n > largest ? n : largest;
		if (*end != ',')
			return largest;
	}
}

static void check_available(struct world *w, const char *what)
{
	char *zones = sim_proc(w->m, "/proc/zoneinfo"), *at = zones;
	long low = 0, reserve = 0, file, slab, free_kb;

	while ((at = strstr(at, "        low      "))) {
		long managed = strtol(strstr(at, "managed") + 7, NULL, 10);
		long high = strtol(strstr(at, "high") + 4, NULL, 10);
		long keep = high + largest_of(strstr(at, "protection:"));

		at += strlen("        low      ");
		low += strtol(at, NULL, 10);
		reserve += keep < managed ? keep : managed;
	}
	free(zones);
	file = (w->now[ACTIVE_FILE] + w->now[INACTIVE_FILE]) / 4;
	slab = sim_meminfo(w->m, "KReclaimable") / 4;
	free_kb = sim_meminfo(w->m, "MemFree");
	cr_assert_eq(sim_meminfo(w->m, "MemAvailable"),
		     free_kb + 4 * (file - (file / 2 < low ? file / 2 : low) +
				    slab - (slab / 2 < low ? slab / 2 : low) -
				    reserve),
		     "%s", what);
}

static void check_slab(struct world *w, const char *what)
{
	static const char *const caches[] = {"dentry ", "ext4_inode_cache ",
					     "radix_tree_node ", "buffer_head ",
					     "kmalloc-rcl-"};
	char *text = sim_proc(w->m, "/proc/slabinfo"), *line, *rest = text;
	long pages = 0;

	while ((line = strtok_r(rest, "\n", &rest)))
		for (size_t i = 0; i < sizeof(caches) / sizeof(*caches); i++) {
			long slabs, slab_pages;

			if (strncmp(line, caches[i], strlen(caches[i])))
				continue;
			cr_assert_eq(sscanf(line, "%*s %*d %*d %*d %*d %ld",
					    &slab_pages),
				     1);
			cr_assert_eq(sscanf(strstr(line, "slabdata"),
					    "slabdata %*d %ld", &slabs),
				     1);
			pages += slabs * slab_pages;
		}
	free(text);
	cr_assert_eq(sim_meminfo(w->m, "SReclaimable"), 4 * pages, "%s", what);
}

static void check_free(struct world *w, const char *view, const char *what,
		       long used)
{
	long total, shown_used, shown_free, shared, cache, available;
	char text[600];

	cr_assert_gt(mmsim_view(w->m, view, text, sizeof(text)), 0);
	cr_assert_eq(sscanf(strstr(text, "Mem:"),
			    "Mem: %ld %ld %ld %ld %ld %ld", &total, &shown_used,
			    &shown_free, &shared, &cache, &available),
		     6);
	cr_assert_eq(total, sim_meminfo(w->m, "MemTotal"));
	cr_assert_eq(shown_free, sim_meminfo(w->m, "MemFree"));
	cr_assert_eq(shared, w->now[SHMEM]);
	cr_assert_eq(cache, w->now[BUFFERS] + w->now[CACHED] +
				    sim_meminfo(w->m, "SReclaimable"));
	cr_assert_eq(available, sim_meminfo(w->m, "MemAvailable"));
	cr_assert_eq(shown_used, used, "%s: %s", what, view);
}

static void check_views(struct world *w, const char *what)
{
	long total = sim_meminfo(w->m, "MemTotal");

	check_free(w, "free", what, total - sim_meminfo(w->m, "MemAvailable"));
	check_free(w, "free -o", what,
		   total - sim_meminfo(w->m, "MemFree") - w->now[BUFFERS] -
			   w->now[CACHED] - sim_meminfo(w->m, "SReclaimable"));
}

/* --- steps
 * ------------------------------------------------------------------------ */

static void map(struct world *w, int flags, struct mmsim_file *file)
{
	cr_assert_eq(mmsim_mmap(w->t, AREA, SIZE, PROT_READ | PROT_WRITE,
				flags | MAP_FIXED, file, 0),
		     (intptr_t)AREA);
}

static void map_private(struct world *w)
{
	map(w, MAP_PRIVATE | (w->file ? 0 : MAP_ANONYMOUS), w->file);
}

static void map_shared(struct world *w)
{
	map(w, MAP_SHARED | (w->file ? 0 : MAP_ANONYMOUS), w->file);
}

static void unmap(struct world *w)
{
	cr_assert_eq(mmsim_munmap(w->t, AREA, SIZE), 0);
}

static void load(struct world *w)
{
	cr_assert_eq(mmsim_access(w->t, AREA, SIZE, 0), 0);
}

static void store(struct world *w)
{
	cr_assert_eq(mmsim_access(w->t, AREA, SIZE, 1), 0);
}

static void child_load(struct world *w)
{
	cr_assert_eq(mmsim_access(w->child, AREA, SIZE, 0), 0);
}

static void child_store_half(struct world *w)
{
	cr_assert_eq(mmsim_access(w->child, AREA, SIZE / 2, 1), 0);
}

static void fork_child(struct world *w)
{
	cr_assert_eq(mmsim_task_fork(w->t, &w->child), 0);
}

static void exit_child(struct world *w)
{
	mmsim_task_exit(w->child, 0);
	mmsim_task_put(w->child);
	w->child = NULL;
}

static void drop_caches(struct world *w)
{
	sim_write(w->m, "/proc/sys/vm/drop_caches", "3");
}

static void lock(struct world *w)
{
	cr_assert_eq(mmsim_mlock(w->t, AREA, SIZE), 0);
}

static void unlock(struct world *w)
{
	cr_assert_eq(mmsim_munlock(w->t, AREA, SIZE), 0);
}

static void drop_a_page(struct world *w)
{
	cr_assert_eq(mmsim_madvise(w->t, AREA + 4096, 4096, MADV_DONTNEED), 0);
}

static void make_on_disk(struct world *w)
{
	w->path = "/data/f";
	cr_assert_eq(mmsim_file_create(w->m, w->path, SIZE, &w->file), 0);
}

static void open_new(struct world *w, const char *path)
{
	w->path = path;
	cr_assert_eq(
		mmsim_open(w->t, path, O_RDWR | O_CREAT | O_EXCL, &w->file), 0);
}

static void open_on_disk(struct world *w)
{
	open_new(w, "/data/new");
}

static void open_in_tmp(struct world *w)
{
	open_new(w, "/tmp/f");
}

static void open_shm(struct world *w)
{
	open_new(w, "/dev/shm/f");
	cr_assert_eq(mmsim_ftruncate(w->file, SIZE), 0);
}

static void open_direct(struct world *w)
{
	make_on_disk(w);
	mmsim_close(w->file);
	cr_assert_eq(mmsim_open(w->t, w->path, O_RDWR | O_DIRECT, &w->file), 0);
}

/* A page a call. */
static char page[4096] __attribute__((aligned(4096)));

static void read_file(struct world *w)
{
	for (off_t at = 0; at < SIZE; at += 4096)
		cr_assert_eq(mmsim_pread(w->t, w->file, page, 4096, at), 4096);
}

static void write_file(struct world *w)
{
	for (off_t at = 0; at < SIZE; at += 4096)
		cr_assert_eq(mmsim_pwrite(w->t, w->file, page, 4096, at), 4096);
}

static void sync_file(struct world *w)
{
	cr_assert_eq(mmsim_fsync(w->t, w->file), 0);
}

static void close_file(struct world *w)
{
	cr_assert_eq(mmsim_close(w->file), 0);
	w->file = NULL;
}

static void unlink_file(struct world *w)
{
	cr_assert_eq(mmsim_unlink(w->m, w->path), 0);
}

static void unlink_and_close(struct world *w)
{
	unlink_file(w);
	close_file(w);
}

static void get_segment(struct world *w)
{
	w->segment = mmsim_shmget(w->t, IPC_PRIVATE, SIZE, 0600);
	cr_assert_geq(w->segment, 0);
}

static void attach(struct world *w)
{
	cr_assert_eq(mmsim_shmat(w->t, w->segment, AREA, 0), (intptr_t)AREA);
}

static void detach(struct world *w)
{
	cr_assert_eq(mmsim_shmdt(w->t, AREA), 0);
}

static void remove_segment(struct world *w)
{
	cr_assert_eq(mmsim_shmctl(w->t, w->segment, IPC_RMID, NULL), 0);
}

#include "accounting_rows.h"

/* --- running them
 * ----------------------------------------------------------------- */

static void check_smaps(struct world *w, const char *kind,
			const struct step *step)
{
	for (int i = 0; i < NR_SMAPS; i++) {
		long kb = sim_smaps_of(w->m, w->t, AREA, smaps_names[i]);

		cr_expect_eq(kb < 0 ? 0 : kb, step->smaps[i],
			     "%s, %s: smaps %s is %ld, not %ld", kind,
			     step->what, smaps_names[i], kb, step->smaps[i]);
	}
}

static void run_step(struct world *w, const char *kind, const struct step *step)
{
	long before[NR_LINES];
	int sign = step->act == fork_child ? 1 : -(step->act == exit_child);

	memcpy(before, w->now, sizeof(before));
	step->act(w);
	read_lines(w->m, w->now);
	for (int i = 0; i < NR_LINES; i++) {
		long delta = w->now[i] - before[i];
		long expected = step->lines[i] + sign * w->fork[i];
		/* blocks of the disk's own maps: on a list of files, too, and
		 * dirty for a while */
		long buffers = i == ACTIVE_FILE || i == INACTIVE_FILE
				       ? w->now[BUFFERS] - before[BUFFERS]
				       : 0;

		if (i == BUFFERS)
			continue;
		if (i == DIRTY && labs(delta - expected) <= w->now[BUFFERS])
			continue;
		cr_expect((delta >= expected && delta <= expected + buffers) ||
				  (delta <= expected &&
				   delta >= expected + buffers),
			  "%s, %s: %s %+ld, not %+ld", kind, step->what,
			  line_names[i], delta, expected);
	}
	check_smaps(w, kind, step);
	check_available(w, step->what);
	check_slab(w, step->what);
	check_views(w, step->what);
	sim_validate(w->m);
}

/* What a fork of the task adds without the area. */
static void measure_fork(struct world *w)
{
	long before[NR_LINES];

	fork_child(w);
	exit_child(w);
	read_lines(w->m, before);
	fork_child(w);
	read_lines(w->m, w->fork);
	exit_child(w);
	for (int i = 0; i < NR_LINES; i++)
		w->fork[i] -= before[i];
}

static void run(const char *kind, const char *spec, const struct step *steps)
{
	struct world w = {.m = sim_boot(spec)};

	w.t = sim_spawn(w.m);
	cr_assert_gt(
		mmsim_mmap(w.t, AREA - (2 << 20), 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0),
		0);
	cr_assert_eq(mmsim_access(w.t, AREA - (2 << 20), 4096, 1), 0);
	measure_fork(&w);
	read_lines(w.m, w.now);
	for (; steps->what; steps++)
		run_step(&w, kind, steps);
	sim_shutdown(w.m);
}

#define KIND(name, spec)                                                       \
	Test(accounting, name)                                                 \
	{                                                                      \
		run(#name, spec, name);                                        \
	}

KIND(anon_private, SIM_1024M)
KIND(anon_shared, SIM_1024M)
KIND(file_private, SIM_1024M)
KIND(file_shared, SIM_1024M)
KIND(file_shared_once, SIM_1024M)
KIND(file_read_write, SIM_1024M)
KIND(direct, SIM_1024M)
KIND(tmpfs_file, SIM_1024M)
KIND(tmpfs_dropped, SIM_1024M)
KIND(tmpfs_private, SIM_1024M)
KIND(posix_shm, SIM_1024M)
KIND(sysv, SIM_1024M)
KIND(locked_anon, SIM_1024M)
KIND(locked_file, SIM_1024M)
KIND(unlocked_file, SIM_1024M)
KIND(huge_pages, SIM_1024M ",thp=always")
