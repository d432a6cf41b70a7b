/*
 * vmstat.c: the lines of /proc/vmstat.
 */
#include "sim.h"

TestSuite(vmstat);

/* The file's lines, each of them a name that no other has, and a number. */
static int vmstat_lines(struct mmsim_machine *m)
{
	char *text = sim_proc(m, "/proc/vmstat");
	char *names = calloc(1, strlen(text) + 2);
	int lines = 0;

	strcpy(names, "\n");
	for (char *p = text, *end; (end = strchr(p, '\n')); p = end + 1) {
		char name[64];
		unsigned long value;
		char rest;

		*end = '\0';
		cr_assert_eq(sscanf(p, "%63s %lu%c", name, &value, &rest), 2,
			     "%s", p);
		*strchr(p, ' ') = '\0';
		snprintf(name, sizeof(name), "\n%s\n", p);
		cr_assert_null(strstr(names, name), "%s twice", p);
		strcat(names, name + 1);
		lines++;
	}
	free(names);
	free(text);
	return lines;
}

Test(vmstat, every_counter_once)
{
	struct mmsim_machine *m = sim_boot("ram=64M,profile=linux-6.18");

	cr_assert_eq(vmstat_lines(m), 192, "as on a 6.18");
	cr_assert_eq(sim_vmstat(m, "nr_memmap_boot_pages"), 512,
		     "a section of 128 MB");
	cr_assert_eq(sim_vmstat(m, "nr_free_pages_blocks") % 512, 0);
	cr_assert_gt(sim_vmstat(m, "nr_free_pages_blocks"), 0);
	sim_shutdown(m);
	m = sim_boot("ram=64M");
	cr_assert_eq(vmstat_lines(m), 173, "as on a 6.1");
	cr_assert_eq(sim_vmstat(m, "nr_free_pages") * 4,
		     sim_meminfo(m, "MemFree"));
	cr_assert_gt(sim_vmstat(m, "nr_dirty_threshold"),
		     sim_vmstat(m, "nr_dirty_background_threshold"));
	sim_shutdown(m);
}

/* As a machine with 6.18 shows them. */
static const char names_of_6_18[] =
	"nr_free_pages nr_free_pages_blocks nr_zone_inactive_anon "
	"nr_zone_active_anon nr_zone_inactive_file nr_zone_active_file "
	"nr_zone_unevictable nr_zone_write_pending nr_mlock nr_zspages "
	"nr_free_cma numa_hit numa_miss numa_foreign numa_interleave "
	"numa_local numa_other nr_inactive_anon nr_active_anon "
	"nr_inactive_file nr_active_file nr_unevictable nr_slab_reclaimable "
	"nr_slab_unreclaimable nr_isolated_anon nr_isolated_file "
	"workingset_nodes workingset_refault_anon workingset_refault_file "
	"workingset_activate_anon workingset_activate_file "
	"workingset_restore_anon workingset_restore_file "
	"workingset_nodereclaim nr_anon_pages nr_mapped nr_file_pages nr_dirty "
	"nr_writeback nr_shmem nr_shmem_hugepages nr_shmem_pmdmapped "
	"nr_file_hugepages nr_file_pmdmapped nr_anon_transparent_hugepages "
	"nr_vmscan_write nr_vmscan_immediate_reclaim nr_dirtied nr_written "
	"nr_throttled_written nr_kernel_misc_reclaimable nr_foll_pin_acquired "
	"nr_foll_pin_released nr_kernel_stack nr_page_table_pages "
	"nr_sec_page_table_pages nr_iommu_pages nr_swapcached "
	"pgpromote_success pgpromote_candidate pgpromote_candidate_nrl "
	"pgdemote_kswapd pgdemote_direct pgdemote_khugepaged "
	"pgdemote_proactive nr_hugetlb nr_balloon_pages nr_kernel_file_pages "
	"nr_dirty_threshold nr_dirty_background_threshold nr_memmap_pages "
	"nr_memmap_boot_pages pgpgin pgpgout pswpin pswpout pgalloc_dma "
	"pgalloc_dma32 pgalloc_normal pgalloc_movable pgalloc_device "
	"allocstall_dma allocstall_dma32 allocstall_normal allocstall_movable "
	"allocstall_device pgskip_dma pgskip_dma32 pgskip_normal "
	"pgskip_movable pgskip_device pgfree pgactivate pgdeactivate "
	"pglazyfree pgfault pgmajfault pglazyfreed pgrefill pgreuse "
	"pgsteal_kswapd pgsteal_direct pgsteal_khugepaged pgsteal_proactive "
	"pgscan_kswapd pgscan_direct pgscan_khugepaged pgscan_proactive "
	"pgscan_direct_throttle pgscan_anon pgscan_file pgsteal_anon "
	"pgsteal_file zone_reclaim_success zone_reclaim_failed pginodesteal "
	"slabs_scanned kswapd_inodesteal kswapd_low_wmark_hit_quickly "
	"kswapd_high_wmark_hit_quickly pageoutrun pgrotated drop_pagecache "
	"drop_slab oom_kill numa_pte_updates numa_huge_pte_updates "
	"numa_hint_faults numa_hint_faults_local numa_pages_migrated "
	"pgmigrate_success pgmigrate_fail thp_migration_success "
	"thp_migration_fail thp_migration_split compact_migrate_scanned "
	"compact_free_scanned compact_isolated compact_stall compact_fail "
	"compact_success compact_daemon_wake compact_daemon_migrate_scanned "
	"compact_daemon_free_scanned htlb_buddy_alloc_success "
	"htlb_buddy_alloc_fail unevictable_pgs_culled unevictable_pgs_scanned "
	"unevictable_pgs_rescued unevictable_pgs_mlocked "
	"unevictable_pgs_munlocked unevictable_pgs_cleared "
	"unevictable_pgs_stranded thp_fault_alloc thp_fault_fallback "
	"thp_fault_fallback_charge thp_collapse_alloc "
	"thp_collapse_alloc_failed thp_file_alloc thp_file_fallback "
	"thp_file_fallback_charge thp_file_mapped thp_split_page "
	"thp_split_page_failed thp_deferred_split_page "
	"thp_underused_split_page thp_split_pmd thp_scan_exceed_none_pte "
	"thp_scan_exceed_swap_pte thp_scan_exceed_share_pte thp_split_pud "
	"thp_zero_page_alloc thp_zero_page_alloc_failed thp_swpout "
	"thp_swpout_fallback balloon_inflate balloon_deflate balloon_migrate "
	"swap_ra swap_ra_hit swpin_zero swpout_zero ksm_swpin_copy cow_ksm "
	"zswpin zswpout zswpwb direct_map_level2_splits "
	"direct_map_level3_splits direct_map_level2_collapses "
	"direct_map_level3_collapses nr_unstable";

Test(vmstat, lines_of_6_18)
{
	struct mmsim_machine *m = sim_boot("ram=1G,profile=linux-6.18");
	char *text = sim_proc(m, "/proc/vmstat"), *to = text;

	for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
		size_t len = strcspn(p, " ");

		memmove(to, p, len);
		to += len;
		*to++ = ' ';
	}
	to[-1] = '\0';
	cr_assert_str_eq(text, names_of_6_18);
	free(text);
	cr_assert_eq(sim_vmstat(m, "nr_memmap_boot_pages"), 1024 * 1024 / 256);
	cr_assert_leq(sim_vmstat(m, "nr_free_pages_blocks"),
		      sim_vmstat(m, "nr_free_pages"));
	cr_assert_eq(sim_vmstat(m, "nr_free_pages_blocks") % 512, 0);
	cr_assert_gt(sim_vmstat(m, "nr_free_pages_blocks"), 0);
	sim_shutdown(m);
}
