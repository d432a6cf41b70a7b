/*
 * fault.c: lazy paging, the signals, files, populate and mlock, against the
 * recorded figures of 6.1; and random operations with the books proved.
 */
#include "sim.h"

#include "churn.h"

#include "kernel/types.h"

#include <fcntl.h>

TestSuite(fault, .timeout = 120);

#define LAZY_LEN ((size_t)102404 << 10) /* malloc(100 MiB) with its header */

/* Where the recorded task had its 100 MiB: the number of tables depends on it. */
#define LAZY_ADDR ((uintptr_t)0x7feaa842f000)

static long minflt(const struct mmsim_task *task)
{
	struct mmsim_usage usage;

	mmsim_task_usage(task, &usage);
	return (long)usage.min_flt;
}

static long majflt(const struct mmsim_task *task)
{
	struct mmsim_usage usage;

	mmsim_task_usage(task, &usage);
	return (long)usage.maj_flt;
}

/* A task whose stack and mmap area have their upper tables already. */
static struct mmsim_task *spawn_warm(struct mmsim_machine *m)
{
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, SIM_PAGE);

	sim_touch(task, addr, 1);
	cr_assert_eq(mmsim_munmap(task, addr, SIM_PAGE), 0);
	sim_touch(task, 0x7fffffffe000, 1);
	return task;
}

static uintptr_t map_at(struct mmsim_task *task, uintptr_t addr, size_t len,
			int flags)
{
	intptr_t got = mmsim_mmap(task, addr, len, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
					  flags,
				  NULL, 0);

	cr_assert_eq(got, (intptr_t)addr, "%zd", (ssize_t)got);
	return addr;
}

/* What changed since the last look. */
struct look {
	long minflt, rss, pte, anon, tables, pgfault;
};

static struct look look(struct mmsim_machine *m, struct mmsim_task *task)
{
	struct look now = { minflt(task),
			    sim_smaps(m, task, "Rss"),
			    sim_status(m, task, "VmPTE"),
			    sim_meminfo(m, "AnonPages"),
			    sim_meminfo(m, "PageTables"),
			    sim_vmstat(m, "pgfault") };

	return now;
}

#define EXPECT(m, task, before, f, r, t)                                       \
	do {                                                                   \
		struct look now_ = look(m, task);                              \
		cr_expect_eq(now_.minflt - before.minflt, f, "minflt %ld",     \
			     now_.minflt - before.minflt);                     \
		cr_expect_eq(now_.pgfault - before.pgfault, f, "pgfault %ld",  \
			     now_.pgfault - before.pgfault);                   \
		cr_expect_eq(now_.rss - before.rss, r, "Rss %ld",              \
			     now_.rss - before.rss);                           \
		cr_expect_eq(now_.anon - before.anon, r, "AnonPages %ld",      \
			     now_.anon - before.anon);                         \
		cr_expect_eq(now_.pte - before.pte, t, "VmPTE %ld",            \
			     now_.pte - before.pte);                           \
		cr_expect_eq(now_.tables - before.tables, t, "PageTables %ld", \
			     now_.tables - before.tables);                     \
		before = now_;                                                 \
	} while (0)

static void access_all(struct mmsim_task *task, uintptr_t addr, long pages,
		       int write)
{
	cr_assert_eq(mmsim_access(task, addr, (size_t)pages * SIM_PAGE, write),
		     0);
}

/* The steps A and B of the recorded experiment b-lazy. */
Test(fault, lazy_paging_read_then_write)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *task = spawn_warm(m);
	uintptr_t addr = map_at(task, LAZY_ADDR, LAZY_LEN, 0);
	struct look at = look(m, task);

	sim_touch(task, addr, 8);
	EXPECT(m, task, at, 1, 4, 8);
	access_all(task, addr + SIM_PAGE, 25599, 0);
	EXPECT(m, task, at, 25599, 0, 200);
	access_all(task, addr, 25600, 1);
	EXPECT(m, task, at, 25599, 102396, 0);
	access_all(task, addr, 25600, 1);
	EXPECT(m, task, at, 0, 0, 0);
	cr_assert_eq(mmsim_munmap(task, addr, LAZY_LEN), 0);
	EXPECT(m, task, at, 0, -102400, -208);
	sim_shutdown(m);
}

Test(fault, lazy_paging_write_first)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *task = spawn_warm(m);
	uintptr_t addr = map_at(task, LAZY_ADDR, LAZY_LEN, 0);
	struct look at = look(m, task);

	sim_touch(task, addr, 8);
	at = look(m, task);
	access_all(task, addr, 25600, 1);
	EXPECT(m, task, at, 25599, 102396, 200);
	cr_assert_eq(mmsim_madvise(task, addr, (size_t)50 << 20, MADV_DONTNEED),
		     0);
	EXPECT(m, task, at, 0, -51200, 0);
	access_all(task, addr, 25600, 0);
	EXPECT(m, task, at, 12800, 0, 0);
	sim_shutdown(m);
}

Test(fault, every_16th_page_and_populate)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);
	struct mmsim_task *task = spawn_warm(m);
	size_t len = (size_t)100 << 20;
	uintptr_t addr = map_at(task, LAZY_ADDR + SIM_PAGE, len, 0);
	struct look at = look(m, task);

	for (size_t i = 0; i < len; i += 16 * SIM_PAGE)
		sim_touch(task, addr + i, 1);
	EXPECT(m, task, at, 1600, 6400, 208);
	cr_assert_eq(mmsim_munmap(task, addr, len), 0);
	EXPECT(m, task, at, 0, -6400, -208);
	map_at(task, addr, len, MAP_POPULATE);
	EXPECT(m, task, at, 25600, 102400, 208);
	sim_shutdown(m);
}

static void expect_fault(struct mmsim_task *task, uintptr_t addr, int write,
			 int sig, int code)
{
	long faults = minflt(task);
	uintptr_t where;
	int why;

	cr_expect_eq(mmsim_access(task, addr, 1, write), sig);
	cr_assert_eq(mmsim_task_fault_info(task, &where, &why), 0);
	cr_expect_eq(where, addr);
	cr_expect_eq(why, code, "code %d", why);
	cr_expect_eq(minflt(task), faults);
	cr_expect(mmsim_task_is_alive(task));
}

Test(fault, signals)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_at(task, 0x10000000, 4 * SIM_PAGE, 0), where;
	int code;

	expect_fault(task, 0, 0, SIGSEGV, SEGV_MAPERR);
	expect_fault(task, addr - SIM_PAGE, 1, SIGSEGV, SEGV_MAPERR);
	sim_touch(task, addr, 4 * SIM_PAGE);
	cr_assert_eq(mmsim_mprotect(task, addr, SIM_PAGE, PROT_READ), 0);
	expect_fault(task, addr, 1, SIGSEGV, SEGV_ACCERR);
	cr_expect_eq(mmsim_access(task, addr, 1, 0), 0);
	cr_assert_eq(mmsim_mprotect(task, addr, SIM_PAGE, PROT_NONE), 0);
	expect_fault(task, addr, 0, SIGSEGV, SEGV_ACCERR);
	cr_expect_eq(mmsim_fetch(task, addr + SIM_PAGE, 1), SIGSEGV);
	cr_assert_eq(mmsim_task_fault_info(task, &where, &code), 0);
	cr_expect_eq(code, SEGV_ACCERR);
	cr_assert_eq(mmsim_mprotect(task, addr + SIM_PAGE, SIM_PAGE,
				    PROT_READ | PROT_EXEC),
		     0);
	cr_expect_eq(mmsim_fetch(task, addr + SIM_PAGE, 1), 0);
	/* an address that is not canonical: the CPU does not tell it */
	cr_expect_eq(mmsim_access(task, (uintptr_t)1 << 50, 1, 0), SIGSEGV);
	cr_assert_eq(mmsim_task_fault_info(task, &where, &code), 0);
	cr_expect_eq(where, 0);
	/* a range that leaves the area half way */
	cr_expect_eq(mmsim_access(task, addr + 3 * SIM_PAGE, 2 * SIM_PAGE, 0),
		     SIGSEGV);
	sim_shutdown(m);
}

/* mprotect away and back: an own page is written without a fault (6.0 on). */
Test(fault, mprotect_keeps_own_pages_writable)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, 4 * SIM_PAGE);
	long faults;

	sim_touch(task, addr, 2 * SIM_PAGE);
	cr_assert_eq(mmsim_access(task, addr + 2 * SIM_PAGE, 1, 0), 0);
	cr_assert_eq(mmsim_mprotect(task, addr, 4 * SIM_PAGE, PROT_READ), 0);
	cr_assert_eq(mmsim_mprotect(task, addr, 4 * SIM_PAGE,
				    PROT_READ | PROT_WRITE),
		     0);
	faults = minflt(task);
	sim_touch(task, addr, 2 * SIM_PAGE);
	cr_expect_eq(minflt(task), faults);
	/* the zero page, and nothing */
	sim_touch(task, addr + 2 * SIM_PAGE, 2 * SIM_PAGE);
	cr_expect_eq(minflt(task), faults + 2);
	sim_shutdown(m);
}

Test(fault, stack_grows)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	long rss = sim_smaps(m, task, "Rss");

	sim_touch(task, 0x7fffffffe000 - (7 << 20), 1);
	cr_expect_eq(sim_smaps(m, task, "Rss") - rss, 4);
	cr_expect_geq(sim_status(m, task, "VmStk"), 7168);
	expect_fault(task, 0x7fffffffe000 - (9 << 20), 1, SIGSEGV, SEGV_MAPERR);
	sim_shutdown(m);
}

/* At a multiple of 64 KiB, which fault-around goes by. */
static uintptr_t map_file(struct mmsim_task *task, struct mmsim_file *file,
			  size_t len, int flags)
{
	static uintptr_t next = 0x20000000;
	intptr_t addr = mmsim_mmap(task, next, len, PROT_READ | PROT_WRITE,
				   flags, file, 0);

	next += 0x100000;

	cr_assert_gt(addr, 0, "%zd", (ssize_t)addr);
	return (uintptr_t)addr;
}

Test(fault, file_pages)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file;
	uintptr_t shared, private;
	long faults;
	char c = 'x';

	cr_assert_eq(mmsim_file_create(m, "/f", 64 * SIM_PAGE, &file), 0);
	private = map_file(task, file, 80 * SIM_PAGE, MAP_PRIVATE);
	shared = map_file(task, file, 80 * SIM_PAGE, MAP_SHARED);
	expect_fault(task, shared + 64 * SIM_PAGE, 0, SIGBUS, BUS_ADRERR);
	expect_fault(task, private + 64 * SIM_PAGE, 1, SIGBUS, BUS_ADRERR);
	cr_assert_eq(mmsim_access(task, private, 64 * SIM_PAGE, 0), 0);
	cr_expect_gt(majflt(task), 0);
	cr_expect_eq(sim_smaps_of(m, task, private, "Rss"), 256);
	cr_expect_eq(sim_smaps_of(m, task, private, "Private_Clean"), 256);
	/* the cache is warm: 16 pages a fault */
	faults = minflt(task);
	cr_assert_eq(mmsim_access(task, shared, 64 * SIM_PAGE, 0), 0);
	cr_expect_eq(minflt(task) - faults, 4);
	cr_expect_eq(sim_smaps_of(m, task, private, "Shared_Clean"), 256);
	/* a private store copies: the cache keeps its page */
	faults = minflt(task);
	cr_assert_eq(mmsim_store(task, private, &c, 1), 0);
	cr_expect_eq(minflt(task) - faults, 1);
	cr_expect_eq(sim_smaps_of(m, task, private, "Anonymous"), 4);
	cr_assert_eq(mmsim_load(task, shared, &c, 1), 0);
	cr_expect_eq(c, 0);
	/* a shared store is noticed once a page */
	faults = minflt(task);
	c = 'y';
	cr_assert_eq(mmsim_store(task, shared + SIM_PAGE, &c, 1), 0);
	cr_assert_eq(mmsim_store(task, shared + SIM_PAGE + 1, &c, 1), 0);
	cr_expect_eq(minflt(task) - faults, 1);
	cr_expect_eq(sim_meminfo(m, "Dirty"), 4);
	cr_assert_eq(mmsim_load(task, private + SIM_PAGE, &c, 1), 0);
	cr_expect_eq(c, 'y');
	sim_shutdown(m);
}

/* Shared anonymous memory: pages at a read, too; then no fault for a store. */
Test(fault, shared_anonymous)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_file(task, NULL, 64 * SIM_PAGE,
				  MAP_SHARED | MAP_ANONYMOUS);
	long shmem = sim_meminfo(m, "Shmem"), faults = minflt(task);

	cr_assert_eq(mmsim_access(task, addr, 64 * SIM_PAGE, 0), 0);
	cr_expect_eq(minflt(task) - faults, 64);
	cr_expect_eq(sim_meminfo(m, "Shmem") - shmem, 256);
	cr_expect_eq(sim_smaps_of(m, task, addr, "Rss"), 256);
	sim_touch(task, addr, 64 * SIM_PAGE);
	cr_expect_eq(minflt(task) - faults, 64);
	cr_assert_eq(mmsim_munmap(task, addr, 64 * SIM_PAGE), 0);
	cr_expect_eq(sim_meminfo(m, "Shmem"), shmem);
	sim_shutdown(m);
}

Test(fault, mlock_populates_and_counts)
{
	struct mmsim_machine *m = sim_boot("ram=256M");
	struct mmsim_task *task = sim_spawn(m);
	size_t len = (size_t)64 << 20;
	uintptr_t addr = sim_mmap(task, len);
	long faults = minflt(task);

	cr_assert_eq(mmsim_mlock(task, addr, len), 0);
	cr_expect_eq(minflt(task) - faults, 16384);
	cr_expect_eq(sim_meminfo(m, "Mlocked"), 65536);
	cr_expect_eq(sim_meminfo(m, "Unevictable"), 65536);
	cr_assert_eq(mmsim_madvise(task, addr, SIM_PAGE, MADV_DONTNEED),
		     -EINVAL);
	cr_assert_eq(mmsim_munlock(task, addr, len), 0);
	cr_expect_eq(sim_meminfo(m, "Mlocked"), 0);
	cr_expect_eq(sim_meminfo(m, "Inactive(anon)"), 65536);
	sim_shutdown(m);
}

/* A page that two locked areas map stays locked while one of them does. */
Test(fault, mlocked_twice)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file;
	uintptr_t a, b;

	cr_assert_eq(mmsim_file_create(m, "/tmp/f", 4 * SIM_PAGE, &file), 0);
	a = map_file(task, file, 4 * SIM_PAGE, MAP_SHARED);
	b = map_file(task, file, 4 * SIM_PAGE, MAP_SHARED);
	cr_assert_eq(mmsim_mlock(task, a, 4 * SIM_PAGE), 0);
	cr_assert_eq(mmsim_mlock(task, b, 4 * SIM_PAGE), 0);
	cr_expect_eq(sim_meminfo(m, "Mlocked"), 16);
	cr_assert_eq(mmsim_munmap(task, a, 4 * SIM_PAGE), 0);
	cr_expect_eq(sim_meminfo(m, "Mlocked"), 16);
	cr_assert_eq(mmsim_munmap(task, b, 4 * SIM_PAGE), 0);
	cr_expect_eq(sim_meminfo(m, "Mlocked"), 0);
	sim_shutdown(m);
}

Test(fault, content)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = sim_mmap(task, 16 * SIM_PAGE);
	char out[3 * SIM_PAGE], in[3 * SIM_PAGE];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7 + 1);
	memset(in, 1, sizeof(in));
	cr_assert_eq(mmsim_load(task, addr + 100, in, sizeof(in)), 0);
	for (size_t i = 0; i < sizeof(in); i++)
		cr_assert_eq(in[i], 0);
	cr_assert_eq(mmsim_store(task, addr + 100, out, sizeof(out)), 0);
	cr_assert_eq(mmsim_load(task, addr + 100, in, sizeof(in)), 0);
	cr_assert_eq(memcmp(in, out, sizeof(in)), 0);
	/* a store that leaves its area half way has been done up to there */
	cr_assert_eq(mmsim_store(task, addr + 15 * SIM_PAGE, out, sizeof(out)),
		     SIGSEGV);
	cr_assert_eq(mmsim_load(task, addr + 15 * SIM_PAGE, in, SIM_PAGE), 0);
	cr_assert_eq(memcmp(in, out, SIM_PAGE), 0);
	sim_shutdown(m);
}

Test(fault, churn)
{
	for (unsigned seed = 1; seed <= 4; seed++)
		churn("ram=64M", seed, 1500);
}

Test(fault, churn_in_32_bits)
{
	churn("ram=64M,arch=x86-32", 5, 1500);
}

static bool is_outcome(int result)
{
	return result == 0 || result == SIGKILL || result == SIGSEGV ||
	       result == -ESRCH || result == -ENOMEM;
}

/* More memory is wanted than there is, by forks, huge pages, locks and
 * mremaps: whoever dies half way through a call leaves the books in order. */
static void pressure(const char *spec, uint64_t seed, int steps)
{
	struct churn random = { .m = sim_boot(spec), .state = seed };
	struct mmsim_task *tasks[CHURN_TASKS] = { NULL };
	long kills = 0;

	for (int i = 0; i < steps && !mmsim_machine_has_panicked(random.m);
	     i++) {
		struct mmsim_task **slot = &tasks[churn_below(&random, 6)];
		uintptr_t addr = churn_addr((unsigned)churn_below(&random, 64) *
					    32);
		size_t len = (1 + churn_below(&random, 1024)) * SIM_PAGE;
		struct mmsim_task **other = &tasks[churn_below(&random, 6)];
		int result = 0;

		if (*slot && !mmsim_task_is_alive(*slot)) {
			mmsim_task_put(*slot);
			*slot = NULL;
			kills++;
		}
		if (!*slot) {
			if (mmsim_task_spawn(random.m, "p", slot))
				*slot = NULL;
			continue;
		}
		switch (churn_below(&random, 8)) {
		case 0:
		case 1:
			mmsim_mmap(*slot, addr, len, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
					   (len & SIM_PAGE ? MAP_POPULATE : 0),
				   NULL, 0);
			break;
		case 2:
			if (!*other && mmsim_task_fork(*slot, other))
				*other = NULL;
			break;
		case 3:
			mmsim_mremap(*slot, addr, len, len,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     0x50000000 + addr % PMD_SIZE);
			break;
		case 4:
			mmsim_mlock(*slot, addr, len);
			break;
		default:
			result = mmsim_access(*slot, addr, len, 1);
		}
		cr_assert(is_outcome(result), "%d", result);
		if (i % 16 == 0 && !mmsim_machine_has_panicked(random.m))
			sim_validate(random.m);
	}
	cr_expect_gt(kills, 0);
	mmsim_machine_shutdown(random.m);
}

Test(fault, pressure)
{
	int steps = MMSIM_DEBUG >= 2 ? 500 : 4000;

	for (uint64_t seed = 1; seed <= 4; seed++)
		pressure("ram=12M", seed, steps);
	for (uint64_t seed = 5; seed <= 8; seed++)
		pressure("ram=24M,thp=always", seed, steps);
}
