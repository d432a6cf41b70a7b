/*
 * steps.h: recorded experiments as scripts.
 *
 *     machine SPEC             boots
 *     set PATH TEXT            writes a file of /proc or /sys
 *     file PAGES               makes a file; "map ... file OFFSET" maps it
 *     region NAME ADDR         a name for a place in the address space; "stack"
 *                              is the end of the stack, "heap" the first break
 *     task A                   a task; its letter begins the rows that it does
 *     A map big 25600 rw private        the kernel chooses where; "big" names it
 *     A map win[0,4) rw private         there: pages [0,4) of a region
 *     A write big[1,25600)     every page;   "A write big 16": every 16th
 *     A protect RANGE PROT   A unmap RANGE   A lock RANGE
 *     A advise RANGE WHAT              "... WHAT 512": one page of every 512
 *     A unlock RANGE   A remap RANGE PAGES FLAG... [RANGE]   A read RANGE
 *     A fork B   A vfork B   A uid N
 *     A exit                    and its parent waits for it
 *     A brk BYTES               to so many bytes above the first break
 *     limit A as VmSize 64      RLIMIT_AS is VmSize and 64 kB, of task A
 *     limit init stack BYTES    RLIMIT_STACK of pid 1, so of tasks made later
 *     =  minflt+25600 MemFree-102400~250 big.Rss=102400 vm.pgreuse+2 B:minflt+6
 *
 * A row that begins with '=' tells what the step before it did: a figure, then
 * its change (+ or -) or its value (=), and after '~' how far off it may be.  A
 * figure is the task's minflt, majflt or a line of its status (VmPTE); a line of
 * its smaps for the area at the start of a region (big.Rss); a line of vmstat
 * (vm.pgreuse); "got", the page where the call put things, counted from region
 * `win`, or "at", its address; "brk", the break counted from the first one;
 * "areas", lines of its maps; or a line of meminfo.  "B:" names another task.
 *
 * A row "window A 0-4:rw-p 8-12:rw-p" is what /proc/PID/maps of task A shows
 * of the region `win`.  A step that must fail ends with "!ENOMEM" or with the
 * signal, "!11".
 */
#ifndef TESTS_RECORDINGS_STEPS_H
#define TESTS_RECORDINGS_STEPS_H

#include "table.h"

#include <ctype.h>
#include <sys/resource.h>

enum { STEPS_TASKS = 26, STEPS_REGIONS = 16, STEPS_WINDOW_PAGES = 1 << 16 };

#define STEPS_WINDOW UINT64_C(0x200000000000)

struct steps_region {
	char name[16];
	uintptr_t base;
	size_t pages;
};

struct steps_task {
	struct mmsim_task *task;
	intptr_t brk;   /* the first one */
	char *status;   /* as it was before the step */
	int areas;
	struct mmsim_usage usage;
};

struct steps {
	struct table table;
	struct mmsim_machine *m;
	struct steps_task tasks[STEPS_TASKS];
	struct steps_region regions[STEPS_REGIONS];
	char *meminfo, *vmstat; /* as they were before the step */
	struct mmsim_file *file;
	int who;                /* task of the step */
	intptr_t result;
};

struct steps_range {
	uintptr_t addr;
	size_t pages, len;
};

#define steps_fail(steps, ...)                                                 \
	cr_assert_fail("%s:%d: no %s %s", (steps)->table.name,                 \
		       (steps)->table.line, __VA_ARGS__)

static struct steps_task *steps_task(struct steps *steps, char letter)
{
	if (letter < 'A' || letter > 'Z')
		steps_fail(steps, "task", steps->table.words[0]);
	return &steps->tasks[letter - 'A'];
}

/* The region, made when it is new. */
static struct steps_region *steps_region(struct steps *steps, const char *name,
					 size_t len)
{
	for (int i = 0; i < STEPS_REGIONS; i++) {
		struct steps_region *region = &steps->regions[i];

		if (region->name[0] == '\0') {
			cr_assert_lt(len, sizeof(region->name));
			memcpy(region->name, name, len);
			return region;
		}
		if (strlen(region->name) == len &&
		    memcmp(region->name, name, len) == 0)
			return region;
	}
	steps_fail(steps, "room for region", name);
	return NULL;
}

/* "big" or "big[0,25600)", pages */
static struct steps_range steps_range(struct steps *steps, const char *word)
{
	size_t len = strcspn(word, "[");
	struct steps_region *region = steps_region(steps, word, len);
	long from = 0, to = (long)region->pages;

	cr_assert_neq(region->base, 0, "%s:%d: no region %s",
		      steps->table.name, steps->table.line, word);
	if (word[len] == '[' &&
	    sscanf(word + len, "[%ld,%ld)", &from, &to) != 2)
		steps_fail(steps, "range", word);
	return (struct steps_range){
		.addr = region->base + (uintptr_t)(from * SIM_PAGE),
		.pages = (size_t)(to - from),
		.len = (size_t)(to - from) * SIM_PAGE,
	};
}

struct steps_word {
	const char *word;
	int value;
};

/* The values of words with commas between them. */
static int steps_value(struct steps *steps, const struct steps_word *words,
		       const char *text)
{
	int value = 0;

	while (*text) {
		size_t len = strcspn(text, ",");
		int i = 0;

		while (words[i].word && (strlen(words[i].word) != len ||
					 memcmp(words[i].word, text, len) != 0))
			i++;
		if (!words[i].word)
			steps_fail(steps, "word", text);
		value |= words[i].value;
		text += len + (text[len] == ',');
	}
	return value;
}

static int steps_prot(struct steps *steps, int word)
{
	static const struct steps_word words[] = {
		{"none", PROT_NONE},
		{"r", PROT_READ},
		{"rw", PROT_READ | PROT_WRITE},
		{"rx", PROT_READ | PROT_EXEC},
		{NULL, 0},
	};

	return steps_value(steps, words, table_word(&steps->table, word));
}

static int steps_map_flags(struct steps *steps, int word)
{
	static const struct steps_word words[] = {
		{"private", MAP_PRIVATE},     {"shared", MAP_SHARED},
		{"noreserve", MAP_NORESERVE}, {"populate", MAP_POPULATE},
		{"growsdown", MAP_GROWSDOWN}, {"locked", MAP_LOCKED},
		{"hint", 0},		      {"noreplace", MAP_FIXED_NOREPLACE},
		{NULL, 0},
	};

	return steps_value(steps, words, table_word(&steps->table, word));
}

static int steps_advice(struct steps *steps, int word)
{
	static const struct steps_word words[] = {
		{"dontneed", MADV_DONTNEED},
		{"willneed", MADV_WILLNEED},
		{"free", MADV_FREE},
		{"dontfork", MADV_DONTFORK},
		{"dofork", MADV_DOFORK},
		{"sequential", MADV_SEQUENTIAL},
		{"normal", MADV_NORMAL},
		{"hugepage", MADV_HUGEPAGE},
		{NULL, 0},
	};

	return steps_value(steps, words, table_word(&steps->table, word));
}

/* A map RANGE PROT FLAGS [file OFFSET] | A map NAME PAGES PROT FLAGS */
static intptr_t steps_map(struct steps *steps, struct mmsim_task *task)
{
	const struct table *table = &steps->table;
	const char *name = table_word(table, 2);
	bool placed = strchr(name, '[') != NULL;
	int at = placed ? 3 : 4, flags = steps_map_flags(steps, at + 1);
	struct steps_range range = {0};
	struct mmsim_file *file = NULL;
	intptr_t addr;

	if (placed) {
		range = steps_range(steps, name);
		if (!strstr(table->words[at + 1], "hint"))
			flags |= MAP_FIXED;
	} else {
		range.len = (size_t)table_number(table, 3) * SIM_PAGE;
	}
	if (table->nr_words > at + 2 && strcmp(table->words[at + 2],
						"file") == 0)
		file = steps->file;
	addr = mmsim_mmap(task, range.addr, range.len, steps_prot(steps, at),
			  flags | (file ? 0 : MAP_ANONYMOUS), file,
			  file ? table_number(table, at + 3) * SIM_PAGE : 0);
	if (addr > 0 && !placed) {
		struct steps_region *region =
			steps_region(steps, name, strlen(name));

		region->base = (uintptr_t)addr;
		region->pages = range.len / SIM_PAGE;
	}
	return addr;
}

/* A remap RANGE PAGES FLAGS [RANGE] */
static intptr_t steps_remap(struct steps *steps, struct mmsim_task *task)
{
	static const struct steps_word words[] = {
		{"stay", 0},
		{"maymove", MREMAP_MAYMOVE},
		{"fixed", MREMAP_MAYMOVE | MREMAP_FIXED},
		{NULL, 0},
	};
	const struct table *table = &steps->table;
	struct steps_range range = steps_range(steps, table_word(table, 2));
	int flags = steps_value(steps, words, table_word(table, 4));
	uintptr_t to = 0;

	if (flags & MREMAP_FIXED)
		to = steps_range(steps, table_word(table, 5)).addr;
	return mmsim_mremap(task, range.addr, range.len,
			    (size_t)table_number(table, 3) * SIM_PAGE, flags,
			    to);
}

/* Every page of the range, or every n-th. */
static intptr_t steps_access(struct steps *steps, struct mmsim_task *task,
			     int write)
{
	const struct table *table = &steps->table;
	struct steps_range range = steps_range(steps, table_word(table, 2));
	size_t stride = 1;
	int sig = 0;

	if (table->nr_words > 3 && table->words[3][0] != '!')
		stride = (size_t)table_number(table, 3);
	for (size_t i = 0; i < range.pages && sig == 0; i += stride)
		sig = mmsim_access(task, range.addr + i * SIM_PAGE, 1, write);
	return sig;
}

static intptr_t steps_fork(struct steps *steps, struct mmsim_task *task,
			   bool is_vfork)
{
	struct steps_task *child =
		steps_task(steps, table_word(&steps->table, 2)[0]);

	memset(&child->usage, 0, sizeof(child->usage));
	return is_vfork ? mmsim_task_vfork(task, &child->task)
			: mmsim_task_fork(task, &child->task);
}

/* A advise RANGE WHAT [STRIDE] */
static intptr_t steps_advise(struct steps *steps, struct mmsim_task *task)
{
	const struct table *table = &steps->table;
	struct steps_range range = steps_range(steps, table_word(table, 2));
	int advice = steps_advice(steps, 3), err = 0;
	size_t stride;

	if (table->nr_words <= 4 || table->words[4][0] == '!')
		return mmsim_madvise(task, range.addr, range.len, advice);
	stride = (size_t)table_number(table, 4);
	for (size_t i = 0; i < range.pages && err == 0; i += stride)
		err = mmsim_madvise(task, range.addr + i * SIM_PAGE, SIM_PAGE,
				    advice);
	return err;
}

/* A brk BYTES: the raw call gives the old break when it fails. */
static intptr_t steps_brk(struct steps *steps, struct mmsim_task *task)
{
	intptr_t want = steps_task(steps, steps->table.words[0][0])->brk +
			table_number(&steps->table, 2);

	return mmsim_brk(task, (uintptr_t)want) == want ? 0 : -ENOMEM;
}

/* The call that the row names: what it gave. */
static intptr_t steps_call(struct steps *steps, struct mmsim_task *task)
{
	const struct table *table = &steps->table;
	const char *call = table_word(table, 1);
	struct steps_range range;

	if (strcmp(call, "map") == 0)
		return steps_map(steps, task);
	if (strcmp(call, "remap") == 0)
		return steps_remap(steps, task);
	if (strcmp(call, "read") == 0 || strcmp(call, "write") == 0)
		return steps_access(steps, task, call[0] == 'w');
	if (strcmp(call, "advise") == 0)
		return steps_advise(steps, task);
	if (strcmp(call, "fetch") == 0) {
		range = steps_range(steps, table_word(table, 2));
		return mmsim_fetch(task, range.addr, 1);
	}
	if (strcmp(call, "fork") == 0 || strcmp(call, "vfork") == 0)
		return steps_fork(steps, task, call[0] == 'v');
	if (strcmp(call, "exit") == 0) {
		mmsim_task_exit(task, 0);
		mmsim_task_put(task);
		steps_task(steps, table->words[0][0])->task = NULL;
		return 0;
	}
	if (strcmp(call, "brk") == 0)
		return steps_brk(steps, task);
	if (strcmp(call, "uid") == 0)
		return mmsim_task_set_uid(task, (uid_t)table_number(table, 2));
	range = steps_range(steps, table_word(table, 2));
	if (strcmp(call, "unmap") == 0)
		return mmsim_munmap(task, range.addr, range.len);
	if (strcmp(call, "protect") == 0)
		return mmsim_mprotect(task, range.addr, range.len,
				      steps_prot(steps, 3));
	if (strcmp(call, "lock") == 0)
		return mmsim_mlock(task, range.addr, range.len);
	if (strcmp(call, "unlock") == 0)
		return mmsim_munlock(task, range.addr, range.len);
	steps_fail(steps, "call", call);
	return 0;
}

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
		{"EEXIST", -EEXIST}, {"EPERM", -EPERM},	  {NULL, 0},
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
		cr_assert(steps->result >= 0 &&
				  (steps->result == 0 ||
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
	if (dot) {
		struct steps_region *region =
			steps_region(steps, name, (size_t)(dot - name));

		return sim_smaps_of(steps->m, task->task, region->base,
				    dot + 1);
	}
	if (strncmp(name, "Vm", 2) == 0 && strncmp(name, "Vmalloc", 7) != 0) {
		*before = task->status ? sim_find(task->status, name, ":", 0)
				       : 0;
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
				   table_number(table, 4)) * 1024;
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
		cr_assert_eq(mmsim_file_create(steps->m, "/data",
					       table_number(table, 1) *
						       SIM_PAGE,
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
	sim_shutdown(steps->m);
	free(steps->meminfo);
	free(steps->vmstat);
	for (int i = 0; i < STEPS_TASKS; i++)
		free(steps->tasks[i].status);
	free(steps);
}

#endif
