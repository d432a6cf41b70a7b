/*
 * bad_input.c: calls that make no sense get an errno and change nothing.
 */
#include "sim.h"

#include <fcntl.h>
#include <limits.h>

TestSuite(bad_input);

enum { BAD_PAGES = 16 };

/* All that a machine with this one task shows, without the clock. */
static char *picture(struct mmsim_machine *m, struct mmsim_task *t)
{
	static const char *const names[] = {"maps", "smaps", "status", "statm"};
	char *text = sim_proc(m, "/proc/meminfo");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *more = sim_task_proc(m, t, names[i]);

		text = realloc(text, strlen(text) + strlen(more) + 1);
		cr_assert_not_null(text);
		strcat(text, more);
		free(more);
	}
	return text;
}

static struct mmsim_machine *m;
static struct mmsim_task *t;
static uintptr_t at;
static char *before;

static void set_up(void)
{
	intptr_t a;

	m = sim_boot("ram=64M");
	t = sim_spawn(m);
	a = mmsim_mmap(t, 0, BAD_PAGES * SIM_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	cr_assert_gt(a, 0);
	at = (uintptr_t)a;
	cr_assert_eq(mmsim_access(t, at, BAD_PAGES * SIM_PAGE, 1), 0);
	before = picture(m, t);
}

static void tear_down(void)
{
	char *after = picture(m, t);

	cr_assert_str_eq(after, before);
	free(after);
	free(before);
	sim_shutdown(m);
}

/* No room is left to the next page boundary, or in the address space. */
Test(bad_input, lengths_and_addresses, .init = set_up, .fini = tear_down)
{
	intptr_t brk = mmsim_brk(t, 0);

	cr_assert_eq(mmsim_brk(t, UINTPTR_MAX), brk);
	cr_assert_eq(mmsim_brk(t, UINTPTR_MAX - SIM_PAGE), brk);
	cr_assert_eq(mmsim_brk(t, 1), brk);
	cr_assert_eq(mmsim_munmap(t, at, SIZE_MAX), -EINVAL);
	cr_assert_eq(mmsim_munmap(t, at + 1, SIM_PAGE), -EINVAL);
	cr_assert_eq(mmsim_mprotect(t, at, SIZE_MAX, PROT_NONE), -ENOMEM);
	cr_assert_eq(mmsim_mprotect(t, at + 1, 1, PROT_NONE), -EINVAL);
	cr_assert_eq(mmsim_madvise(t, at, SIZE_MAX, MADV_DONTNEED), -EINVAL);
	cr_assert_eq(mmsim_madvise(t, at, SIM_PAGE, INT_MAX), -EINVAL);
	cr_assert_eq(mmsim_mremap(t, at, SIM_PAGE, SIZE_MAX - SIM_PAGE,
				  MREMAP_MAYMOVE, 0),
		     -ENOMEM);
	cr_assert_eq(mmsim_mlock(t, UINTPTR_MAX, 1), -EINVAL);
	cr_assert_eq(mmsim_mmap(t, 0, SIZE_MAX, PROT_READ,
				MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
		     -ENOMEM);
	cr_assert_eq(mmsim_mmap(t, 0, SIM_PAGE, PROT_READ,
				MAP_PRIVATE | MAP_ANONYMOUS, NULL, 1),
		     -EINVAL);
	cr_assert_eq(mmsim_access(t, UINTPTR_MAX, 2, 0), SIGSEGV);
	cr_assert_eq(mmsim_access(t, at, SIZE_MAX, 0), SIGSEGV);
}

Test(bad_input, nothing_to_work_on)
{
	struct mmsim_machine *none = NULL;
	struct mmsim_task *nobody = NULL, *child;
	struct mmsim_usage usage;
	char text[16];
	uint64_t n;

	cr_assert_eq(mmsim_proc_read(none, "/proc/meminfo", text, 16), -EINVAL);
	cr_assert_eq(mmsim_proc_write(none, "/proc/sys/vm/swappiness", "1"),
		     -EINVAL);
	cr_assert_eq(mmsim_view(none, "free", text, 16), -EINVAL);
	cr_assert_eq(mmsim_machine_log(none, text, 16), -EINVAL);
	cr_assert_eq(mmsim_machine_validate(none, text, 16), -EINVAL);
	cr_assert_eq(mmsim_task_spawn(none, "a", &child), -EINVAL);
	cr_assert_eq(mmsim_unlink(none, "/f"), -EINVAL);
	cr_assert_not(mmsim_machine_has_panicked(none));
	cr_assert_null(mmsim_task_find(none, 1));
	mmsim_idle(none, 1);
	mmsim_sync(none);

	cr_assert_eq(mmsim_task_fork(nobody, &child), -EINVAL);
	cr_assert_eq(mmsim_mmap(nobody, 0, 1, 0, MAP_PRIVATE, NULL, 0),
		     -EINVAL);
	cr_assert_eq(mmsim_brk(nobody, 0), -EINVAL);
	cr_assert_eq(mmsim_access(nobody, 0, 1, 0), -EINVAL);
	cr_assert_eq(mmsim_load(nobody, 0, text, 1), -EINVAL);
	cr_assert_eq(mmsim_store(nobody, 0, text, 1), -EINVAL);
	cr_assert_eq(mmsim_task_fault_info(nobody, NULL, NULL), -EINVAL);
	cr_assert_eq(mmsim_task_set_uid(nobody, 1), -EINVAL);
	cr_assert_eq(mmsim_task_get_rlimit(nobody, 0, &n, &n), -EINVAL);
	cr_assert_not(mmsim_task_is_alive(nobody));
	mmsim_task_exit(nobody, 0);
	mmsim_task_kill(nobody, SIGKILL);
	mmsim_task_put(nobody);
	mmsim_task_run(nobody, 1);
	mmsim_task_usage(nobody, &usage);
}

Test(bad_input, no_place_for_the_result, .init = set_up, .fini = tear_down)
{
	struct mmsim_file *f;

	cr_assert_eq(mmsim_proc_read(m, "/proc/meminfo", NULL, 16), -EFAULT);
	cr_assert_eq(mmsim_proc_read(m, "/proc/sys/vm/swappiness", NULL, 16),
		     -EFAULT);
	cr_assert_eq(mmsim_proc_read(m, NULL, NULL, 0), -EFAULT);
	cr_assert_eq(mmsim_view(m, "free", NULL, 16), -EFAULT);
	cr_assert_eq(mmsim_machine_log(m, NULL, 16), -EFAULT);
	cr_assert_eq(mmsim_spec_check("zz=1", NULL, 16), -EINVAL);
	cr_assert_eq(mmsim_machine_validate(m, NULL, 16), 0);
	cr_assert_eq(mmsim_task_spawn(m, "a", NULL), -EFAULT);
	cr_assert_eq(mmsim_task_fork(t, NULL), -EFAULT);
	cr_assert_eq(mmsim_task_vfork(t, NULL), -EFAULT);
	cr_assert_eq(mmsim_load(t, at, NULL, 1), -EFAULT);
	cr_assert_eq(mmsim_store(t, at, NULL, 1), -EFAULT);
	cr_assert_eq(mmsim_mincore(t, at, SIM_PAGE, NULL), -EFAULT);
	cr_assert_eq(mmsim_file_create(m, "/f", 1, NULL), -EFAULT);
	cr_assert_eq(mmsim_file_create(m, NULL, 1, &f), -EFAULT);
	cr_assert_eq(mmsim_open(t, "/f", O_CREAT | O_RDWR, NULL), -EFAULT);
	cr_assert_eq(mmsim_open(t, "/f", O_RDWR, &f), -ENOENT);
	cr_assert_eq(mmsim_file_blocks(NULL), -EBADF);
	cr_assert_eq(mmsim_task_get_rlimit(t, 0, NULL, NULL), 0);
	cr_assert_eq(mmsim_task_fault_info(t, NULL, NULL), 0);
}

/* Time does not run over. */
Test(bad_input, the_end_of_time)
{
	uint64_t now;

	m = sim_boot("ram=16M");
	mmsim_idle(m, UINT64_MAX);
	now = mmsim_clock_ns(m);
	cr_assert_eq(now, INT64_MAX);
	mmsim_idle(m, UINT64_MAX);
	cr_assert_eq(mmsim_clock_ns(m), now);
	t = sim_spawn(m);
	mmsim_task_run(t, UINT64_MAX);
	cr_assert_geq(mmsim_clock_ns(m), now);
	sim_shutdown(m);
}
