/*
 * Slab caches against the recordings: objects and pages of a slab.  The rule
 * holds for every recorded cache; those that the simulated kernel has itself
 * show the same in /proc/slabinfo.
 */
#include "kernel/kmem_cache.h"
#include "table.h"

TestSuite(slab);

/* Caches that must be among those that /proc/slabinfo shows. */
static const char *const known[] = {
	"kmalloc-8",       "kmalloc-16",  "kmalloc-32",  "kmalloc-64",
	"kmalloc-96",      "kmalloc-128", "kmalloc-192", "kmalloc-256",
	"kmalloc-512",     "kmalloc-1k",  "kmalloc-2k",  "kmalloc-4k",
	"kmalloc-8k",      "task_struct", "mm_struct",   "vm_area_struct",
	"anon_vma",        "dentry",      "buffer_head", "ext4_inode_cache",
	"radix_tree_node",
};

/* The row's cache in the text of slabinfo. */
static bool check_cache(const struct table *table, const char *slabinfo)
{
	size_t len = strlen(table_word(table, 1));
	long active, objects, size, per_slab, pages;

	for (const char *line = slabinfo; line && *line;) {
		if (strncmp(line, table->words[1], len) == 0 &&
		    line[len] == ' ') {
			cr_assert_eq(sscanf(line + len,
					    "%ld %ld %ld %ld %ld : tunables",
					    &active, &objects, &size, &per_slab,
					    &pages),
				     5);
			table_expect(table, "size", size,
				     table_number(table, 2), 0);
			table_expect(table, "objects", per_slab,
				     table_number(table, 3), 0);
			table_expect(table, "pages", pages,
				     table_number(table, 4), 0);
			return true;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}

static bool is_known(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

Test(slab, geometry)
{
	struct table table = table_open("slab");
	struct mmsim_machine *m = NULL;
	char *slabinfo = NULL;
	size_t nr_known = 0;

	while (table_next(&table)) {
		long size, pages;

		if (table_is(&table, "machine")) {
			m = table_boot(&table);
			sim_spawn(m);
			slabinfo = sim_proc(m, "/proc/slabinfo");
			continue;
		}
		size = table_number(&table, 2);
		pages = 1L << slab_calculate_order((size_t)size, 1);
		table_expect(&table, "pages of a slab", pages,
			     table_number(&table, 4), 0);
		table_expect(&table, "objects of a slab",
			     pages * SIM_PAGE / size, table_number(&table, 3),
			     0);
		if (!check_cache(&table, slabinfo))
			cr_expect(!is_known(table.words[1]), "no cache %s",
				  table.words[1]);
		nr_known += is_known(table.words[1]);
	}
	cr_expect_eq(nr_known, sizeof(known) / sizeof(known[0]));
	free(slabinfo);
	table_close(&table);
	sim_shutdown(m);
}
