/*
 * steps.h: recorded experiments as scripts.
 *
 *     machine SPEC             boots
 *     set PATH TEXT            writes a file of /proc or /sys
 *     file PAGES               makes a file; "map ... file OFFSET" maps it
 *     region NAME ADDR         a name for a place in the address space; "stack"
 *                              is the end of the stack, "heap" the first break
 *     task A                   a task; its letter begins the rows that it does
 *     A map big 25600 rw private    the kernel chooses where; "big" names it
 *     A map win[0,4) rw private     there: pages [0,4) of a region
 *     A write big[1,25600)          every page; "A write big 16": every 16th
 *     A read RANGE
 *     A protect RANGE PROT
 *     A unmap RANGE
 *     A lock RANGE
 *     A onfault RANGE               mlock2 with MLOCK_ONFAULT
 *     A unlock RANGE
 *     A advise RANGE WHAT           "... WHAT 512": one page of every 512
 *     A remap RANGE PAGES FLAG... [RANGE]
 *     A fork B
 *     A vfork B
 *     A uid N
 *     A exit                        and its parent waits for it
 *     A brk BYTES                   to so many bytes above the first break
 *     limit A as VmSize 64      RLIMIT_AS is VmSize and 64 kB, of task A
 *     limit init stack BYTES    RLIMIT_STACK of pid 1, so of tasks made later
 *     =  minflt+25600 MemFree-102400~250 big.Rss=102400 vm.pgreuse+2 B:minflt+6
 *
 * A row that begins with '=' tells what the step before it did: a figure, then
 * its change (+ or -) or its value (=), and after '~' how far off it may be.  A
 * figure is the task's minflt, majflt or a line of its status (VmPTE); a line
 * of its smaps for the area at the start of a region (big.Rss); a line of
 * vmstat (vm.pgreuse); "got", the page where the call put things, counted from
 * region `win`, or "at", its address; "brk", the break counted from the first
 * one; "areas", lines of its maps; or a line of meminfo.  "B:" names another
 * task.
 *
 * steps_files.h has more calls and rows.
 *
 * A row "window A 0-4:rw-p 8-12:rw-p" is what /proc/PID/maps of task A shows
 * of the region `win`.  A step that must fail ends with "!ENOMEM" or with the
 * signal, "!11".
 */
#ifndef TESTS_RECORDINGS_STEPS_H
#define TESTS_RECORDINGS_STEPS_H

#include "steps_calls.h"

/* All figures as they are now. */
static void steps_remember(struct steps *steps)
{
	free(steps->meminfo);
	free(steps->vmstat);
	steps->meminfo = sim_proc(steps->m, "/proc/meminfo");
	steps->vmstat = sim_proc(steps->m, "/proc/vmstat");
	for (int i = 0; i < STEPS_TASKS; i++) {
		struct steps_task *task = &steps->tasks[i];

		free(task->status);
		task->status = NULL;
		if (!task->task || !mmsim_task_is_alive(task->task))
			continue;
		task->status = sim_task_proc(steps->m, task->task, "status");
		mmsim_task_usage(task->task, &task->usage);
		task->areas = sim_maps_lines(steps->m, task->task);
	}
}

/* What the row's last word says that a failing step gives; 0. */
static intptr_t steps_wanted_failure(struct steps *steps)
{
	static const struct steps_word errors[] = {
		{"ENOMEM", -ENOMEM}, {"EINVAL", -EINVAL}, {"EFAULT", -EFAULT},
		{"EEXIST", -EEXIST}, {"EPERM", -EPERM},   {NULL, 0},
	};
	const char *word = steps->table.words[steps->table.nr_words - 1];

	if (word[0] != '!')
		return 0;
	if (isdigit((unsigned char)word[1]))
		return atoi(word + 1);
	for (int i = 0; errors[i].word; i++)
		if (strcmp(errors[i].word, word + 1) == 0)
			return errors[i].value;
	steps_fail(steps, "error", word);
	return 0;
}

static void steps_do(struct steps *steps)
{
	const struct table *table = &steps->table;
	intptr_t want = steps_wanted_failure(steps);
	struct steps_task *task;

	steps->who = table->words[0][0];
	task = steps_task(steps, (char)steps->who);
	if (!task->task)
		steps_fail(steps, "task", table->words[0]);
	steps_remember(steps);
	steps->result = steps_call(steps, task->task);
	if (want != 0)
		cr_expect_eq(steps->result, want, "%s:%d: %s gave %zd",
			     table->name, table->line, table->words[1],
			     (ssize_t)steps->result);
	else
		cr_assert(steps->result >= 0 && (steps->result == 0 ||
						 steps->result >= SIM_PAGE),
			  "%s:%d: %s gave %zd", table->name, table->line,
			  table->words[1], (ssize_t)steps->result);
}

/* The figure now; *before: before the step. */
static long steps_figure(struct steps *steps, const char *name, long *before)
{
	struct steps_task *task;
	const char *dot = strchr(name, '.');
	int who = steps->who;

	if (name[0] && name[1] == ':') {
		who = name[0];
		name += 2;
	}
	task = steps_task(steps, (char)who);
	*before = 0;
	if (strcmp(name, "got") == 0)
		return (long)((uintptr_t)steps->result - STEPS_WINDOW) /
		       SIM_PAGE;
	if (strcmp(name, "at") == 0)
		return (long)steps->result;
	if (strcmp(name, "brk") == 0)
		return (long)(mmsim_brk(task->task, 0) - task->brk);
	if (strcmp(name, "areas") == 0) {
		*before = task->areas;
		return sim_maps_lines(steps->m, task->task);
	}
	if (strcmp(name, "minflt") == 0 || strcmp(name, "majflt") == 0) {
		struct mmsim_usage usage;
		bool minor = name[1] == 'i';

		mmsim_task_usage(task->task, &usage);
		*before = (long)(minor ? task->usage.min_flt
				       : task->usage.maj_flt);
		return (long)(minor ? usage.min_flt : usage.maj_flt);
	}
	if (strncmp(name, "vm.", 3) == 0) {
		*before = sim_find(steps->vmstat, name + 3, " ", 0);
		return sim_vmstat(steps->m, name + 3);
	}
	if (strncmp(name, "free.", 5) == 0) {
		char *meminfo = sim_proc(steps->m, "/proc/meminfo");
		long kb = steps_free(meminfo, name);

		*before = steps_free(steps->meminfo, name);
		free(meminfo);
		return kb;
	}
	if (dot) {
		struct steps_region *region =
			steps_region(steps, name, (size_t)(dot - name));

		return sim_smaps_of(steps->m, task->task, region->base,
				    dot + 1);
	}
	if (strncmp(name, "Vm", 2) == 0 && strncmp(name, "Vmalloc", 7) != 0) {
		*before =
			task->status ? sim_find(task->status, name, ":", 0) : 0;
		return sim_status(steps->m, task->task, name);
	}
	*before = sim_find(steps->meminfo, name, ":", 0);
	return sim_meminfo(steps->m, name);
}

/* "NAME+N", "NAME-N" or "NAME=N", and perhaps "~TOLERANCE" */
static void steps_expect(struct steps *steps, const char *word)
{
	size_t len = strcspn(word, "+-=");
	char name[64], *end;
	long before, now, want, tolerance = 0;

	cr_assert(len > 0 && len < sizeof(name) && word[len] != '\0',
		  "%s:%d: %s", steps->table.name, steps->table.line, word);
	memcpy(name, word, len);
	name[len] = '\0';
	now = steps_figure(steps, name, &before);
	want = strtol(word + len + (word[len] == '='), &end, 0);
	if (*end == '~')
		tolerance = strtol(end + 1, &end, 0);
	cr_assert_eq(*end, '\0', "%s:%d: %s", steps->table.name,
		     steps->table.line, word);
	if (word[len] != '=')
		now -= before;
	table_expect(&steps->table, name, now, want, tolerance);
}

/* window A 0-4:rw-p ... */
static void steps_window(struct steps *steps)
{
	const struct table *table = &steps->table;
	struct steps_task *task = steps_task(steps, table_word(table, 1)[0]);
	char *maps = sim_task_proc(steps->m, task->task, "maps");
	char got[1024] = "", want[1024] = "";

	for (int i = 2; i < table->nr_words; i++) {
		strcat(want, table->words[i]);
		strcat(want, " ");
	}
	for (const char *line = maps; line && *line;) {
		unsigned long start, end;
		char prot[8];
		size_t len = strlen(got);

		if (sscanf(line, "%lx-%lx %7s", &start, &end, prot) == 3 &&
		    start >= STEPS_WINDOW &&
		    end <= STEPS_WINDOW +
				    (uintptr_t)STEPS_WINDOW_PAGES * SIM_PAGE)
			snprintf(got + len, sizeof(got) - len, "%lu-%lu:%s ",
				 (start - STEPS_WINDOW) / SIM_PAGE,
				 (end - STEPS_WINDOW) / SIM_PAGE, prot);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	free(maps);
	cr_expect_str_eq(got, want, "%s:%d: the window is %s, recorded %s",
			 table->name, table->line, got, want);
}

static void steps_new_task(struct steps *steps)
{
	const struct table *table = &steps->table;
	struct steps_task *task = steps_task(steps, table_word(table, 1)[0]);
	struct steps_region *stack = steps_region(steps, "stack", 5);
	char *maps;
	const char *line;
	unsigned long start, end;

	task->task = sim_spawn(steps->m);
	task->brk = mmsim_brk(task->task, 0);
	steps_region(steps, "heap", 4)->base = (uintptr_t)task->brk;
	maps = sim_task_proc(steps->m, task->task, "maps");
	line = strstr(maps, "[stack]");
	cr_assert_not_null(line);
	while (line > maps && line[-1] != '\n')
		line--;
	cr_assert_eq(sscanf(line, "%lx-%lx", &start, &end), 2);
	stack->base = end; /* pages of it have negative numbers */
	free(maps);
}

/* limit A|init RESOURCE BYTES   or   limit A RESOURCE FIELD KB-MORE */
static void steps_limit(struct steps *steps)
{
	static const struct steps_word resources[] = {
		{"stack", RLIMIT_STACK},
		{"as", RLIMIT_AS},
		{"data", RLIMIT_DATA},
		{NULL, 0},
	};
	const struct table *table = &steps->table;
	struct mmsim_task *task = mmsim_task_find(steps->m, 1);
	int resource = steps_value(steps, resources, table_word(table, 2));
	uint64_t bytes;

	if (strcmp(table_word(table, 1), "init") != 0)
		task = steps_task(steps, table->words[1][0])->task;
	if (table->nr_words == 4)
		bytes = (uint64_t)table_number(table, 3);
	else
		bytes = (uint64_t)(sim_status(steps->m, task, table->words[3]) +
				   table_number(table, 4)) *
			1024;
	cr_assert_eq(mmsim_task_set_rlimit(task, resource, bytes, bytes), 0);
}

static void steps_row(struct steps *steps)
{
	const struct table *table = &steps->table;

	if (table_is(table, "machine")) {
		steps->m = table_boot(table);
	} else if (table_is(table, "task")) {
		steps_new_task(steps);
	} else if (table_is(table, "set")) {
		sim_write(steps->m, table_word(table, 1), table_word(table, 2));
	} else if (table_is(table, "file")) {
		cr_assert_eq(
			mmsim_file_create(steps->m, "/data",
					  table_number(table, 1) * SIM_PAGE,
					  &steps->file),
			0);
	} else if (table_is(table, "limit")) {
		steps_limit(steps);
	} else if (table_is(table, "region")) {
		steps_region(steps, table_word(table, 1),
			     strlen(table_word(table, 1)))
			->base = (uintptr_t)table_number(table, 2);
	} else if (table_is(table, "window")) {
		steps_window(steps);
	} else if (table_is(table, "cached")) {
		steps_cached(steps);
	} else if (table_is(table, "ncached")) {
		steps_ncached(steps);
	} else if (table_is(table, "available")) {
		steps_available(steps);
	} else if (table_is(table, "=")) {
		for (int i = 1; i < table->nr_words; i++)
			steps_expect(steps, table->words[i]);
	} else {
		steps_do(steps);
	}
}

/* Does the whole script. */
static SIM_UNUSED void steps_run(const char *name)
{
	struct steps *steps = calloc(1, sizeof(*steps));

	cr_assert_not_null(steps);
	steps->table = table_open(name);
	memcpy(steps->regions[0].name, "win", 4);
	steps->regions[0].base = STEPS_WINDOW;
	while (table_next(&steps->table))
		steps_row(steps);
	table_close(&steps->table);
	if (steps->file)
		mmsim_close(steps->file);
	for (int i = 0; i < STEPS_FILES; i++)
		if (steps->files[i].file)
			mmsim_close(steps->files[i].file);
	sim_shutdown(steps->m);
	free(steps->meminfo);
	free(steps->vmstat);
	for (int i = 0; i < STEPS_TASKS; i++)
		free(steps->tasks[i].status);
	free(steps);
}

#endif
