/*
 * A machine's line of text: what is accepted, what each key does, and that a
 * wrong one is told with its key and what is allowed.
 */
#include "kernel/spec.h"

#include "base/rng.h"
#include "kernel/machine.h"
#include "sim.h"

#include <sys/resource.h>

TestSuite(spec);

static struct spec parse(const char *text)
{
	struct spec spec;
	char why[256] = "";
	int err = spec_parse(text, &spec, why, sizeof(why));

	cr_assert_eq(err, 0, "\"%s\": %s", text, why);
	return spec;
}

Test(spec, defaults)
{
	struct spec spec = parse("ram=1G");

	cr_assert_eq(spec.ram, (uint64_t)1 << 30);
	cr_assert_eq(spec.nr_swaps, 0);
	cr_assert_eq(spec.nodes, 1);
	cr_assert_eq(spec.cpus, 1);
	cr_assert_eq(spec.profile, PROFILE_6_1);
	cr_assert_eq(spec.arch, ARCH_X86_64);
	cr_assert_eq(spec.thp, THP_NEVER);
	cr_assert_eq(spec.aslr, 0);
	cr_assert_eq(spec.memory_model, MEMORY_SPARSEMEM);
	cr_assert_eq(spec.boot_used, 0);
	cr_assert_not(spec.has_managed);
}

Test(spec, all_keys)
{
	struct spec spec = parse(
		" ram = 2g , swap=512M,nodes=2,cpus=8,seed=18446744073709551615,"
		"profile=linux-3.10,arch=x86-32,thp=madvise,aslr=2,"
		"memory_model=flatmem,boot_used=100,vm.swappiness=10,"
		"vm.lowmem_reserve_ratio=256 32 0,");

	cr_assert_eq(spec.ram, (uint64_t)2 << 30);
	cr_assert_eq(spec.nr_swaps, 1);
	cr_assert_eq(spec.swaps[0].bytes, 512u << 20);
	cr_assert_eq(spec.swaps[0].prio, -1);
	cr_assert_eq(spec.nodes, 2);
	cr_assert_eq(spec.cpus, 8);
	cr_assert_eq(spec.seed, UINT64_MAX);
	cr_assert_eq(spec.profile, PROFILE_3_10);
	cr_assert_eq(spec.arch, ARCH_X86_32);
	cr_assert_eq(spec.thp, THP_MADVISE);
	cr_assert_eq(spec.aslr, 2);
	cr_assert_eq(spec.memory_model, MEMORY_FLATMEM);
	cr_assert_eq(spec.boot_used, 100);
	cr_assert_eq(spec.nr_sysctls, 2);
	cr_assert_eq(spec.sysctls[0].name_len, strlen("vm.swappiness"));
	cr_assert_eq(memcmp(spec.sysctls[0].value, "10", 2), 0);
}

Test(spec, sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{"ram=4194304", 4 << 20},  {"ram=8192K", 8 << 20},
		{"ram=8192k", 8 << 20},	   {"ram=16M", 16 << 20},
		{"ram=3G", 3ull << 30},	   {"ram=64T", 64ull << 40},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_assert_eq(parse(rows[i].text).ram, rows[i].bytes, "%s",
			     rows[i].text);
}

Test(spec, zones_of_a_recorded_machine)
{
	struct spec spec = parse("managed=DMA:3840+DMA32:48839,"
				 "present=DMA:3998+DMA32:61399,boot_used=8854");

	cr_assert(spec.has_managed);
	cr_assert_eq(spec.managed[ZONE_DMA], 3840);
	cr_assert_eq(spec.managed[ZONE_DMA32], 48839);
	cr_assert_eq(spec.present[ZONE_DMA32], 61399);
	cr_assert_eq(spec.managed[ZONE_NORMAL], 0);
}

Test(spec, several_swap_devices)
{
	struct spec spec = parse("ram=1G,swap=512M:5 + 1G:0+2G : off+8K");

	cr_assert_eq(spec.nr_swaps, 4);
	cr_assert_eq(spec.swaps[0].prio, 5);
	cr_assert_eq(spec.swaps[1].bytes, (uint64_t)1 << 30);
	cr_assert_eq(spec.swaps[1].prio, 0);
	cr_assert(spec.swaps[2].is_off && !spec.swaps[3].is_off);
	cr_assert_eq(spec.swaps[3].bytes, 8192);
	cr_assert_eq(spec.swaps[3].prio, -1);
	spec = parse("ram=1G,swap=0");
	cr_assert_eq(spec.nr_swaps, 0);
	spec = parse("ram=1G,swap=0M");
	cr_assert_eq(spec.nr_swaps, 0, "no swap has a unit, too");
}

Test(spec, the_disk)
{
	struct spec spec = parse("ram=1G");

	cr_assert_eq(spec.disk_size, (uint64_t)4 << 40);
	cr_assert_eq(spec.disk_latency_ns, 100000);
	cr_assert_eq(spec.disk_page_ns, 8000);
	spec = parse("ram=1G,disk_size=20G,disk_latency=0,disk_bandwidth=4K");
	cr_assert_eq(spec.disk_size, (uint64_t)20 << 30);
	cr_assert_eq(spec.disk_latency_ns, 0);
	cr_assert_eq(spec.disk_page_ns, 1000000000, "a page a second");
}

/* Each of these is refused, with a text that holds the two words. */
Test(spec, what_is_wrong_is_told)
{
	static const struct {
		const char *text, *key, *allowed;
	} rows[] = {
		{"", "ram", "ram=1G"},
		{"swap=1G", "ram", "ram=1G"},
		{"ram", "ram", "value"},
		{"ram=", "ram", "4M"},
		{"ram=1", "ram", "4M to 64T"},
		{"ram=65T", "ram", "64T"},
		{"ram=-1G", "ram", "allowed"},
		{"ram=1.5G", "ram", "allowed"},
		{"ram=1Q", "ram", "allowed"},
		{"ram=G", "ram", "allowed"},
		{"ram=99999999999999999999", "ram", "allowed"},
		{"ram=16777215T", "ram", "allowed"},
		{"ram=67108865", "ram", "multiple of 4K"},
		{"ram=1G,ram=1G", "ram", "once"},
		{"ram=1G,disk_size=1023K", "disk_size", "from 1M"},
		{"ram=1G,disk_size=65T", "disk_size", "to 64T"},
		{"ram=1G,disk_size=1048577", "disk_size", "multiple of 4K"},
		{"ram=1G,disk_size=", "disk_size", "from 1M"},
		{"ram=1G,disk_latency=1ms", "disk_latency", "microseconds"},
		{"ram=1G,disk_latency=10000001", "disk_latency", "10000000"},
		{"ram=1G,disk_bandwidth=0", "disk_bandwidth", "from 4K"},
		{"ram=1G,disk_bandwidth=2T", "disk_bandwidth", "to 1T"},
		{"ram=1G,swap=4097", "swap", "multiple of 4K"},
		{"ram=1G,swap=4K", "swap", "from 8K"},
		{"ram=1G,swap=65T", "swap", "to 64T"},
		{"ram=1G,swap=1G:", "swap", "priorities"},
		{"ram=1G,swap=1G:x", "swap", "priorities"},
		{"ram=1G,swap=1G:32768", "swap", "priorities"},
		{"ram=1G,swap=1G:1:2", "swap", "priorities"},
		{"ram=1G,swap=1G+", "swap", "29"},
		{"ram=1G,swap=1G+0", "swap", "from 8K"},
		{"ram=1G,swap=+1G", "swap", "from 8K"},
		{"ram=1G,swap=8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+"
		 "8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K+8K",
		 "swap", "29"},
		{"ram=1G,tmp_size=0%", "tmp_size", "a part of the memory"},
		{"ram=1G,tmp_size=101%", "tmp_size", "as in 50%"},
		{"ram=1G,shm_size=-1", "shm_size", "a size of up to 64T"},
		{"ram=1G,shm_size=65T", "shm_size", "a size of up to 64T"},
		{"ram=1G,shm_size=", "shm_size", "0 for no limit"},
		{"ram=1G,nodes=0", "nodes", "1 to 16"},
		{"ram=1G,nodes=17", "nodes", "1 to 16"},
		{"ram=16M,nodes=4", "nodes", "8M"},
		{"ram=1G,cpus=65", "cpus", "1 to 64"},
		{"ram=1G,cpus=abc", "cpus", "1 to 64"},
		{"ram=1G,seed=x", "seed", "number"},
		{"ram=1G,profile=linux-2.4", "profile", "linux-2.6.32"},
		{"ram=1G,arch=arm64", "arch", "x86-64"},
		{"ram=8G,arch=x86-32", "ram", "4G"},
		{"ram=1G,thp=yes", "thp", "madvise"},
		{"ram=1G,aslr=3", "aslr", "2"},
		{"ram=1G,memory_model=x", "memory_model", "flatmem"},
		{"managed=DMA", "managed", "DMA:3840"},
		{"managed=DMA:x", "managed", "DMA:3840"},
		{"managed=Foo:5", "managed", "Normal"},
		{"managed=DMA:2000+DMA:2000", "managed", "once"},
		{"managed=DMA:4096", "managed", "4095"},
		{"managed=DMA:100", "managed", "1024"},
		{"managed=HighMem:10000", "managed", "HighMem"},
		{"managed=DMA:2000+Device:10", "Device", "allowed"},
		{"arch=x86-32,managed=DMA32:10000", "managed", "DMA32"},
		{"managed=DMA:3840,present=DMA:3000", "present", "managed"},
		{"ram=1G,present=DMA:3000", "present", "managed"},
		{"ram=64M,boot_used=16384", "boot_used", "14336"},
		{"ram=1G,boot_used=-1", "boot_used", "number"},
		{"managed=DMA32:9000/DMA32:9000", "managed", "nodes"},
		{"nodes=2,managed=DMA32:9000/DMA32:9000,present=DMA32:19000",
		 "present", "nodes"},
		{"ram=1G,boot_used=1/2", "boot_used", "nodes"},
		{"nodes=2,managed=DMA32:9000/DMA32:9000,"
		 "present=DMA32:8000/DMA32:19000",
		 "managed", "node 0"},
		{"managed=DMA:0+DMA:3840", "managed", "once"},
		{"managed=DMA:3840+", "managed", "each zone"},
		{"managed=DMA:3840/", "managed", "each zone"},
		{"ram=1G,boot_used=1/", "boot_used", "number"},
		{"ram=64M,managed=DMA:3840+DMA32:48839", "ram", "210716K"},
		{"managed=DMA:3840+DMA32:48839,boot_used=DMA:3841",
		 "boot_used", "3840"},
		{"ram=1G,boot_used=HighMem:1", "boot_used", "HighMem"},
		{"managed=DMA:3840+DMA32:48839,boot_freed=48840", "boot_freed",
		 "48839"},
		{"ram=1G,arch=x86-32,boot_freed=1", "boot_freed", "0 pages"},
		{"ram=1G,boot_freed=x", "boot_freed", "number"},
		{"arch=x86-32,managed=DMA:3840+HighMem:400000,"
		 "present=DMA:3840+HighMem:800000+Movable:800000",
		 "present", "4G"},
		{"managed=DMA:3840+Normal:16000000000+Movable:16000000000",
		 "managed", "65536G"},
		{"ram=1G,foo=1", "foo", "memory_model"},
		/* not in this profile, or less of it */
		{"vm.watermark_scale_factor=10,ram=1G,profile=linux-2.6.32",
		 "watermark_scale_factor", "no such"},
		{"vm.swappiness=150,ram=1G,profile=linux-3.10", "swappiness",
		 "100"},
		{"ram=1G,vm.nonsense=1", "vm.nonsense", "no such"},
		{"ram=1G,vm.swappiness=abc", "vm.swappiness", "200"},
		{"ram=1G,vm.swappiness=201", "vm.swappiness", "200"},
		{"ram=1G,vm.min_free_kbytes=2147483648",
		 "vm.min_free_kbytes", "0 to 2147483647"},
		{"ram=1G,vm.swappiness=1,vm.swappiness=1", "vm.swappiness",
		 "once"},
		{"ram=1G,vm.overcommit_kbytes=1,profile=linux-3.10",
		 "vm.overcommit_kbytes", "in this profile"},
		{"profile=linux-3.10,ram=1G,vm.swappiness=150",
		 "vm.swappiness", "0 to 100"},
		{"ram=1G;swap=1G", "ram", "allowed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mmsim_machine *machine = (void *)1;
		char why[256] = "";

		cr_assert_eq(mmsim_spec_check(rows[i].text, why, sizeof(why)),
			     -EINVAL, "\"%s\" is accepted", rows[i].text);
		cr_assert_not_null(strstr(why, rows[i].key), "\"%s\": %s",
				   rows[i].text, why);
		cr_assert_not_null(strstr(why, rows[i].allowed), "\"%s\": %s",
				   rows[i].text, why);
		cr_assert_eq(mmsim_machine_boot(rows[i].text, &machine),
			     -EINVAL);
		cr_assert_null(machine);
	}
}

/* What the check accepts boots, and the other way round. */
Test(spec, accepted_specs_boot)
{
	static const char *const specs[] = {
		"ram=1G,managed=DMA:3840+DMA32:48839",
		"nodes=2,managed=DMA:3840+DMA32:48839/DMA32:0",
		"nodes=2,managed=DMA32:0/DMA:3840+DMA32:48839,boot_used=0/90",
		("arch=x86-32-pae,managed=DMA:3840+Normal:200000+HighMem:400000,"
		 "present=DMA:3840+Normal:200000+HighMem:800000+Movable:800000"),
		"ram=1G,profile=linux-2.6.32,vm.swappiness=100",
		"ram=1G,boot_used=DMA:100+DMA32:7",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		char why[256] = "";
		struct mmsim_machine *m;

		cr_assert_eq(mmsim_spec_check(specs[i], why, sizeof(why)), 0,
			     "\"%s\": %s", specs[i], why);
		m = sim_boot(specs[i]);
		cr_assert_eq(mmsim_machine_validate(m, why, sizeof(why)), 0,
			     "\"%s\": %s", specs[i], why);
		sim_shutdown(m);
	}
}

Test(spec, aslr_is_the_kernels_setting)
{
	static const char *const specs[] = {"ram=64M", "ram=64M,aslr=1",
					    "ram=64M,aslr=2"};

	for (long i = 0; i < 3; i++) {
		struct mmsim_machine *m = sim_boot(specs[i]);

		cr_assert_eq(
			sim_sysctl(m, "/proc/sys/kernel/randomize_va_space"),
			i);
		sim_shutdown(m);
	}
}

Test(spec, a_short_buffer_is_not_overrun)
{
	char why[8] = "xxxxxxx";

	cr_assert_eq(mmsim_spec_check("ram=1G,cpus=0", why, 5), -EINVAL);
	cr_assert_str_eq(why, "cpus");
	cr_assert_eq(mmsim_spec_check("ram=1G,cpus=0", NULL, 0), -EINVAL);
	cr_assert_eq(mmsim_spec_check("ram=1G,cpus=0", NULL, 9), -EINVAL);
	cr_assert_eq(mmsim_spec_check(NULL, why, sizeof(why)), -EINVAL);
}

Test(spec, settings_hold_after_boot)
{
	struct mmsim_machine *m =
		sim_boot("ram=1G,swap=512M,vm.swappiness=7,"
			 "vm.min_free_kbytes=16384,vm.overcommit_memory=2");

	cr_assert_eq(sim_sysctl(m, "/proc/sys/vm/swappiness"), 7);
	cr_assert_eq(sim_sysctl(m, "/proc/sys/vm/min_free_kbytes"), 16384);
	cr_assert_eq(sim_sysctl(m, "/proc/sys/vm/overcommit_memory"), 2);
	/* less the header page, as recorded */
	cr_assert_eq(sim_meminfo(m, "SwapTotal"), 524284);
	cr_assert_eq(m->nodes[0]->zones[ZONE_DMA32].watermark[WMARK_MIN] +
			     m->nodes[0]->zones[ZONE_DMA].watermark[WMARK_MIN],
		     4096);
	sim_shutdown(m);
}

/* Any text: 0, or -EINVAL with a reason; what is accepted boots or has no
 * room. */
Test(spec, random_text)
{
	static const char *const words[] = {
		"ram",	   "swap",     "nodes", "cpus",	     "managed",
		"present", "DMA",      "DMA32", "Normal",    "HighMem",
		"Movable", "Device",   "=",	"=",	     "=",
		",",	   ",",	       ",",	":",	     "+",
		"/",	   "1",	       "64M",	"8000",	     "20000",
		"2",	   "arch",     "x86-32", "boot_used", "boot_freed",
		"vm.",	   "swappiness", " ",	"x",	     "0",
		"vm.min_free_kbytes", "profile", "linux-3.10", "\377",
	};
	struct rng rng = {11};
	int nr_good = 0;

	for (int i = 0; i < 40000; i++) {
		uint64_t n = rng_below(&rng, 24);
		char text[512] = "", why[128] = "";
		int err;

		/* half of them begin well */
		if (i % 2)
			strcpy(text, i % 4 == 1 ? "ram=64M," : "managed=DMA32:");
		while (n-- > 0)
			strcat(text, words[rng_below(&rng, ARRAY_SIZE(words))]);
		err = mmsim_spec_check(text, why, sizeof(why));
		cr_assert(err == 0 || (err == -EINVAL && why[0]), "\"%s\": %d",
			  text, err);
		if (err == 0 && nr_good++ < 200) {
			struct mmsim_machine *m = NULL;

			err = mmsim_machine_boot(text, &m);
			cr_assert(err == 0 || err == -ENOMEM,
				  "\"%s\": %d", text, err);
			mmsim_machine_shutdown(m);
		}
	}
	cr_assert_gt(nr_good, 100);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* A host without room for the tables: -ENOMEM, and nothing is left behind. */
Test(spec, the_host_has_no_room)
{
	struct rlimit limit = {(rlim_t)1 << 32, (rlim_t)1 << 32};
	struct mmsim_machine *m = (void *)1;

	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(mmsim_machine_boot("ram=1T", &m), -ENOMEM);
		cr_assert_null(m);
	}
	m = sim_boot("ram=1G");
	sim_shutdown(m);
}
#endif
