/*
 * steps_calls.h: the system calls of a script, for steps.h, which tells how a
 * script is written.
 */
#ifndef TESTS_RECORDINGS_STEPS_CALLS_H
#define TESTS_RECORDINGS_STEPS_CALLS_H

#include "zones.h"

#include <ctype.h>
#include <sys/resource.h>

enum { STEPS_MLOCK_ONFAULT = 1 }; /* MLOCK_ONFAULT of <linux/mman.h> */

enum {
	STEPS_TASKS = 26,
	STEPS_REGIONS = 16,
	STEPS_FILES = 8,
	STEPS_WINDOW_PAGES = 1 << 16,
};

#define STEPS_WINDOW UINT64_C(0x200000000000)

struct steps_region {
	char name[16];
	uintptr_t base;
	size_t pages;
};

struct steps_task {
	struct mmsim_task *task;
	intptr_t brk; /* the first one */
	char *status; /* as it was before the step */
	int areas;
	struct mmsim_usage usage;
};

struct steps_file {
	char name[16];
	struct mmsim_file *file;
};

struct steps {
	struct table table;
	struct mmsim_machine *m;
	struct steps_task tasks[STEPS_TASKS];
	struct steps_region regions[STEPS_REGIONS];
	char *meminfo, *vmstat; /* as they were before the step */
	struct mmsim_file *file;
	struct steps_file files[STEPS_FILES];
	int segment; /* of System V shared memory */
	int who; /* task of the step */
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

	cr_assert_neq(region->base, 0, "%s:%d: no region %s", steps->table.name,
		      steps->table.line, word);
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

#include "steps_files.h"

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
		{"private", MAP_PRIVATE},
		{"shared", MAP_SHARED},
		{"noreserve", MAP_NORESERVE},
		{"populate", MAP_POPULATE},
		{"growsdown", MAP_GROWSDOWN},
		{"locked", MAP_LOCKED},
		{"hint", 0},
		{"noreplace", MAP_FIXED_NOREPLACE},
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
		{"random", MADV_RANDOM},
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
	if (table->nr_words > at + 2) {
		const char *word = table->words[at + 2];

		if (strcmp(word, "file") == 0)
			file = steps->file;
		else if (strcmp(word, "of") == 0)
			file = *steps_file(steps, table_word(table, at + 3),
					   strlen(table->words[at + 3]));
	}
	addr = mmsim_mmap(task, range.addr, range.len, steps_prot(steps, at),
			  flags | (file ? 0 : MAP_ANONYMOUS), file,
			  file ? table_number(table, table->nr_words - 1) *
					 SIM_PAGE
			       : 0);
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
	if (stride == 1)
		return mmsim_access(task, range.addr, range.len, write);
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
	intptr_t result;

	if (steps_file_call(steps, task, call, &result))
		return result;
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
	if (strcmp(call, "onfault") == 0)
		return mmsim_mlock2(task, range.addr, range.len,
				    STEPS_MLOCK_ONFAULT);
	if (strcmp(call, "unlock") == 0)
		return mmsim_munlock(task, range.addr, range.len);
	steps_fail(steps, "call", call);
	return 0;
}

#endif
