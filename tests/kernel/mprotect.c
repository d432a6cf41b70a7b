/*
 * mprotect.c: access rights, half-done calls, and what is charged.
 */
#include "areas.h"

#include <fcntl.h>

TestSuite(mprotect);

static struct mmsim_machine *m;
static struct mmsim_task *t;

static void start(const char *spec)
{
	m = sim_boot(spec);
	t = sim_spawn(m);
}

Test(mprotect, refusals)
{
	start(SIM_512M);
	areas_map(t, 0, 4, AREAS_RW);
	cr_assert_eq(mmsim_mprotect(t, areas_at(0) + 1, 1, 1), -EINVAL);
	cr_assert_eq(mmsim_mprotect(t, areas_at(0), 0, 0x10), 0);
	cr_assert_eq(mmsim_mprotect(t, areas_at(0), SIM_PAGE, 0x10), -EINVAL);
	cr_assert_eq(mmsim_mprotect(t, areas_at(50), SIM_PAGE, 0x10), -EINVAL);
	cr_assert_eq(mmsim_mprotect(t, areas_at(50), SIM_PAGE, 1), -ENOMEM);
	cr_assert_eq(mmsim_mprotect(t, areas_at(0), (size_t)-1, 1), -ENOMEM);
	cr_assert_eq(mmsim_mprotect(t, areas_at(0), SIM_PAGE,
				    PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP),
		     -EINVAL);
	cr_assert_eq(mmsim_mprotect(t, areas_at(0), SIM_PAGE,
				    PROT_READ | PROT_GROWSDOWN),
		     -EINVAL);
	areas_are(m, t, "0-4rw-p");
	sim_shutdown(m);
}

Test(mprotect, what_was_done_stays)
{
	start(SIM_512M);
	areas_map(t, 0, 4, AREAS_RW);
	areas_map(t, 6, 4, AREAS_RW);
	cr_assert_eq(areas_protect(t, 2, 6, PROT_READ), -ENOMEM);
	areas_are(m, t, "0-2rw-p 2-4r--p 6-10rw-p");
	sim_shutdown(m);
}

Test(mprotect, file_opened_for_reading)
{
	struct mmsim_file *file, *ro;

	start(SIM_512M);
	cr_assert_eq(mmsim_file_create(m, "/f", 4 * SIM_PAGE, &file), 0);
	cr_assert_eq(mmsim_open(t, "/f", O_RDONLY, &ro), 0);
	mmsim_mmap(t, areas_at(0), 4 * SIM_PAGE, PROT_READ,
		   MAP_SHARED | MAP_FIXED, ro, 0);
	mmsim_mmap(t, areas_at(4), 4 * SIM_PAGE, PROT_READ,
		   MAP_PRIVATE | MAP_FIXED, ro, 0);
	cr_assert_eq(areas_protect(t, 0, 1, AREAS_RW), -EACCES);
	cr_assert_eq(areas_protect(t, 4, 4, AREAS_RW), 0);
	areas_are(m, t, "0-4r--s 4-8rw-p");
	mmsim_close(file);
	mmsim_close(ro);
	sim_shutdown(m);
}

static void charges(const char *spec, long after_back)
{
	start(spec);
	areas_map(t, 0, 256, PROT_READ);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896);
	cr_assert_eq(areas_protect(t, 0, 256, AREAS_RW), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896 + 1024);
	cr_assert_eq(areas_protect(t, 0, 256, PROT_READ), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), after_back);
	areas_protect(t, 0, 256, AREAS_RW);
	areas_touch(t, 0, 1);
	areas_protect(t, 0, 256, PROT_READ);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896 + 1024);
	areas_clear(t);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896);
	sim_shutdown(m);
}

Test(mprotect, charged_when_writable)
{
	charges(SIM_512M, 1896 + 1024);
	charges(SIM_512M ",profile=linux-6.18", 1896);
}

Test(mprotect, promise_refused)
{
	start(SIM_512M);
	areas_mmap(t, 0, 200000, PROT_READ, AREAS_ANON);
	cr_assert_eq(areas_protect(t, 0, 200000, AREAS_RW), -ENOMEM);
	cr_assert_eq(areas_protect(t, 0, 100000, AREAS_RW), 0);
	cr_assert_eq(mmsim_munmap(t, areas_at(0), 200000ul * SIM_PAGE), 0);
	sim_shutdown(m);
}

Test(mprotect, rights_are_enforced)
{
	start(SIM_512M);
	areas_map(t, 0, 2, AREAS_RW);
	areas_touch(t, 0, 1);
	areas_protect(t, 0, 2, PROT_READ);
	cr_assert_eq(mmsim_access(t, areas_at(0), 1, 1), SIGSEGV);
	cr_assert_eq(mmsim_access(t, areas_at(0), 1, 0), 0);
	areas_protect(t, 0, 2, PROT_NONE);
	cr_assert_eq(mmsim_access(t, areas_at(0), 1, 0), SIGSEGV);
	cr_assert_eq(mmsim_fetch(t, areas_at(0), 1), SIGSEGV);
	areas_protect(t, 0, 2, AREAS_RW);
	cr_assert_eq(mmsim_access(t, areas_at(0), 1, 1), 0);
	cr_assert_eq(mmsim_fetch(t, areas_at(0), 1), SIGSEGV);
	sim_shutdown(m);
}
