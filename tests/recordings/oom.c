/*
 * The OOM killer against the recordings: when it comes, whom it takes, what the
 * log says.
 *
 * Each case builds the recorded tasks with their figures (resident pages, page
 * tables, address space), takes memory until MemFree is the recorded one, and
 * lets the hog write, a few pages at a time.
 */
#include "table.h"
#include "unit.h"

TestSuite(oom, .timeout = 120);

enum {
	CHILDREN_MAX = 8,
	IMAGE_PAGES = 686, /* of a task's address space, when it is started */
	DATA_PAGES = 434,  /* bss and heap, which end at the break */
	STACK_PAGES = 20,  /* resident ones */
	SPARE_PAGES = 8,   /* of a child, to bring its page tables up */
	HOG_MB = 2000,
	NEARLY_FULL_KB = 8192,
	STRIDE = 16 * SIM_PAGE, /* written at a time by tasks in turns */
	TOLERANCE = 431,        /* 1 % of page 43109 */
};

#define SPARE_AREA UINT64_C(0x7fffd0000000)

struct child {
	struct mmsim_task *task;
	char name[8];
	long pid, size, rss, tables_kb, adj;
	bool is_dead;
};

struct scene {
	struct mmsim_machine *m;
	struct mmsim_task *parent, *hog;
	struct child children[CHILDREN_MAX];
	int nr_children;
	long hog_pid;
	int hog_flags;
	uintptr_t hog_addr;
	long written; /* pages, by the hog */
	long swapped; /* pages that it could not have */
	char deaths[256];
};

static void set_adj(struct scene *scene, struct mmsim_task *task, long adj)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj",
		 mmsim_task_pid(task));
	snprintf(text, sizeof(text), "%ld", adj);
	sim_write(scene->m, path, text);
}

static void set_comm(struct scene *scene, struct mmsim_task *task,
		     const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", mmsim_task_pid(task));
	sim_write(scene->m, path, name);
}

static uintptr_t data_start(struct mmsim_task *task)
{
	return (uintptr_t)mmsim_brk(task, 0) - DATA_PAGES * SIM_PAGE;
}

static void make_parent(struct scene *scene, long pages)
{
	struct mmsim_task *parent = NULL;

	cr_assert_eq(mmsim_task_spawn(scene->m, "mm", &parent), 0);
	set_adj(scene, parent, -1000);
	sim_touch(parent, data_start(parent),
		  (size_t)(pages - STACK_PAGES) * SIM_PAGE);
	sim_touch(parent, ((uintptr_t)1 << 47) - (1 + STACK_PAGES) * SIM_PAGE,
		  STACK_PAGES * SIM_PAGE);
	scene->parent = parent;
}

/* A copy of the parent. */
static struct mmsim_task *make_copy(struct scene *scene, const char *name,
				    long adj)
{
	struct mmsim_task *task = NULL;

	cr_assert_eq(mmsim_task_fork(scene->parent, &task), 0);
	set_comm(scene, task, name);
	set_adj(scene, task, adj);
	return task;
}

/* Resident pages, address space and page tables as recorded. */
static void fill_child(struct scene *scene, struct child *child)
{
	size_t pages = (size_t)child->size - IMAGE_PAGES - SPARE_PAGES;
	struct mmsim_task *task = child->task;
	uintptr_t data = data_start(task) + DATA_PAGES * SIM_PAGE;
	int spare = 0;

	sim_touch(task, sim_mmap(task, pages * SIM_PAGE), pages * SIM_PAGE);
	while (sim_status(scene->m, task, "VmRSS") <
	       child->rss * SIM_PAGE / 1024) {
		data -= SIM_PAGE;
		sim_touch(task, data, 1);
	}
	/* a page that is only read costs a table and is not resident */
	for (; spare < SPARE_PAGES; spare++) {
		uintptr_t addr = SPARE_AREA + ((uintptr_t)spare << 21);
		bool is_read =
			sim_status(scene->m, task, "VmPTE") < child->tables_kb;

		cr_assert_eq(mmsim_mmap(task, addr, SIM_PAGE, PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
			     (intptr_t)addr);
		if (is_read)
			cr_assert_eq(mmsim_access(task, addr, 1, 0), 0);
	}
}

/* child NAME SIZE RSS TABLES ADJ SCORE */
static void make_child(struct scene *scene, const struct table *table)
{
	struct child *child = &scene->children[scene->nr_children++];
	char path[64];

	cr_assert_leq(scene->nr_children, CHILDREN_MAX);
	snprintf(child->name, sizeof(child->name), "%s", table_word(table, 1));
	child->size = table_number(table, 2);
	child->rss = table_number(table, 3);
	child->tables_kb = table_number(table, 4);
	child->adj = table_number(table, 5);
	child->task = make_copy(scene, child->name, child->adj);
	child->pid = mmsim_task_pid(child->task);
	fill_child(scene, child);
	table_expect(table, "VmSize",
		     sim_status(scene->m, child->task, "VmSize"),
		     child->size * SIM_PAGE / 1024, 0);
	table_expect(table, "VmRSS", sim_status(scene->m, child->task, "VmRSS"),
		     child->rss * SIM_PAGE / 1024, 0);
	table_expect(table, "VmPTE", sim_status(scene->m, child->task, "VmPTE"),
		     child->tables_kb, 0);
	snprintf(path, sizeof(path), "/proc/%ld/oom_score", child->pid);
	table_expect(table, "oom_score", sim_sysctl(scene->m, path),
		     table_number(table, 6), 0);
}

/* A task that stands for all else takes what there is too much. */
static void take_memory(struct scene *scene, const struct table *table)
{
	long surplus =
		     sim_meminfo(scene->m, "MemFree") - table_number(table, 1),
	     pages;
	struct mmsim_task *rest = make_copy(scene, "sh", -1000);
	size_t at = 0;
	intptr_t addr;

	cr_assert_geq(surplus, 0, "%s:%d: MemFree is too small by %ld kB",
		      table->name, table->line, -surplus);
	addr = mmsim_mmap(rest, 0, (size_t)1 << 30, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, NULL, 0);
	cr_assert_gt(addr, 0);
	while ((pages = (sim_meminfo(scene->m, "MemFree") -
			 table_number(table, 1)) /
			4) > 0) {
		sim_touch(rest, (uintptr_t)addr + at, (size_t)pages * SIM_PAGE);
		at += (size_t)pages * SIM_PAGE;
	}
}

/* Writes some pages more, fewer when memory is about to run out; who died of
 * it is added to the deaths. */
static void hog_write(struct scene *scene)
{
	long pages = sim_meminfo(scene->m, "MemFree") > NEARLY_FULL_KB ? 64 : 8;
	int sig = mmsim_access(scene->hog,
			       scene->hog_addr +
				       (uintptr_t)scene->written * SIM_PAGE,
			       (size_t)pages * SIM_PAGE, 1);

	for (int i = 0; i < scene->nr_children; i++) {
		struct child *child = &scene->children[i];

		if (!child->is_dead && !mmsim_task_is_alive(child->task)) {
			child->is_dead = true;
			strcat(scene->deaths, child->name);
			cr_expect(mmsim_task_is_oom_victim(child->task));
		}
	}
	if (sig) {
		cr_assert_eq(sig, SIGKILL);
		strcat(scene->deaths, "HOG");
	} else {
		scene->written += pages;
	}
}

static void make_hog(struct scene *scene, const struct table *table)
{
	intptr_t addr;

	scene->hog = make_copy(scene, "HOG", table_number(table, 1));
	scene->hog_pid = mmsim_task_pid(scene->hog);
	if (table->nr_words > 2)
		scene->hog_flags = MAP_NORESERVE;
	addr = mmsim_mmap(
		scene->hog, 0, (size_t)HOG_MB << 20, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | scene->hog_flags, NULL, 0);
	cr_assert_gt(addr, 0, "%s:%d: %zd", table->name, table->line,
		     (ssize_t)addr);
	scene->hog_addr = (uintptr_t)addr;
}

/* dies NAME PAGES */
static void check_death(struct scene *scene, const struct table *table)
{
	scene->deaths[0] = '\0';
	while (scene->deaths[0] == '\0' && scene->written < HOG_MB * 256)
		hog_write(scene);
	cr_expect_str_eq(scene->deaths, table_word(table, 1),
			 "%s:%d: %s died, recorded %s", table->name,
			 table->line, scene->deaths, table->words[1]);
	table_expect(table, "the hog's pages", scene->written,
		     table_number(table, 2), TOLERANCE + scene->swapped);
}

static char *read_log(struct mmsim_machine *m)
{
	ssize_t len = mmsim_machine_log(m, NULL, 0);
	char *text;

	cr_assert_gt(len, 0);
	text = malloc((size_t)len + 1);
	cr_assert_not_null(text);
	mmsim_machine_log(m, text, (size_t)len + 1);
	return text;
}

/* The line of the log that tells of each death. */
static void check_kills(struct scene *scene, const struct table *table)
{
	char *log = read_log(scene->m), start[64], line[256];

	snprintf(start, sizeof(start), "%s", table_word(table, 1));
	for (char *p = start; *p; p++)
		if (*p == '_' && strncmp(p, "_kill", 5) != 0 &&
		    strncmp(p, "_alloc", 6) != 0 && strncmp(p, "_task", 5) != 0)
			*p = ' ';
	for (int i = 0; i < scene->nr_children; i++) {
		const struct child *child = &scene->children[i];

		snprintf(line, sizeof(line),
			 "%s: Killed process %ld (%s) total-vm:%ldkB, "
			 "anon-rss:%ldkB, file-rss:0kB, shmem-rss:0kB, UID:0 "
			 "pgtables:%ldkB oom_score_adj:%ld\n",
			 start, child->pid, child->name, child->size * 4,
			 child->rss * 4, child->tables_kb, child->adj);
		cr_expect_eq(strstr(log, line) != NULL, child->is_dead, "%s",
			     line);
	}
	snprintf(line, sizeof(line),
		 "%s: Killed process %ld (HOG) total-vm:%dkB, anon-rss:", start,
		 scene->hog_pid, HOG_MB * 1024 + IMAGE_PAGES * 4);
	cr_expect_eq(strstr(log, line) != NULL,
		     strcmp(scene->deaths, "HOG") == 0, "%s", line);
	free(log);
}

/* lives PAGES */
static void check_life(struct scene *scene, const struct table *table)
{
	size_t bytes = (size_t)table_number(table, 1) * SIM_PAGE;

	sim_touch(scene->parent, sim_mmap(scene->parent, bytes), bytes);
	cr_expect_eq(sim_vmstat(scene->m, "oom_kill"), 0);
}

static void run_row(struct scene *scene, const struct table *table)
{
	if (table_is(table, "machine"))
		scene->m = table_boot(table);
	else if (table_is(table, "parent"))
		make_parent(scene, table_number(table, 1));
	else if (table_is(table, "child"))
		make_child(scene, table);
	else if (table_is(table, "free"))
		take_memory(scene, table);
	else if (table_is(table, "hog"))
		make_hog(scene, table);
	else if (table_is(table, "swapped"))
		scene->swapped = table_number(table, 1);
	else if (table_is(table, "dies"))
		check_death(scene, table);
	else if (table_is(table, "kills"))
		check_kills(scene, table);
	else if (table_is(table, "lives"))
		check_life(scene, table);
	else
		cr_assert_fail("%s:%d: no row is called %s", table->name,
			       table->line, table->words[0]);
}

/* The rows of one case of the table. */
static void run_case(const char *name)
{
	struct table table = table_open("oom");
	struct scene scene = {0};
	bool is_wanted = false, is_found = false;

	while (table_next(&table)) {
		if (table_is(&table, "case")) {
			is_wanted = strcmp(table_word(&table, 1), name) == 0;
			is_found |= is_wanted;
		} else if (is_wanted) {
			run_row(&scene, &table);
		}
	}
	table_close(&table);
	cr_assert(is_found, "no case %s", name);
	sim_shutdown(scene.m);
}

#define CASE(test, name)                                                       \
	Test(oom, test)                                                        \
	{                                                                      \
		run_case(name);                                                \
	}

CASE(hog_alone, "s1-hog2000")
CASE(fits_in_mode_0, "s6-overcommit0")
CASE(noreserve_in_mode_0, "s6b-overcommit0-2000")
CASE(by_size, "s2-sizes")
CASE(by_adj, "s3-adj")
CASE(larger_sibling, "s4-sibling")
CASE(hog_with_adj, "s4b-twohogs")
CASE(allocating_task, "s5-allocating")
CASE(hog_with_swap, "s7-swap")
CASE(set_with_swap, "s8-swap-set")
CASE(tie, "oom-tie")
CASE(minus_999, "oom-minus999")

/* The first experiment: it dies within 1 % of page 43109. */
Test(oom, first_experiment)
{
	struct mmsim_machine *m =
		sim_boot("managed=DMA:3840+DMA32:48839,boot_used=8854,"
			 "vm.overcommit_memory=1");
	struct mmsim_task *task = NULL;
	char *log, *line;
	long pages;

	cr_assert_eq(sim_meminfo(m, "MemFree"), 175300);
	task = sim_spawn(m);
	cr_assert_eq(mmsim_access(task, sim_mmap(task, (size_t)HOG_MB << 20),
				  (size_t)HOG_MB << 20, 1),
		     SIGKILL);
	log = read_log(m);
	line = strstr(log, "anon-rss:");
	cr_assert_not_null(line);
	pages = strtol(line + strlen("anon-rss:"), NULL, 10) * 1024 / SIM_PAGE;
	cr_expect(labs(pages - 43109) <= TOLERANCE, "%ld pages", pages);
	free(log);
	sim_shutdown(m);
}

/* With nobody to kill the machine panics; the log stays readable. */
Test(oom, all_unkillable)
{
	struct table table = table_open("oom-unkillable");
	struct scene scene = {0};
	struct mmsim_task *tasks[CHILDREN_MAX];
	uintptr_t addrs[CHILDREN_MAX];
	long nr_tasks = 0, pages = 0;
	int err = 0;
	char *log;

	while (table_next(&table)) {
		if (table_is(&table, "machine")) {
			scene.m = table_boot(&table);
			continue;
		}
		nr_tasks = table_number(&table, 1);
		cr_assert_leq(nr_tasks, CHILDREN_MAX);
		for (long i = 0; i < nr_tasks; i++) {
			tasks[i] = sim_spawn(scene.m);
			set_adj(&scene, tasks[i], -1000);
			addrs[i] = sim_mmap(tasks[i], (size_t)HOG_MB << 20);
		}
		for (long turn = 0; err == 0; turn++) {
			long i = turn % nr_tasks, at = turn / nr_tasks;

			err = mmsim_access(tasks[i],
					   addrs[i] + (uintptr_t)at * STRIDE,
					   STRIDE, 1);
			pages += err == 0 ? STRIDE / SIM_PAGE : 0;
		}
		table_expect(&table, "pages", pages, table_number(&table, 2),
			     TOLERANCE);
	}
	table_close(&table);
	cr_expect_eq(err, -EIO);
	cr_expect(mmsim_machine_has_panicked(scene.m));
	cr_expect_eq(mmsim_munmap(tasks[0], addrs[0], SIM_PAGE), -EIO);
	log = read_log(scene.m);
	cr_expect(strstr(log, "Out of memory and no killable processes...\n"));
	cr_expect(strstr(log, "Kernel panic - not syncing: System is "
			      "deadlocked on memory\n"));
	cr_expect_null(strstr(log, "Killed process"));
	free(log);
	mmsim_machine_shutdown(scene.m);
}

/* '*' stands for any text. */
static bool matches(const char *pattern, const char *text)
{
	for (; *pattern && *pattern != '*'; pattern++, text++)
		if (*pattern != *text)
			return false;
	if (!*pattern)
		return !*text;
	for (;; text++) {
		if (matches(pattern + 1, text))
			return true;
		if (!*text)
			return false;
	}
}

/* The next line of the report without its time; NULL at the end. */
static char *next_line(char **text)
{
	char *line = *text, *end;

	if (!*line)
		return NULL;
	end = strchr(line, '\n');
	*text = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line[0] == '[' && strstr(line, "] ") ? strstr(line, "] ") + 2
						    : line;
}

/* Line for line what 6.1 writes. */
Test(oom, report)
{
	struct table table = table_open("oom-report");
	struct mmsim_machine *m =
		sim_boot(SIM_256M ",boot_used=8846,vm.overcommit_memory=1");
	struct mmsim_task *task = NULL;
	char pattern[TABLE_LINE_MAX], *log, *rest, *line;

	mmsim_task_spawn(m, "HOG", &task);
	cr_assert_eq(mmsim_access(task, sim_mmap(task, (size_t)HOG_MB << 20),
				  (size_t)HOG_MB << 20, 1),
		     SIGKILL);
	rest = log = read_log(m);
	while (fgets(pattern, sizeof(pattern), table.file)) {
		pattern[strcspn(pattern, "\n")] = '\0';
		if (pattern[0] == '#' || pattern[0] == '\0')
			continue;
		table.nr_rows++;
		do
			line = next_line(&rest);
		while (line && strncmp(line, "CPU: ", 5) == 0);
		cr_expect(line && matches(pattern, line),
			  "the log says\n%s\nrecorded\n%s", line, pattern);
	}
	cr_expect_null(next_line(&rest));
	table_close(&table);
	free(log);
	sim_shutdown(m);
}
