/*
 * swapon.c: swap areas that come and go: priorities, /proc/swaps, errors.
 */
#include "swap_tests.h"

#include <fcntl.h>
#include <sys/swap.h>

static void check_swaps(struct mmsim_machine *m, const char *rows)
{
	char *text = sim_proc(m, "/proc/swaps");
	const char *head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

	cr_assert_eq(strncmp(text, head, strlen(head)), 0, "%s", text);
	cr_assert_str_eq(text + strlen(head), rows);
	free(text);
}

static struct mmsim_file *make_file(struct mmsim_machine *m, const char *path,
				    off_t bytes)
{
	struct mmsim_file *file = NULL;

	cr_assert_eq(mmsim_file_create(m, path, bytes, &file), 0);
	return file;
}

/* Stores to page i what it holds, i + 1, and swaps it out. */
static void put_and_swap(struct mmsim_task *task, uintptr_t addr, unsigned i)
{
	put(task, addr + i * SIM_PAGE, (unsigned char)(i + 1));
	cr_assert(swap_out(task, addr + i * SIM_PAGE, SWAP_GONE), "page %u", i);
}

static unsigned area_of(struct mmsim_task *task, uintptr_t addr, unsigned i)
{
	return swp_type(swap_slot_at(task, addr + i * SIM_PAGE));
}

Test(swapon, devices_of_the_spec)
{
	struct mmsim_machine *m =
		sim_boot("ram=64M,swap=16M:5+8M+4M:off+8M:0+8M");
	struct mmsim_task *task = sim_spawn(m);

	check_swaps(m, "/dev/vdb                                partition\t"
		       "16380\t\t0\t\t5\n"
		       "/dev/vdc                                partition\t"
		       "8188\t\t0\t\t-2\n"
		       "/dev/vde                                partition\t"
		       "8188\t\t0\t\t0\n"
		       "/dev/vdf                                partition\t"
		       "8188\t\t0\t\t-3\n");
	cr_assert_eq(sim_meminfo(m, "SwapTotal"), 16380 + 3 * 8188);
	cr_assert_eq(mmsim_swapon(task, "/dev/vdd", 0), 0);
	cr_assert_eq(sim_meminfo(m, "SwapTotal"), 16380 + 3 * 8188 + 4092);
	/* the gap is closed among those that were given no priority */
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdc"), 0);
	check_swaps(m, "/dev/vdb                                partition\t"
		       "16380\t\t0\t\t5\n"
		       "/dev/vde                                partition\t"
		       "8188\t\t0\t\t0\n"
		       "/dev/vdf                                partition\t"
		       "8188\t\t0\t\t-2\n"
		       "/dev/vdd                                partition\t"
		       "4092\t\t0\t\t-3\n");
	cr_assert_eq(mmsim_swapon(task, "/dev/vdc", SWAP_FLAG_PREFER | 0x7fff),
		     0);
	check_swaps(m, "/dev/vdb                                partition\t"
		       "16380\t\t0\t\t5\n"
		       "/dev/vdc                                partition\t"
		       "8188\t\t0\t\t32767\n"
		       "/dev/vde                                partition\t"
		       "8188\t\t0\t\t0\n"
		       "/dev/vdf                                partition\t"
		       "8188\t\t0\t\t-2\n"
		       "/dev/vdd                                partition\t"
		       "4092\t\t0\t\t-3\n");
	sim_shutdown(m);
}

Test(swapon, large_areas_fill_their_columns)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=10G+9G");

	check_swaps(m, "/dev/vdb                                partition\t"
		       "10485756\t0\t\t-2\n"
		       "/dev/vdc                                partition\t"
		       "9437180\t\t0\t\t-3\n");
	mmsim_machine_shutdown(m);
	m = sim_boot("ram=64M,swap=16M,profile=linux-3.10");
	{
		char *text = sim_proc(m, "/proc/swaps");

		cr_assert_str_eq(
			text, "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"
			      "/dev/vdb                                "
			      "partition\t16380\t0\t-1\n");
		free(text);
	}
	mmsim_machine_shutdown(m);
}

Test(swapon, the_highest_priority_is_used_first)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=64K:1+64K:7+64K");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 45, MAP_PRIVATE);

	for (unsigned i = 0; i < 45; i++)
		put_and_swap(task, addr, i);
	for (unsigned i = 0; i < 45; i++)
		cr_assert_eq(area_of(task, addr, i), i < 15   ? 1
						     : i < 30 ? 0
							      : 2);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), 0);
	for (unsigned i = 0; i < 45; i++)
		cr_assert_eq(get(task, addr + i * SIM_PAGE), i + 1);
	sim_shutdown(m);
}

Test(swapon, areas_of_one_priority_take_turns)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=4M:3+4M:3+4M:1");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 512, MAP_PRIVATE);

	for (unsigned i = 0; i < 512; i++)
		put_and_swap(task, addr, i);
	/* 64 slots at a time, so that pages still lie together */
	for (unsigned i = 0; i < 512; i++)
		cr_assert_eq(area_of(task, addr, i), i / 64 % 2);
	sim_shutdown(m);
}

Test(swapon, errors)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=8M+8M:off");
	struct mmsim_task *task = sim_spawn(m), *user;
	struct mmsim_file *file;
	long total = sim_meminfo(m, "SwapTotal");
	char path[5000];

	cr_assert_lt(mmsim_swapon(NULL, "/dev/vdc", 0), 0);
	cr_assert_lt(mmsim_swapoff(NULL, "/dev/vdb"), 0);
	cr_assert_eq(mmsim_swapon(task, "/dev/vdc", 0x80000), -EINVAL);
	cr_assert_eq(mmsim_swapon(task, "/dev/vdc", -1), -EINVAL);
	cr_assert_eq(mmsim_swapon(task, NULL, 0), -EFAULT);
	cr_assert_eq(mmsim_swapoff(task, NULL), -EFAULT);
	cr_assert_eq(mmsim_swapon(task, "", 0), -ENOENT);
	cr_assert_eq(mmsim_swapon(task, "/dev/vdz", 0), -ENOENT);
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdz"), -ENOENT);
	cr_assert_eq(mmsim_swapon(task, "/tmp", 0), -EINVAL);
	cr_assert_eq(mmsim_swapoff(task, "/tmp"), -EINVAL);
	cr_assert_eq(mmsim_swapon(task, "/dev/vdb", 0), -EBUSY);
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdc"), -EINVAL);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	cr_assert_eq(mmsim_swapon(task, path, 0), -ENAMETOOLONG);
	/* a file of tmpfs, one that is too short, one with holes */
	file = make_file(m, "/tmp/swap", 1 << 20);
	cr_assert_eq(mmsim_swapon(task, "/tmp/swap", 0), -EINVAL);
	mmsim_close(file);
	file = make_file(m, "/short", 8191);
	cr_assert_eq(mmsim_swapon(task, "/short", 0), -EINVAL);
	cr_assert_eq(mmsim_ftruncate(file, 1 << 20), 0);
	cr_assert_eq(mmsim_swapon(task, "/short", 0), -EINVAL);
	mmsim_close(file);
	cr_assert_eq(mmsim_task_spawn(m, "user", &user), 0);
	cr_assert_eq(mmsim_task_set_uid(user, 1000), 0);
	cr_assert_eq(mmsim_swapon(user, "/dev/vdc", 0), -EPERM);
	cr_assert_eq(mmsim_swapoff(user, "/dev/vdb"), -EPERM);
	cr_assert_eq(sim_meminfo(m, "SwapTotal"), total);
	sim_shutdown(m);
}

Test(swapon, twenty_nine_areas_are_the_most)
{
	struct mmsim_machine *m = sim_boot(
		"ram=64M,swap=8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+"
		"8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K");
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file = make_file(m, "/swapfile", 1 << 20);
	char *text = sim_proc(m, "/proc/swaps");

	cr_assert_not_null(strstr(text, "/dev/vdz "));
	cr_assert_not_null(strstr(text, "/dev/vdad "));
	free(text);
	cr_assert_eq(mmsim_swapon(task, "/swapfile", 0), -EPERM);
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdaa"), 0);
	cr_assert_eq(mmsim_swapon(task, "/swapfile", 0), 0);
	text = sim_proc(m, "/proc/swaps");
	cr_assert_not_null(
		strstr(text, "/swapfile                               file\t\t"
			     "1020\t\t0\t\t-30\n"),
		"%s", text);
	free(text);
	mmsim_close(file);
	sim_shutdown(m);
}

/* No file can take the name of a device. */
Test(swapon, devices_have_their_names)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=1M+2M:off");
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file;

	cr_expect_eq(mmsim_file_create(m, "/dev/vdb", 8192, &file), -EEXIST);
	cr_expect_eq(mmsim_file_create(m, "/dev/vdc", 8192, &file), -EEXIST);
	cr_expect_eq(mmsim_open(task, "/dev/vdc", O_RDWR | O_CREAT, &file),
		     -EBUSY);
	cr_expect_eq(mmsim_open(task, "/dev/vdc", O_RDONLY, &file), -EBUSY);
	cr_expect_eq(mmsim_open(task, "/dev/vdc", O_RDWR | O_CREAT | O_EXCL,
				&file),
		     -EEXIST);
	cr_expect_eq(mmsim_unlink(m, "/dev/vdc"), -ENOENT);
	cr_assert_eq(mmsim_open(task, "/dev/vdd", O_RDWR | O_CREAT, &file), 0);
	mmsim_close(file);
	sim_shutdown(m);
}

Test(swapon, a_file_that_is_an_area_is_left_alone)
{
	struct mmsim_machine *m = sim_boot("ram=64M");
	struct mmsim_task *task = sim_spawn(m);
	struct mmsim_file *file = make_file(m, "/swapfile", 1 << 20), *other;
	long vmalloc_kb = sim_meminfo(m, "VmallocUsed");
	uintptr_t addr = map_anon(task, 4, MAP_PRIVATE), map;

	map = (uintptr_t)mmsim_mmap(task, 0, SIM_PAGE, PROT_READ | PROT_WRITE,
				    MAP_SHARED, file, 0);
	cr_assert_eq(mmsim_swapon(task, "/swapfile", 0), 0);
	cr_assert_eq(mmsim_madvise(task, map, SIM_PAGE, MADV_REMOVE), -ETXTBSY);
	cr_assert_eq(mmsim_munmap(task, map, SIM_PAGE), 0);
	cr_assert_gt(sim_meminfo(m, "VmallocUsed"), vmalloc_kb);
	cr_assert_eq(mmsim_pwrite(task, file, "x", 1, 0), -ETXTBSY);
	cr_assert_eq(mmsim_ftruncate(file, 0), -ETXTBSY);
	cr_assert_eq(mmsim_open(task, "/swapfile", O_RDWR | O_TRUNC, &other),
		     -ETXTBSY);
	cr_assert_eq(mmsim_unlink(m, "/swapfile"), -EPERM);
	cr_assert_eq(mmsim_mmap(task, 0, SIM_PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED, file, 0),
		     -ETXTBSY);
	put_and_swap(task, addr, 0);
	cr_assert_eq(mmsim_open(task, "/swapfile", O_RDONLY, &other), 0);
	mmsim_close(other);
	cr_assert_eq(mmsim_open(task, "/swapfile", O_RDWR | O_TRUNC, &other),
		     -ETXTBSY);
	/* closed, it is still the area */
	mmsim_close(file);
	cr_assert_eq(get(task, addr), 1);
	cr_assert_eq(mmsim_swapoff(task, "/swapfile"), 0);
	cr_assert_eq(sim_meminfo(m, "VmallocUsed"), vmalloc_kb);
	cr_assert_eq(mmsim_unlink(m, "/swapfile"), 0);
	cr_assert_eq(get(task, addr), 1);
	sim_shutdown(m);
}

/* Its name and its inode are forgotten, one with each drop_caches. */
Test(swapon, a_file_that_nobody_has_open)
{
	for (int nr_drops = 0; nr_drops < 4; nr_drops++) {
		struct mmsim_machine *m = sim_boot("ram=64M");
		struct mmsim_task *task = sim_spawn(m);
		uintptr_t addr = map_anon(task, 4, MAP_PRIVATE);

		mmsim_close(make_file(m, "/swapfile", 1 << 20));
		for (int i = 0; i < nr_drops; i++)
			sim_write(m, "/proc/sys/vm/drop_caches", "2");
		sim_validate(m);
		cr_assert_eq(mmsim_swapon(task, "/swapfile", 0), 0);
		sim_validate(m);
		sim_write(m, "/proc/sys/vm/drop_caches", "2");
		put_and_swap(task, addr, 0);
		cr_assert_eq(mmsim_swapoff(task, "/swapfile"), 0);
		cr_assert_eq(get(task, addr), 1);
		sim_shutdown(m);
	}
}

Test(swapon, promises_follow)
{
	struct mmsim_machine *m = sim_boot(SIM_512M ",swap=512M:off");
	struct mmsim_task *task = sim_spawn(m);
	long limit = sim_meminfo(m, "CommitLimit");
	uint64_t total = (uint64_t)sim_meminfo(m, "MemTotal") * 1024;
	const uint64_t swap = (512ull << 20) - SIM_PAGE;

	cr_assert_eq(mmsim_mmap(task, 0, total + SIM_PAGE, PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
		     -ENOMEM);
	cr_assert_eq(mmsim_swapon(task, "/dev/vdb", 0), 0);
	cr_assert_eq(sim_meminfo(m, "CommitLimit"),
		     limit + (long)(swap / 1024));
	cr_assert_gt(mmsim_mmap(task, 0, total + swap, PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
		     0);
	cr_assert_eq(mmsim_mmap(task, 0, total + swap + SIM_PAGE, PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
		     -ENOMEM);
	/* in mode 2 the area can only go when it is not promised */
	sim_write(m, "/proc/sys/vm/overcommit_memory", "2");
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdb"), -ENOMEM);
	sim_write(m, "/proc/sys/vm/overcommit_memory", "1");
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdb"), 0);
	cr_assert_eq(sim_meminfo(m, "CommitLimit"), limit);
	sim_shutdown(m);
}

/* --- swapoff ------------------------------------------------------------- */

Test(swapon, swapoff_brings_everything_back)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=8M");
	struct mmsim_task *parent = sim_spawn(m), *child;
	uintptr_t own = map_anon(parent, 64, MAP_PRIVATE);
	uintptr_t shared = map_anon(parent, 64, MAP_SHARED);

	/* pages in all steps of the way, and all kinds of sharing */
	for (unsigned i = 0; i < 64; i++) {
		put(parent, own + i * SIM_PAGE, (unsigned char)(i + 1));
		put(parent, shared + i * SIM_PAGE, (unsigned char)(i + 101));
		if (i < 48) {
			swap_out(parent, own + i * SIM_PAGE,
				 (enum swap_step)(i % 4));
			swap_out(parent, shared + i * SIM_PAGE,
				 (enum swap_step)(i % 4));
		}
	}
	get(parent, own + 3 * SIM_PAGE);
	cr_assert_eq(mmsim_task_fork(parent, &child), 0);
	for (unsigned i = 48; i < 56; i++)
		swap_out(parent, own + i * SIM_PAGE, SWAP_GONE);
	put(child, own + 7 * SIM_PAGE, 200);
	cr_assert_eq(mmsim_swapoff(parent, "/dev/vdb"), 0);
	sim_validate(m);
	cr_assert_eq(sim_meminfo(m, "SwapTotal"), 0);
	cr_assert_eq(sim_meminfo(m, "SwapFree"), 0);
	cr_assert_eq(sim_meminfo(m, "SwapCached"), 0);
	cr_assert_eq(sim_smaps(m, parent, "Swap"), 0);
	cr_assert_eq(sim_smaps(m, child, "Swap"), 0);
	for (unsigned i = 0; i < 64; i++) {
		cr_assert_eq(get(parent, own + i * SIM_PAGE), i + 1);
		cr_assert_eq(get(child, own + i * SIM_PAGE),
			     i == 7 ? 200 : i + 1);
		cr_assert_eq(get(child, shared + i * SIM_PAGE), i + 101);
	}
	/* what came back is private to each still */
	put(parent, own, 250);
	cr_assert_eq(get(child, own), 1);
	sim_shutdown(m);
}

Test(swapon, swapoff_moves_nothing_that_another_area_has)
{
	struct mmsim_machine *m = sim_boot("ram=64M,swap=64K:2+1M:1");
	struct mmsim_task *task = sim_spawn(m);
	uintptr_t addr = map_anon(task, 40, MAP_PRIVATE);

	for (unsigned i = 0; i < 40; i++)
		put_and_swap(task, addr, i);
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdb"), 0);
	sim_validate(m);
	cr_assert_eq(sim_smaps(m, task, "Swap"), 25 * 4);
	for (unsigned i = 0; i < 40; i++)
		cr_assert_eq(get(task, addr + i * SIM_PAGE), i + 1);
	sim_shutdown(m);
}

Test(swapon, swapoff_without_room_loses_nothing)
{
	struct mmsim_machine *m = sim_boot("ram=16M,swap=32M");
	struct mmsim_task *task = sim_spawn(m);
	unsigned nr = 6000;
	uintptr_t addr = map_anon(task, nr, MAP_PRIVATE);
	swp_entry_t slot;

	for (unsigned i = 0; i < nr; i++)
		put_and_swap(task, addr, i);
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdb"), -ENOMEM);
	sim_validate(m);
	cr_assert(mmsim_task_is_alive(task));
	cr_assert_eq(sim_meminfo(m, "SwapTotal"), 32 * 1024 - 4);
	cr_assert_gt(sim_smaps(m, task, "Swap"), 0);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_eq(get(task, addr + i * SIM_PAGE), (i + 1) % 256);
	/* room for what is still out, and the area goes on */
	cr_assert_eq(mmsim_madvise(task, addr, 3000 * SIM_PAGE, MADV_DONTNEED),
		     0);
	for (unsigned i = 3000; i < nr; i++)
		cr_assert_eq(get(task, addr + i * SIM_PAGE), (i + 1) % 256);
	put_and_swap(task, addr, 0);
	slot = swap_slot_at(task, addr);
	cr_assert_eq(swp_type(slot), 0);
	cr_assert_eq(mmsim_swapoff(task, "/dev/vdb"), 0);
	sim_shutdown(m);
}
