/*
 * sysctl.c: the settings of /proc/sys: defaults as recorded, ranges, and what
 * follows from a change.
 */
#include "kernel/machine.h"

#include "sim.h"

#define VM "/proc/sys/vm/"

static void assert_text(struct mmsim_machine *m, const char *path,
			const char *expected)
{
	char *text = sim_proc(m, path);

	cr_assert_str_eq(text, expected, "%s: %s", path, text);
	free(text);
}

/* The 1 GB machine of the recordings.  user_reserve_kbytes is 1/32 of what is
 * free at first: all, here; 30177 in the recording, after the kernel image. */
Test(sysctl, defaults_are_those_of_linux_6_1)
{
	static const struct {
		const char *path, *text;
	} recorded[] = {
		{VM "overcommit_memory", "0\n"},
		{VM "overcommit_ratio", "50\n"},
		{VM "overcommit_kbytes", "0\n"},
		{VM "admin_reserve_kbytes", "8192\n"},
		{VM "user_reserve_kbytes", "30740\n"},
		{VM "min_free_kbytes", "3932\n"},
		{VM "watermark_scale_factor", "10\n"},
		{VM "watermark_boost_factor", "15000\n"},
		{VM "lowmem_reserve_ratio", "256\t256\t32\t0\t0\n"},
		{VM "swappiness", "60\n"},
		{VM "page-cluster", "3\n"},
		{VM "dirty_ratio", "20\n"},
		{VM "dirty_background_ratio", "10\n"},
		{VM "dirty_bytes", "0\n"},
		{VM "dirty_expire_centisecs", "3000\n"},
		{VM "dirty_writeback_centisecs", "500\n"},
		{VM "vfs_cache_pressure", "100\n"},
		{VM "max_map_count", "65530\n"},
		{VM "mmap_min_addr", "65536\n"},
		{VM "oom_kill_allocating_task", "0\n"},
		{VM "oom_dump_tasks", "1\n"},
		{VM "panic_on_oom", "0\n"},
		{VM "percpu_pagelist_high_fraction", "0\n"},
		{VM "legacy_va_layout", "0\n"},
		{VM "zone_reclaim_mode", "0\n"},
		{VM "min_slab_ratio", "5\n"},
		{VM "min_unmapped_ratio", "1\n"},
		{VM "extfrag_threshold", "500\n"},
		{VM "stat_interval", "1\n"},
		{VM "compaction_proactiveness", "20\n"},
		{"/proc/sys/kernel/randomize_va_space", "0\n"},
		{"/proc/sys/kernel/pid_max", "32768\n"},
		{"/proc/sys/kernel/shmmax", "18446744073692774399\n"},
		{"/proc/sys/kernel/shmall", "18446744073692774399\n"},
		{"/proc/sys/kernel/shmmni", "4096\n"},
		{"/proc/sys/kernel/osrelease", "6.1.0\n"},
	};
	struct mmsim_machine *m = sim_boot(SIM_1024M);

	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++)
		assert_text(m, recorded[i].path, recorded[i].text);
	sim_shutdown(m);
}

Test(sysctl, what_cannot_be_written_changes_nothing)
{
	static const struct {
		const char *path, *text;
		int err;
	} bad[] = {
		{VM "swappiness", "abc", -EINVAL},
		{VM "swappiness", "", -EINVAL},
		{VM "swappiness", "\n", -EINVAL},
		{VM "swappiness", "201", -EINVAL},
		{VM "swappiness", "-1", -EINVAL},
		{VM "swappiness", "5x", -EINVAL},
		{VM "swappiness", "0x", -EINVAL},
		{VM "swappiness", "99999999999999999999999", -EINVAL},
		{VM "overcommit_memory", "3", -EINVAL},
		{VM "panic_on_oom", "3", -EINVAL},
		{VM "watermark_scale_factor", "0", -EINVAL},
		{VM "watermark_scale_factor", "3001", -EINVAL},
		{VM "dirty_ratio", "101", -EINVAL},
		{VM "dirty_bytes", "8191", -EINVAL},
		{VM "percpu_pagelist_high_fraction", "7", -EINVAL},
		{VM "min_free_kbytes", "-1", -EINVAL},
		{VM "min_free_kbytes", "2147483648", -EINVAL},
		{VM "lowmem_reserve_ratio", "1 2 x", -EINVAL},
		{VM "overcommit_kbytes", "-1", -EINVAL},
		{"/proc/sys/kernel/pid_max", "300", -EINVAL},
		{"/proc/sys/kernel/pid_max", "4194305", -EINVAL},
		{"/proc/sys/kernel/osrelease", "7", -EACCES},
		{VM "no_such_thing", "1", -ENOENT},
		{"/proc/sys/vm.swappiness", "1", -ENOENT},
		{"/proc/sys/vm", "1", -ENOENT},
		{"/proc/sys/", "1", -ENOENT},
	};
	struct mmsim_machine *m = sim_boot("ram=64M");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ssize_t len = mmsim_proc_read(m, bad[i].path, NULL, 0);
		char *before = len < 0 ? NULL : sim_proc(m, bad[i].path);
		int err = mmsim_proc_write(m, bad[i].path, bad[i].text);

		cr_assert_eq(err, bad[i].err, "%s = %s: %d", bad[i].path,
			     bad[i].text, err);
		if (before)
			assert_text(m, bad[i].path, before);
		free(before);
	}
	sim_shutdown(m);
}

Test(sysctl, numbers_may_be_hexadecimal_or_octal_and_have_blanks)
{
	struct mmsim_machine *m = sim_boot("ram=64M");

	sim_write(m, VM "swappiness", "  100\n");
	assert_text(m, VM "swappiness", "100\n");
	sim_write(m, VM "swappiness", "0x10");
	assert_text(m, VM "swappiness", "16\n");
	sim_write(m, VM "swappiness", "010");
	assert_text(m, VM "swappiness", "8\n");
	sim_write(m, VM "swappiness", "200");
	sim_write(m, VM "swappiness", "0 17");
	assert_text(m, VM "swappiness", "0\n");
	sim_shutdown(m);
}

Test(sysctl, pairs_zero_each_other)
{
	struct mmsim_machine *m = sim_boot("ram=64M");

	sim_write(m, VM "overcommit_kbytes", "1000");
	assert_text(m, VM "overcommit_ratio", "0\n");
	sim_write(m, VM "overcommit_ratio", "80");
	assert_text(m, VM "overcommit_kbytes", "0\n");
	sim_write(m, VM "dirty_bytes", "8192");
	assert_text(m, VM "dirty_ratio", "0\n");
	sim_write(m, VM "dirty_ratio", "30");
	assert_text(m, VM "dirty_bytes", "0\n");
	sim_write(m, VM "dirty_background_bytes", "4096");
	assert_text(m, VM "dirty_background_ratio", "0\n");
	sim_write(m, VM "dirty_background_ratio", "5");
	assert_text(m, VM "dirty_background_bytes", "0\n");
	sim_shutdown(m);
}

static void assert_marks(struct mmsim_machine *m, uint64_t min, uint64_t low,
			 uint64_t high)
{
	const uint64_t *mark = m->nodes[0]->zones[ZONE_DMA32].watermark;

	cr_assert(mark[WMARK_MIN] == min && mark[WMARK_LOW] == low &&
			  mark[WMARK_HIGH] == high,
		  "%lu/%lu/%lu instead of %lu/%lu/%lu",
		  (unsigned long)mark[WMARK_MIN], (unsigned long)mark[WMARK_LOW],
		  (unsigned long)mark[WMARK_HIGH], (unsigned long)min,
		  (unsigned long)low, (unsigned long)high);
}

/* Recorded rows of the 1 GB machine. */
Test(sysctl, watermarks_follow_at_once)
{
	struct mmsim_machine *m = sim_boot(SIM_1024M);

	sim_write(m, VM "min_free_kbytes", "3932");
	assert_marks(m, 967, 1209, 1451);
	sim_write(m, VM "min_free_kbytes", "128");
	assert_marks(m, 31, 273, 515);
	sim_write(m, VM "min_free_kbytes", "16384");
	assert_marks(m, 4032, 5040, 6048);
	sim_write(m, VM "min_free_kbytes", "3932");
	sim_write(m, VM "watermark_scale_factor", "100");
	assert_marks(m, 967, 3387, 5807);
	sim_write(m, VM "watermark_scale_factor", "1000");
	assert_marks(m, 967, 25175, 49383);
	sim_write(m, VM "watermark_scale_factor", "3000");
	assert_marks(m, 967, 73593, 146219);
	sim_shutdown(m);
}

/* Recorded on the 4 GB machine: (0, 2947, 3900), with ratio 1 (0, 754593,
 * 998501). */
Test(sysctl, lowmem_reserve_ratio_is_a_vector)
{
	struct mmsim_machine *m = sim_boot(SIM_4096M);
	const uint64_t *dma = m->nodes[0]->zones[ZONE_DMA].protection;

	cr_assert_eq(dma[ZONE_DMA32], 2947);
	cr_assert_eq(dma[ZONE_NORMAL], 3900);
	sim_write(m, VM "lowmem_reserve_ratio", "1\t1");
	assert_text(m, VM "lowmem_reserve_ratio", "1\t1\t32\t0\t0\n");
	cr_assert_eq(dma[ZONE_DMA32], 754593);
	cr_assert_eq(dma[ZONE_NORMAL], 998501);
	sim_write(m, VM "lowmem_reserve_ratio", "0 -5 1 1 1");
	assert_text(m, VM "lowmem_reserve_ratio", "0\t0\t1\t1\t1\n");
	cr_assert_eq(dma[ZONE_DMA32], 0);
	sim_shutdown(m);
}

Test(sysctl, keys_of_the_spec_are_the_same)
{
	struct mmsim_machine *m = sim_boot(
		"ram=64M,vm.swappiness=10,vm.overcommit_memory=2,"
		"vm.overcommit_ratio=80,vm.lowmem_reserve_ratio=1 2 3");
	char why[256] = "";

	assert_text(m, VM "swappiness", "10\n");
	assert_text(m, VM "overcommit_memory", "2\n");
	assert_text(m, VM "overcommit_ratio", "80\n");
	assert_text(m, VM "lowmem_reserve_ratio", "1\t2\t3\t0\t0\n");
	sim_shutdown(m);
	cr_assert_eq(mmsim_spec_check("ram=64M,vm.swappiness=201", why,
				      sizeof(why)),
		     -EINVAL);
	cr_assert(strstr(why, "vm.swappiness") && strstr(why, "200"), "%s",
		  why);
	cr_assert_eq(mmsim_spec_check("ram=64M,vm.swapiness=1", why,
				      sizeof(why)),
		     -EINVAL);
	cr_assert(strstr(why, "vm.swapiness"), "%s", why);
}

Test(sysctl, older_kernels_lack_what_came_later)
{
	struct mmsim_machine *m = sim_boot("ram=64M,profile=linux-2.6.32");

	cr_assert_eq(mmsim_proc_write(m, VM "swappiness", "101"), -EINVAL);
	assert_text(m, VM "lowmem_reserve_ratio", "256\t256\t32\n");
	cr_assert_eq(mmsim_proc_read(m, VM "overcommit_kbytes", NULL, 0),
		     -ENOENT);
	cr_assert_eq(mmsim_proc_read(m, VM "watermark_scale_factor", NULL, 0),
		     -ENOENT);
	cr_assert_eq(mmsim_proc_read(m, VM "admin_reserve_kbytes", NULL, 0),
		     -ENOENT);
	sim_shutdown(m);
	m = sim_boot("ram=64M,profile=linux-3.10");
	cr_assert_eq(mmsim_proc_write(m, VM "swappiness", "101"), -EINVAL);
	cr_assert_geq(sim_sysctl(m, VM "admin_reserve_kbytes"), 1000);
	sim_shutdown(m);
}

static void count_setting(const char *name, void *arg)
{
	char why[128];

	cr_assert_eq(sysctl_check(PROFILE_6_1, name, "x", why, sizeof(why)),
		     -EINVAL);
	cr_assert(strstr(why, name), "%s: %s", name, why);
	++*(int *)arg;
}

Test(sysctl, each_setting_is_told_once)
{
	int nr = 0;

	sysctl_for_each(count_setting, &nr);
	cr_assert_eq(nr, 37, "%d settings", nr);
}
