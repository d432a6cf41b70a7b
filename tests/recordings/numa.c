/*
 * NUMA policies against the recordings: on which node pages end up, what the
 * counters say, what happens when a node is full, and moving pages.
 *
 * Pages on a node are exact.  Counters are exact but for the hits on the node
 * of the CPU, which have page tables and the program's own pages in them.
 */
#include "table.h"
#include "unit.h"

#include <linux/mempolicy.h>

TestSuite(numa);

enum {
	PAGES = 8192,
	COUNTERS = 6,  /* of each of two nodes */
	OWN_HITS = 21, /* page tables, pages of the program */
	/* pages that a nearly full node may differ by: those that waited on
	 * the recorded machine's per-CPU lists, which are not free */
	LISTS = 433,
	FLOOR_KB = 4 * 31, /* a batch */
};

static const char *const counters[COUNTERS] = {
	"numa_hit",       "numa_miss",  "numa_foreign",
	"interleave_hit", "local_node", "other_node",
};

struct scene {
	struct mmsim_machine *m;
	struct mmsim_task *task;
	uintptr_t addr;
	long cpu;
	long before[2][COUNTERS], after[2][COUNTERS];
};

static long node_file(struct mmsim_machine *m, int node, const char *file,
		      const char *name, const char *mark)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/%s", node,
		 file);
	return sim_number(m, path, name, mark, 0);
}

static void read_counters(struct mmsim_machine *m, long counts[2][COUNTERS])
{
	for (int node = 0; node < 2; node++)
		for (int i = 0; i < COUNTERS; i++)
			counts[node][i] = node_file(m, node, "numastat",
						    counters[i], " ");
}

static int mode_of(const char *name)
{
	static const struct {
		const char *name;
		int mode;
	} modes[] = {
		{"DEFAULT", MPOL_DEFAULT},
		{"LOCAL", MPOL_LOCAL},
		{"BIND", MPOL_BIND},
		{"INTERLEAVE", MPOL_INTERLEAVE},
		{"PREFERRED", MPOL_PREFERRED},
		{"PREFERRED_MANY", 5 /* not in all headers */},
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0)
			return modes[i].mode;
	cr_assert_fail("no policy %s", name);
	return 0;
}

/* "0,1" */
static uint64_t nodes_of(const char *list)
{
	uint64_t mask = 0;

	for (; *list; list++)
		if (*list >= '0' && *list <= '9')
			mask |= (uint64_t)1 << (*list - '0');
	return mask;
}

/* Pages of the area at `addr` that lie on the node, as numa_maps tells. */
static long pages_on(struct scene *scene, uintptr_t addr, int node)
{
	char *text = sim_task_proc(scene->m, scene->task, "numa_maps");
	char name[32];
	char *line, *end, *found;
	long n = 0;

	snprintf(name, sizeof(name), "%08lx ", (unsigned long)addr);
	line = strstr(text, name);
	cr_assert_not_null(line, "numa_maps has no area %s", name);
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	snprintf(name, sizeof(name), " N%d=", node);
	found = strstr(line, name);
	if (found)
		n = strtol(found + strlen(name), NULL, 10);
	free(text);
	return n;
}

static void expect_pages(struct scene *scene, const struct table *table,
			 int word)
{
	for (int node = 0; node < 2; node++)
		table_expect(table, node ? "node 1" : "node 0",
			     pages_on(scene, scene->addr, node),
			     table_number(table, word + node), 0);
}

static void start_task(struct scene *scene, unsigned cpu, size_t pages)
{
	scene->task = sim_spawn(scene->m);
	scene->cpu = cpu;
	cr_assert_eq(mmsim_task_set_cpu(scene->task, cpu), 0);
	scene->addr = sim_mmap(scene->task, pages * SIM_PAGE);
}

static void end_task(struct scene *scene)
{
	mmsim_task_exit(scene->task, 0);
	mmsim_task_put(scene->task);
	scene->task = NULL;
}

/* policy CPU MODE NODES N0 N1 */
static void check_policy(struct scene *scene, const struct table *table)
{
	start_task(scene, (unsigned)table_number(table, 1), PAGES);
	cr_assert_eq(mmsim_mbind(scene->task, scene->addr, PAGES * SIM_PAGE,
				 mode_of(table_word(table, 2)),
				 nodes_of(table_word(table, 3)), 0),
		     0, "%s:%d: mbind", table->name, table->line);
	read_counters(scene->m, scene->before);
	sim_touch(scene->task, scene->addr, PAGES * SIM_PAGE);
	read_counters(scene->m, scene->after);
	expect_pages(scene, table, 4);
	end_task(scene);
}

static void check_counts(struct scene *scene, const struct table *table)
{
	for (int node = 0; node < 2; node++)
		for (int i = 0; i < COUNTERS; i++) {
			bool has_own = node == scene->cpu && (i == 0 || i == 4);

			table_expect(
				table, counters[i],
				scene->after[node][i] - scene->before[node][i],
				table_number(table, 1 + node * COUNTERS + i),
				has_own ? OWN_HITS : 0);
		}
}

/* full MODE NODES PAGES killed|survives */
static void check_full(struct scene *scene, const struct table *table)
{
	size_t pages = (size_t)table_number(table, 3);
	bool survives = strcmp(table_word(table, 4), "survives") == 0;
	char *log;
	ssize_t len;

	start_task(scene, 0, pages);
	cr_assert_eq(mmsim_mbind(scene->task, scene->addr, pages * SIM_PAGE,
				 mode_of(table_word(table, 1)),
				 nodes_of(table_word(table, 2)), 0),
		     0);
	read_counters(scene->m, scene->before);
	cr_expect_eq(
		mmsim_access(scene->task, scene->addr, pages * SIM_PAGE, 1),
		survives ? 0 : SIGKILL, "%s:%d: %s", table->name, table->line,
		table->words[4]);
	read_counters(scene->m, scene->after);
	if (survives)
		return;
	len = mmsim_machine_log(scene->m, NULL, 0);
	log = malloc((size_t)len + 1);
	cr_assert_not_null(log);
	mmsim_machine_log(scene->m, log, (size_t)len + 1);
	cr_expect(strstr(log, "oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,"
			      "nodemask=0,cpuset=/,mems_allowed=0-1,"
			      "global_oom,task_memcg=/,"),
		  "%s", log);
	free(log);
	mmsim_task_put(scene->task);
}

/* left N0 FREE */
static void check_left(struct scene *scene, const struct table *table)
{
	long on_1 = pages_on(scene, scene->addr, 1);
	long missed = scene->after[1][1] - scene->before[1][1];

	table_expect(table, "node 0", pages_on(scene, scene->addr, 0),
		     table_number(table, 1), LISTS);
	table_expect(table, "MemFree of node 0",
		     node_file(scene->m, 0, "meminfo", "Node 0 MemFree", ":"),
		     table_number(table, 2), FLOOR_KB);
	/* what node 0 could not give, node 1 gave: pages and page tables */
	cr_expect_eq(scene->after[0][2] - scene->before[0][2], missed);
	cr_expect(missed >= on_1 && missed <= on_1 + OWN_HITS,
		  "%ld pages on node 1, %ld missed", on_1, missed);
	end_task(scene);
}

/* move FROM TO PAGES */
static void check_move(struct scene *scene, const struct table *table)
{
	int from = (int)table_number(table, 1),
	    to = (int)table_number(table, 2);
	size_t pages = (size_t)table_number(table, 3);
	long moved;

	start_task(scene, (unsigned)from, pages);
	sim_touch(scene->task, scene->addr, pages * SIM_PAGE);
	cr_expect_eq(pages_on(scene, scene->addr, from), (long)pages);
	moved = sim_vmstat(scene->m, "pgmigrate_success");
	read_counters(scene->m, scene->before);
	cr_expect_eq(mmsim_mbind(scene->task, scene->addr, pages * SIM_PAGE,
				 MPOL_BIND, (uint64_t)1 << to, MPOL_MF_MOVE),
		     0);
	read_counters(scene->m, scene->after);
	cr_expect_eq(pages_on(scene, scene->addr, to), (long)pages);
	table_expect(table, "pgmigrate_success",
		     sim_vmstat(scene->m, "pgmigrate_success") - moved,
		     (long)pages, 0);
	table_expect(table, "numa_hit",
		     scene->after[to][0] - scene->before[to][0], (long)pages,
		     0);
	table_expect(table, "other_node",
		     scene->after[to][5] - scene->before[to][5], (long)pages,
		     0);
	end_task(scene);
}

Test(numa, policies)
{
	struct table table = table_open("numa-policies");
	struct scene scene = {0};

	while (table_next(&table)) {
		if (table_is(&table, "machine"))
			scene.m = table_boot(&table);
		else if (table_is(&table, "policy"))
			check_policy(&scene, &table);
		else if (table_is(&table, "counts"))
			check_counts(&scene, &table);
		else if (table_is(&table, "full"))
			check_full(&scene, &table);
		else if (table_is(&table, "left"))
			check_left(&scene, &table);
		else if (table_is(&table, "move"))
			check_move(&scene, &table);
		else
			cr_assert_fail("no row is called %s", table.words[0]);
	}
	table_close(&table);
	sim_shutdown(scene.m);
}
