/*
 * vmalloc.c: the kernel's own addresses: direct map, vmalloc, ioremap, kmap.
 */
#include "sim.h"

#include "kernel/address_map.h"
#include "kernel/page_alloc.h"
#include "kernel/slab.h"
#include "kernel/vmalloc.h"

#define PAGES(n) ((size_t)(n)*PAGE_SIZE)

/* Every second frame of the lists is in use: no two free ones side by side. */
static void fragment(struct mmsim_machine *m, unsigned nr)
{
	static struct page *pages[20000];

	cr_assert_leq(nr, 20000);
	for (unsigned i = 0; i < nr; i++) {
		pages[i] = alloc_pages(m, NULL, GFP_KERNEL, 0);
		cr_assert_not_null(pages[i]);
	}
	for (unsigned i = 0; i < nr; i++)
		if (page_pfn(m, pages[i]) % 2)
			page_put(m, pages[i]);
}

static pfn_t pfn_of(struct mmsim_machine *m, uint64_t addr)
{
	pfn_t pfn;

	cr_assert(kernel_address_to_pfn(m, addr, &pfn));
	return pfn;
}

/*
 * The four ways to memory.
 *
 *             frames now   one after the other   tables change   area
 *   kmalloc   yes          yes                   no              direct map
 *   vmalloc   yes          no                    yes             vmalloc
 *   ioremap   none         (registers)           yes             vmalloc
 *   malloc    none         -                     no, until written  user
 */
Test(vmalloc, four_ways_side_by_side)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	struct mmsim_task *task = sim_spawn(m);
	uint64_t warm = vmalloc(m, PAGES(1));
	uint64_t tables, k, v, io;
	long free_kb, rss;
	intptr_t user;
	unsigned nr_contiguous = 0;
	pfn_t pfn;

	/* the tables above and the slabs are there */
	vfree(m, warm);
	fragment(m, 16000);
	tables = kernel_table_pages(m);

	free_kb = sim_vmstat(m, "nr_slab_unreclaimable");
	k = kmalloc(m, PAGES(16), GFP_KERNEL);
	cr_assert_eq(sim_vmstat(m, "nr_slab_unreclaimable"), free_kb + 16);
	for (unsigned i = 0; i < 16; i++)
		cr_expect_eq(pfn_of(m, k + PAGES(i)), pfn_of(m, k) + i);
	cr_expect_eq(kernel_table_pages(m), tables);
	cr_expect_eq(address_map_find(m, k), AREA_DIRECT_MAP);

	v = vmalloc(m, PAGES(1000));
	cr_assert(v);
	cr_expect_eq(address_map_find(m, v), AREA_VMALLOC);
	for (unsigned i = 1; i < 1000; i++)
		nr_contiguous += pfn_of(m, v + PAGES(i)) ==
				 pfn_of(m, v + PAGES(i - 1)) + 1;
	cr_expect_lt(nr_contiguous, 50, "%u of 999 follow each other",
		     nr_contiguous);
	cr_expect(!kernel_address_to_pfn(m, v + PAGES(1000), &pfn), "guard");
	/* 1000 entries lie in two or three tables of 512 */
	cr_expect_geq(kernel_table_pages(m), tables + 1);
	cr_expect_leq(kernel_table_pages(m), tables + 2);
	cr_expect_eq(sim_meminfo(m, "VmallocUsed") % 4, 0);
	cr_expect_eq(vmalloc_used_kb(m), 4000);

	free_kb = sim_vmstat(m, "nr_free_pages");
	io = ioremap(m, UINT64_C(0xfebc0010), 0x2000);
	cr_assert(io);
	cr_expect_eq(address_map_find(m, io), AREA_VMALLOC);
	cr_expect_eq(io % PAGE_SIZE, 0x10);
	cr_expect_eq(pfn_of(m, io), 0xfebc0);
	cr_expect_eq(pfn_of(m, io + 0x1000), 0xfebc1);
	cr_expect_eq(pfn_of(m, io + 0x2000), 0xfebc2, "the third page");
	cr_expect_eq(vmalloc_used_kb(m), 4000);

	rss = sim_status(m, task, "VmRSS");
	user = mmsim_mmap(task, 0, PAGES(1000), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	cr_assert_gt(user, 0);
	cr_expect_eq(sim_status(m, task, "VmRSS"), rss);
	cr_expect_eq(address_map_find(m, (uint64_t)user), AREA_USER);
	cr_assert_eq(mmsim_access(task, (uintptr_t)user, 1, 1), 0);
	cr_expect_eq(sim_status(m, task, "VmRSS"), rss + 4);

	kfree(m, k);
	vfree(m, v);
	iounmap(m, io);
	cr_expect_eq(vmalloc_used_kb(m), 0);
	sim_shutdown(m);
}

Test(vmalloc, the_frames_come_back)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	uint64_t tables, v, w;
	long used;

	v = vmalloc(m, PAGES(3000));
	vfree(m, v);
	pcp_drain_all(m);
	used = sim_meminfo(m, "MemFree");
	tables = kernel_table_pages(m);
	w = vmalloc(m, PAGES(3000));
	cr_assert_eq(w, v, "the lowest hole");
	cr_assert_eq(kernel_table_pages(m), tables, "tables stay");
	vfree(m, w);
	pcp_drain_all(m);
	cr_assert_eq(sim_meminfo(m, "MemFree"), used);
	sim_shutdown(m);
}

Test(vmalloc, areas_have_guard_pages_and_holes_are_used_again)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	uint64_t a = vmalloc(m, PAGES(2)), b = vmalloc(m, PAGES(3));
	uint64_t c = vmalloc(m, 1);

	cr_assert_eq(a, UINT64_C(0xffffc90000000000));
	cr_assert_eq(b, a + PAGES(3));
	cr_assert_eq(c, b + PAGES(4));
	vfree(m, b);
	cr_assert_eq(vmalloc(m, PAGES(4)), c + PAGES(2), "does not fit");
	cr_assert_eq(vmalloc(m, PAGES(3)), b);
	sim_shutdown(m);
}

Test(vmalloc, too_much_is_refused_and_nothing_is_left)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);

	cr_assert_eq(vmalloc(m, 0), 0);
	cr_assert_eq(vmalloc(m, (size_t)1 << 40), 0);
	cr_assert_eq(vmalloc(m, SIZE_MAX), 0);
	cr_assert_eq(ioremap(m, UINT64_C(0xfebc0000), 0), 0);
	cr_assert_eq(ioremap(m, UINT64_MAX - 10, 4096), 0);
	cr_assert_eq(ioremap(m, 0x1000000, 4096), 0, "memory is no register");
	cr_assert_eq(vmalloc_used_kb(m), 0);
	vfree(m, 0x1234);
	vfree(m, 0);
	sim_shutdown(m);
}

Test(vmalloc, vmallocinfo_has_linux_form)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);
	char *text;

	vmalloc(m, PAGES(4));
	ioremap(m, UINT64_C(0xbffe0000), 0x1000);
	text = sim_proc(m, "/proc/vmallocinfo");
	cr_assert_str_eq(
		text,
		"0xffffc90000000000-0xffffc90000005000   20480 pages=4 vmalloc "
		"N0=4\n"
		"0xffffc90000005000-0xffffc90000007000    8192 "
		"phys=0x00000000bffe0000 ioremap\n");
	free(text);
	sim_shutdown(m);
}

Test(vmalloc, the_map_of_64_bits)
{
	struct mmsim_machine *m = sim_boot(SIM_512M);

	cr_assert_eq(address_map_find(m, 0x400000), AREA_USER);
	cr_assert_eq(address_map_find(m, UINT64_C(0x7fffffffffff)), AREA_USER);
	cr_assert_eq(address_map_find(m, UINT64_C(0x800000000000)),
		     NR_KERNEL_AREAS);
	cr_assert_eq(address_map_find(m, UINT64_C(0xffff888000000000)),
		     AREA_DIRECT_MAP);
	cr_assert_eq(address_map_find(m, UINT64_C(0xffff888800000000)),
		     NR_KERNEL_AREAS, "behind the memory");
	cr_assert_eq(address_map_find(m, UINT64_C(0xffffea0000000000)),
		     AREA_VMEMMAP);
	cr_assert_eq(address_map_find(m, UINT64_C(0xffffffff81000000)),
		     AREA_TEXT);
	cr_assert_eq(address_map_find(m, UINT64_C(0xffffffffc0000000)),
		     AREA_MODULES);
	cr_assert_eq(address_map_area(m, AREA_KMAP).end, 0, "not needed");
	cr_assert_eq(kmap(m, 100), UINT64_C(0xffff888000064000));
	kunmap(m, 100);
	sim_shutdown(m);
}

Test(vmalloc, the_map_of_32_bits)
{
	struct mmsim_machine *m = sim_boot("arch=x86-32,ram=2G");
	struct page *page = alloc_pages(m, NULL, GFP_KERNEL | GFP_F_HIGHMEM, 0);
	uint64_t k = kmalloc(m, 100, GFP_KERNEL);
	uint64_t v = vmalloc(m, PAGES(10));

	cr_assert_eq(page_zone_index(page), ZONE_HIGHMEM);
	cr_assert_eq(direct_map_address(m, page_pfn(m, page)), 0);
	cr_assert_eq(address_map_area(m, AREA_DIRECT_MAP).start, 0xc0000000);
	cr_assert_eq(address_map_area(m, AREA_DIRECT_MAP).end, 0xf8000000);
	cr_assert_eq(address_map_find(m, 0xbfffffff), AREA_USER);
	cr_assert_eq(address_map_find(m, k), AREA_DIRECT_MAP);
	cr_assert_eq(v, 0xf8800000);
	cr_assert_eq(page_zone_index(page_from_pfn(m, pfn_of(m, v))),
		     ZONE_HIGHMEM, "vmalloc may take high memory");
	cr_assert_eq(address_map_find(m, 0xfffff000 - 1), AREA_FIXMAP);
	/* 128 MB less the hole: vmalloc is narrow here */
	cr_assert_eq(vmalloc(m, (size_t)120 << 20), 0);
	sim_shutdown(m);
}

Test(vmalloc, kmap_has_1024_slots)
{
	struct mmsim_machine *m = sim_boot("arch=x86-32,ram=2G");
	pfn_t high = 0x40000;
	uint64_t first = kmap(m, high), addr = 0;

	cr_assert_eq(address_map_find(m, first), AREA_KMAP);
	cr_assert_eq(pfn_of(m, first), high);
	cr_assert_eq(kmap(m, high), first, "the same frame, the same slot");
	for (pfn_t i = 1; i < 1024; i++) {
		addr = kmap(m, high + i);
		cr_assert(addr);
	}
	cr_assert_eq(kmap(m, high + 2000), 0, "all in use");
	kunmap(m, high + 1023);
	cr_assert_eq(kmap(m, high + 2000), addr, "its slot is taken over");
	kunmap(m, high);
	cr_assert_eq(kmap(m, high + 2001), 0, "still one user");
	kunmap(m, high);
	cr_assert_eq(kmap(m, high + 2001), first);
	cr_assert_eq(pfn_of(m, first), high + 2001);
	cr_assert_eq(kmap(m, 100), 0xc0064000, "low memory needs no slot");
	sim_shutdown(m);
}

Test(vmalloc, pae_has_512_slots)
{
	struct mmsim_machine *m = sim_boot("arch=x86-32-pae,ram=2G");

	for (pfn_t i = 0; i < 512; i++)
		cr_assert(kmap(m, 0x40000 + i));
	cr_assert_eq(kmap(m, 0x50000), 0);
	sim_shutdown(m);
}
