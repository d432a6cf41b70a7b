/*
 * mmap.c: where mappings go, what they are charged, and every refusal.
 */
#include "areas.h"

#include <fcntl.h>
#include <sys/resource.h>

TestSuite(mmap);

static struct mmsim_machine *m;
static struct mmsim_task *t;

static void start(const char *spec)
{
	m = sim_boot(spec);
	t = sim_spawn(m);
}

static intptr_t pages(long nr, int prot)
{
	return mmsim_mmap(t, 0, (size_t)nr * SIM_PAGE, prot, AREAS_ANON, NULL,
			  0);
}

/* The recorded addresses of a machine without ASLR. */
static void placement(uintptr_t top)
{
	uintptr_t third = 0, expected = top;

	for (long i = 1; i <= 6; i++) {
		expected -= (uintptr_t)i * SIM_PAGE;
		cr_assert_eq(pages(i, i & 1 ? AREAS_RW : PROT_READ),
			     (intptr_t)expected, "mapping %ld", i);
		if (i == 3)
			third = expected;
	}
	cr_assert_eq(mmsim_munmap(t, third, 3 * SIM_PAGE), 0);
	cr_assert_eq(pages(2, AREAS_RW), (intptr_t)(third + SIM_PAGE));
	cr_assert_eq(pages(2, AREAS_RW), (intptr_t)(expected - 2 * SIM_PAGE));
}

Test(mmap, top_down_as_recorded)
{
	start(SIM_512M);
	placement(0x7ffff7ff9000);
	sim_shutdown(m);
}

Test(mmap, hints)
{
	intptr_t got;

	start(SIM_512M);
	cr_assert_eq(mmsim_mmap(t, areas_at(100) + 1, SIM_PAGE, AREAS_RW,
				AREAS_ANON, NULL, 0),
		     (intptr_t)areas_at(100));
	got = mmsim_mmap(t, areas_at(100), SIM_PAGE, AREAS_RW, AREAS_ANON, NULL,
			 0);
	cr_assert_gt(got, 0x7ffff0000000);
	cr_assert_eq(mmsim_mmap(t, 4096, SIM_PAGE, AREAS_RW, AREAS_ANON, NULL,
				0),
		     65536);
	cr_assert_eq(mmsim_mmap(t, 4096, SIM_PAGE, AREAS_RW,
				AREAS_ANON | MAP_FIXED, NULL, 0),
		     4096);
	mmsim_munmap(t, 4096, SIM_PAGE);
	mmsim_task_set_uid(t, 1000);
	cr_assert_eq(mmsim_mmap(t, 4096, SIM_PAGE, AREAS_RW,
				AREAS_ANON | MAP_FIXED, NULL, 0),
		     -EPERM);
	mmsim_munmap(t, 65536, SIM_PAGE);
	cr_assert_eq(mmsim_mmap(t, 8192, SIM_PAGE, AREAS_RW, AREAS_ANON, NULL,
				0),
		     65536);
	sim_shutdown(m);
}

Test(mmap, refusals)
{
	static const struct {
		uintptr_t addr;
		size_t len;
		int flags;
		off_t offset;
		int err;
	} rows[] = {
		{ 0, 0, AREAS_ANON, 0, -EINVAL },
		{ 0, 0, AREAS_ANON, 1, -EINVAL },
		{ 0, 4096, AREAS_ANON, 1, -EINVAL },
		{ 0, 4096, MAP_ANONYMOUS, 0, -EINVAL },
		{ 0, 4096, 3 | MAP_ANONYMOUS, 0, -EINVAL },
		{ 0, 4096, MAP_PRIVATE, 0, -EBADF },
		{ 0, 0, MAP_PRIVATE, 0, -EBADF },
		{ 0, (size_t)1 << 47, AREAS_ANON, 0, -ENOMEM },
		{ 0, ((size_t)1 << 47) - 4096, AREAS_ANON, 0, -ENOMEM },
		{ 0, (size_t)-1, AREAS_ANON, 0, -ENOMEM },
		{ 0, (size_t)-4096, AREAS_ANON, 0, -ENOMEM },
		{ 0x7ffffffff000, 4096, AREAS_ANON | MAP_FIXED, 0, -ENOMEM },
		{ 0x200000000001, 4096, AREAS_ANON | MAP_FIXED, 0, -EINVAL },
		{ 0x7fffffffffff, 4096, AREAS_ANON | MAP_FIXED, 0, -ENOMEM },
		{ 0x400000, 4096, AREAS_ANON | 0x100000, 0, -EEXIST },
		{ 0, 4096, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, 0,
		  -EINVAL },
		{ 0, 2 << 20, AREAS_ANON | MAP_HUGETLB, 0, -ENOMEM },
	};
	int lines;

	start(SIM_512M);
	lines = sim_maps_lines(m, t);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(mmsim_mmap(t, rows[i].addr, rows[i].len, AREAS_RW,
					rows[i].flags, NULL, rows[i].offset),
			     rows[i].err, "row %zu", i);
	cr_assert_eq(sim_maps_lines(m, t), lines);
	cr_assert_eq(sim_status(m, t, "VmSize"), 2744);
	sim_shutdown(m);
}

static intptr_t map_file(struct mmsim_file *file, int prot, int flags,
			 off_t offset)
{
	return mmsim_mmap(t, 0, SIM_PAGE, prot, flags, file, offset);
}

Test(mmap, files_and_their_modes)
{
	struct mmsim_file *rw, *ro, *wo;

	start(SIM_512M);
	cr_assert_eq(mmsim_file_create(m, "/f", 4 * SIM_PAGE, &rw), 0);
	cr_assert_eq(mmsim_open(t, "/f", O_RDONLY, &ro), 0);
	cr_assert_eq(mmsim_open(t, "/f", O_WRONLY, &wo), 0);
	cr_assert_eq(map_file(ro, AREAS_RW, MAP_SHARED, 0), -EACCES);
	cr_assert_gt(map_file(ro, PROT_READ, MAP_SHARED, 0), 0);
	cr_assert_gt(map_file(ro, AREAS_RW, MAP_PRIVATE, 0), 0);
	cr_assert_eq(map_file(wo, PROT_READ, MAP_SHARED, 0), -EACCES);
	cr_assert_eq(map_file(wo, PROT_WRITE, MAP_PRIVATE, 0), -EACCES);
	cr_assert_eq(map_file(rw, AREAS_RW, MAP_PRIVATE | MAP_GROWSDOWN, 0),
		     -EINVAL);
	cr_assert_eq(map_file(rw, AREAS_RW, 3 | 0x80000, 0), -EOPNOTSUPP);
	cr_assert_gt(map_file(rw, AREAS_RW, 3, 0), 0);
	cr_assert_eq(map_file(rw, AREAS_RW, MAP_PRIVATE, -4096), -EOVERFLOW);
	cr_assert_eq(map_file(rw, AREAS_RW, 0, 0), -EINVAL);
	mmsim_close(rw);
	mmsim_close(ro);
	mmsim_close(wo);
	sim_shutdown(m);
}

Test(mmap, whole_address_space_in_mode_1)
{
	start("ram=2G,vm.overcommit_memory=1");
	cr_assert_gt(mmsim_mmap(t, 0, (size_t)127 << 40, AREAS_RW, AREAS_ANON,
				NULL, 0),
		     0);
	cr_assert_eq(mmsim_mmap(t, 0, (size_t)128 << 40, AREAS_RW, AREAS_ANON,
				NULL, 0),
		     -ENOMEM);
	sim_shutdown(m);
}

Test(mmap, mode_0_refuses_more_than_ram_and_swap)
{
	start(SIM_512M);
	cr_assert_eq(pages(117096, AREAS_RW), -ENOMEM);
	cr_assert_gt(pages(117095, AREAS_RW), 0);
	cr_assert_gt(pages(200000, PROT_READ), 0);
	sim_shutdown(m);
}

Test(mmap, charges)
{
	long before;
	uintptr_t addr;

	start(SIM_512M);
	before = sim_meminfo(m, "Committed_AS");
	cr_assert_eq(before, 1896);
	addr = (uintptr_t)pages(256, AREAS_RW);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), before + 1024);
	pages(256, PROT_READ);
	mmsim_mmap(t, 0, 1 << 20, AREAS_RW, AREAS_ANON | MAP_NORESERVE, NULL, 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), before + 1024);
	mmsim_munmap(t, addr, 1 << 20);
	addr = (uintptr_t)mmsim_mmap(t, 0, 1 << 20, AREAS_RW,
				     MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), before + 1024);
	mmsim_munmap(t, addr, 1 << 20);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), before);
	mmsim_task_exit(t, 0);
	cr_assert_eq(sim_meminfo(m, "Committed_AS"), 0);
	sim_shutdown(m);
}

Test(mmap, fixed_that_is_refused)
{
	start("ram=64M,vm.overcommit_memory=2,vm.overcommit_ratio=50");
	areas_map(t, 0, 4, AREAS_RW);
	cr_assert_eq(areas_mmap(t, 0, 100000, AREAS_RW, AREAS_ANON), -ENOMEM);
	areas_are(m, t, "");
	mmsim_machine_shutdown(m);
	start("ram=64M,vm.overcommit_memory=2,vm.overcommit_ratio=50,"
	      "profile=linux-6.18");
	areas_map(t, 0, 4, AREAS_RW);
	cr_assert_eq(areas_mmap(t, 0, 100000, AREAS_RW, AREAS_ANON), -ENOMEM);
	areas_are(m, t, "0-4rw-p");
	sim_shutdown(m);
}

/* As recorded: VmSize + 10 MiB; VmData + 8 MiB. */
Test(mmap, rlimits)
{
	uint64_t as, data;
	uintptr_t addr;

	start(SIM_512M);
	as = (uint64_t)sim_status(m, t, "VmSize") * 1024 + (10 << 20);
	mmsim_task_set_rlimit(t, RLIMIT_AS, as, ~0ull);
	addr = (uintptr_t)pages(2560, AREAS_RW);
	cr_assert_gt((intptr_t)addr, 0);
	cr_assert_eq(pages(1, PROT_NONE), -ENOMEM);
	mmsim_task_set_rlimit(t, RLIMIT_AS, ~0ull, ~0ull);
	mmsim_munmap(t, addr, 10 << 20);
	data = (uint64_t)sim_status(m, t, "VmData") * 1024 + (8 << 20);
	mmsim_task_set_rlimit(t, RLIMIT_DATA, data, ~0ull);
	cr_assert_eq(pages(2049, AREAS_RW), -ENOMEM);
	cr_assert_gt(pages(2048, AREAS_RW), 0);
	addr = (uintptr_t)pages(2048, PROT_READ);
	cr_assert_gt((intptr_t)addr, 0);
	cr_assert_eq(mmsim_mprotect(t, addr, 8 << 20, AREAS_RW), -ENOMEM);
	cr_assert_gt(mmsim_mmap(t, 0, 8 << 20, AREAS_RW,
				MAP_SHARED | MAP_ANONYMOUS, NULL, 0),
		     0);
	sim_shutdown(m);
}

/* Valgrind sets a soft limit of 0, and means none. */
Test(mmap, soft_data_limit_of_0_is_the_hard_one)
{
	uint64_t data;

	start(SIM_512M);
	data = (uint64_t)sim_status(m, t, "VmData") * 1024 + (8 << 20);
	mmsim_task_set_rlimit(t, RLIMIT_DATA, 0, data);
	cr_assert_eq(pages(2049, AREAS_RW), -ENOMEM);
	cr_assert_gt(pages(2048, AREAS_RW), 0);
	sim_shutdown(m);
}

static intptr_t map_low(uintptr_t hint)
{
	return mmsim_mmap(t, hint, SIM_PAGE, PROT_READ,
			  AREAS_ANON | 0x40 /* MAP_32BIT */, NULL, 0);
}

Test(mmap, low_mappings_take_low_hints_only)
{
	start(SIM_512M);
	cr_assert_eq(map_low(0), 0x40000000);
	cr_assert_eq(map_low(0x30000000), 0x30000000);
	cr_assert_eq(map_low(0x7ffff000), 0x7ffff000);
	cr_assert_eq(map_low(0x80000000), 0x40001000);
	cr_assert_eq(map_low(areas_at(0)), 0x40002000);
	sim_shutdown(m);
}

Test(mmap, populate_fills)
{
	struct mmsim_usage before, after;

	start(SIM_512M);
	mmsim_task_usage(t, &before);
	cr_assert_gt(mmsim_mmap(t, 0, 1 << 20, AREAS_RW,
				AREAS_ANON | MAP_POPULATE, NULL, 0),
		     0);
	mmsim_task_usage(t, &after);
	cr_assert_eq(after.min_flt - before.min_flt, 256);
	cr_assert_eq(sim_smaps(m, t, "Rss"), 1024);
	sim_shutdown(m);
}

Test(mmap, large_mappings_of_new_kernels_begin_on_2_mib)
{
	start(SIM_512M);
	cr_assert_eq(pages(512, AREAS_RW), 0x7ffff7ff9000 - (2 << 20));
	mmsim_machine_shutdown(m);
	start(SIM_512M ",profile=linux-6.18");
	cr_assert_eq(pages(512, AREAS_RW), 0x7ffff7c00000);
	cr_assert_eq(pages(512, AREAS_RW), 0x7ffff7a00000);
	cr_assert_eq(pages(513, AREAS_RW), 0x7ffff77ff000);
	sim_shutdown(m);
}

/* What came after 3.10 is unknown there. */
Test(mmap, older_kernels_know_less)
{
	uintptr_t addr;

	start(SIM_512M ",profile=linux-3.10");
	addr = (uintptr_t)pages(2, AREAS_RW);
	cr_assert_eq(mmsim_mmap(t, addr, SIM_PAGE, PROT_READ,
				AREAS_ANON | 0x100000 /* FIXED_NOREPLACE */,
				NULL, 0),
		     (intptr_t)(addr - SIM_PAGE), "a hint, which is taken");
	cr_assert_eq(mmsim_mremap(t, addr, SIM_PAGE, SIM_PAGE,
				  MREMAP_MAYMOVE | 4 /* DONTUNMAP */, 0),
		     -EINVAL);
	cr_assert_eq(mmsim_mlock2(t, addr, SIM_PAGE, 0), -ENOSYS);
	cr_assert_eq(mmsim_mlockall(t, MCL_CURRENT | 4 /* ONFAULT */), -EINVAL);
	mmsim_task_set_rlimit(t, RLIMIT_DATA, SIM_PAGE, ~0ull);
	cr_assert_gt(pages(100, AREAS_RW), 0, "only the break is limited");
	sim_shutdown(m);
}
