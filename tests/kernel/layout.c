/*
 * layout.c: address spaces: the image, 64 and 32 bits, ASLR.
 */
#include "areas.h"

#include "kernel/machine.h"

#include <sys/resource.h>

TestSuite(layout);

static struct mmsim_machine *m;
static struct mmsim_task *t;

static void start(const char *spec)
{
	m = sim_boot(spec);
	t = sim_spawn(m);
}

/* start, end and access of the areas, one a line. */
static void maps(struct mmsim_task *task, char *out, size_t size)
{
	char *text = sim_task_proc(m, task, "maps");
	size_t len = 0;

	out[0] = '\0';
	for (char *line = text; line && *line;) {
		unsigned long from, to;
		char access[5];

		sscanf(line, "%lx-%lx %4s", &from, &to, access);
		if (from < 0xffff000000000000)
			len += (size_t)snprintf(out + len, size - len,
						"%lx-%lx %s\n", from, to,
						access);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	free(text);
}

Test(layout, image_of_64_bits)
{
	char out[2048];

	start(SIM_512M);
	maps(t, out, sizeof(out));
	cr_assert_str_eq(out, "400000-401000 r--p\n"
			      "401000-4a1000 r-xp\n"
			      "4a1000-4ce000 r--p\n"
			      "4ce000-4d2000 r--p\n"
			      "4d2000-4d5000 rw-p\n"
			      "4d5000-665000 rw-p\n"
			      "665000-687000 rw-p\n"
			      "7ffff7ff9000-7ffff7ffd000 r--p\n"
			      "7ffff7ffd000-7ffff7fff000 r-xp\n"
			      "7ffffffde000-7ffffffff000 rw-p\n");
	cr_assert_eq(sim_status(m, t, "VmSize"), 2744);
	cr_assert_eq(sim_status(m, t, "VmStk"), 132);
	cr_assert_eq(sim_status(m, t, "VmExe"), 640);
	cr_assert_eq(sim_status(m, t, "VmRSS"), 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 1896);
	sim_shutdown(m);
}

Test(layout, unlimited_stack)
{
	struct mmsim_task *child;
	char out[2048];

	/* The limit counts when the program starts; it is init's then. */
	start(SIM_512M);
	m->init_task->rlimits[RLIMIT_STACK].soft = ~0ull;
	m->init_task->rlimits[RLIMIT_STACK].hard = ~0ull;
	cr_assert_eq(mmsim_task_spawn(m, "big", &child), 0);
	maps(child, out, sizeof(out));
	cr_assert_not_null(strstr(out, "155555550000-155555554000 r--p\n"
				       "155555554000-155555556000 r-xp\n"));
	cr_assert_eq(mmsim_mmap(child, 0, SIM_PAGE, AREAS_RW, AREAS_ANON, NULL,
				0),
		     0x15555554f000);
	sim_shutdown(m);
}

Test(layout, legacy_searches_upwards)
{
	intptr_t first;

	start(SIM_512M ",vm.legacy_va_layout=1");
	first = (intptr_t)sim_mmap(t, SIM_PAGE);
	cr_assert_eq(first, 0x2aaaaaaab000 + 6 * SIM_PAGE);
	cr_assert_eq((intptr_t)sim_mmap(t, SIM_PAGE), first + SIM_PAGE);
	sim_shutdown(m);
}

Test(layout, image_of_32_bits)
{
	char out[2048];

	start("ram=512M,arch=x86-32");
	maps(t, out, sizeof(out));
	cr_assert_eq(strncmp(out, "8048000-8049000 r--p\n", 21), 0);
	cr_assert_not_null(strstr(out, "b7ffa000-b7ffe000 r--p\n"
				       "b7ffe000-b8000000 r-xp\n"
				       "bffdf000-c0000000 rw-p\n"));
	cr_assert_eq(sim_mmap(t, SIM_PAGE), 0xb7ff9000);
	sim_shutdown(m);
}

/* 3 GiB less what the image cuts off: large requests fail on address space. */
Test(layout, address_space_of_32_bits_ends)
{
	start("ram=512M,arch=x86-32,vm.overcommit_memory=1");
	cr_assert_eq(mmsim_mmap(t, 0, (size_t)3 << 30, AREAS_RW, AREAS_ANON,
				NULL, 0),
		     -ENOMEM);
	cr_assert_gt(mmsim_mmap(t, 0, (size_t)2 << 30, AREAS_RW, AREAS_ANON,
				NULL, 0),
		     0);
	cr_assert_eq(mmsim_mmap(t, 0, (size_t)1 << 30, AREAS_RW, AREAS_ANON,
				NULL, 0),
		     -ENOMEM);
	cr_assert_eq(mmsim_mmap(t, 0xc0000000, SIM_PAGE, AREAS_RW,
				AREAS_ANON | MAP_FIXED, NULL, 0),
		     -ENOMEM);
	sim_shutdown(m);
}

static void aslr(const char *spec, char *out, size_t size)
{
	start(spec);
	maps(t, out, size);
	sim_shutdown(m);
}

Test(layout, aslr_comes_from_the_seed)
{
	char a[2048], b[2048], c[2048];

	aslr("ram=64M,aslr=2,seed=1", a, sizeof(a));
	aslr("ram=64M,aslr=2,seed=1", b, sizeof(b));
	aslr("ram=64M,aslr=2,seed=2", c, sizeof(c));
	cr_assert_str_eq(a, b);
	cr_assert_str_neq(a, c);
	cr_assert_eq(strncmp(a, "400000-401000 r--p\n", 19), 0);
	cr_assert_null(strstr(a, "7ffffffff000"));
}

Test(layout, child_has_its_parents_layout)
{
	struct mmsim_task *child;
	char a[2048], b[2048];

	start("ram=64M,aslr=2,seed=3");
	cr_assert_eq(mmsim_task_fork(t, &child), 0);
	maps(t, a, sizeof(a));
	maps(child, b, sizeof(b));
	cr_assert_str_eq(a, b);
	cr_assert_eq(sim_mmap(t, SIM_PAGE), sim_mmap(child, SIM_PAGE));
	mmsim_task_exit(child, 0);
	sim_shutdown(m);
}
