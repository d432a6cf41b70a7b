/*
 * Memory that is switched on and off, against the recording: a DIMM of eight
 * blocks is switched on as Movable, 500 MB go there, each block is switched off
 * again while its pages move on, and so are ordinary blocks; at last one whose
 * pages have nowhere to go.
 *
 * Exact: what follows from sizes (MemTotal, CommitLimit, min_free_kbytes,
 * marks, protection, spans, per-CPU limits), states, zones and errors.
 *
 * Not exact are pages in use, because the recorded machine ran a shell beside
 * the experiment, which came and went: up to OTHERS.  How many pages wait on a
 * CPU's lists when it is looked at is chance, up to the list's limit: WAITING.
 * The counts of pages moved differ by what of the block waited there or was
 * the shell's when it was switched off; pgmigrate_fail counts the rounds of 10
 * s of vain trying, on a machine whose clock means nothing: ROUNDS.
 */
#include "table.h"
#include "unit.h"
#include "zones.h"

TestSuite(hotplug_recording);

enum {
	OTHERS = 400, /* pages: AnonPages without the 500 MB, 1444 kB at most */
	WAITING = 1132, /* pages: the largest limit of a zone's list */
	ROUNDS = 20,    /* of a wait that the recorded clock ended */
	BLOCK_PAGES = 32768,
	MARKED = 61, /* one page of so many has a content */
};

struct scene {
	struct table table;
	struct mmsim_machine *m;
	struct mmsim_task *task;
	uintptr_t addr;
	size_t len;
	long moved, recorded_moved; /* before the last step */
};

/* Every page is written to, and some have their number in them. */
static void hold(struct scene *scene, size_t len)
{
	scene->task = sim_spawn(scene->m);
	scene->len = len;
	scene->addr = sim_mmap(scene->task, len);
	sim_touch(scene->task, scene->addr, len);
	for (size_t at = 0; at < len; at += MARKED * SIM_PAGE)
		cr_assert_eq(mmsim_store(scene->task, scene->addr + at, &at,
					 sizeof(at)),
			     0);
}

/* Nothing that the task holds was lost. */
static void check_content(struct scene *scene)
{
	for (size_t at = 0, found; scene->task && at < scene->len;
	     at += MARKED * SIM_PAGE) {
		cr_assert_eq(mmsim_load(scene->task, scene->addr + at, &found,
					sizeof(found)),
			     0);
		cr_assert_eq(found, at);
	}
}

static void kill_task(struct scene *scene)
{
	mmsim_task_kill(scene->task, SIGKILL);
	mmsim_task_put(scene->task);
	scene->task = NULL;
}

/* write N WORD ERROR */
static void write_block(struct scene *scene)
{
	const struct table *table = &scene->table;
	const char *error = table_word(table, 3);
	char path[80];
	int err, want = strcmp(error, "EINVAL") == 0  ? -EINVAL
			: strcmp(error, "EINTR") == 0 ? -EINTR
						      : 0;

	snprintf(path, sizeof(path),
		 "/sys/devices/system/memory/memory%ld/state",
		 table_number(table, 1));
	err = mmsim_proc_write(scene->m, path, table_word(table, 2));
	cr_expect_eq(err, want, "%s:%d: %d", table->name, table->line, err);
	sim_validate(scene->m);
}

/* block N STATE ZONE... */
static void check_block(struct scene *scene)
{
	const struct table *table = &scene->table;
	char path[80], want[64] = "";
	char *text;

	snprintf(path, sizeof(path),
		 "/sys/devices/system/memory/memory%ld/state",
		 table_number(table, 1));
	text = sim_proc(scene->m, path);
	cr_expect_eq(strncmp(text, table_word(table, 2), strlen(text) - 1), 0,
		     "%s:%d: %s", table->name, table->line, text);
	free(text);
	snprintf(path, sizeof(path),
		 "/sys/devices/system/memory/memory%ld/valid_zones",
		 table_number(table, 1));
	for (int i = 3; i < table->nr_words; i++) {
		strcat(want, table->words[i]);
		strcat(want, i + 1 < table->nr_words ? " " : "\n");
	}
	text = sim_proc(scene->m, path);
	cr_expect_str_eq(text, want, "%s:%d: %s", table->name, table->line,
			 text);
	free(text);
}

/* How far off a figure may be, in its own unit. */
static long tolerance_of(const char *name)
{
	if (strcmp(name, "AnonPages") == 0)
		return 4 * OTHERS;
	if (strcmp(name, "MemFree") == 0)
		return 4 * (OTHERS + WAITING);
	if (strcmp(name, "vm.pgmigrate_fail") == 0)
		return ROUNDS;
	return 0;
}

/* Pages moved by the step: those of full blocks, but for others'. */
static void check_moved(struct scene *scene, long want)
{
	long moved = sim_vmstat(scene->m, "pgmigrate_success");

	table_expect(&scene->table, "pgmigrate_success", moved - scene->moved,
		     want - scene->recorded_moved, OTHERS + WAITING);
	scene->moved = moved;
	scene->recorded_moved = want;
}

/* = NAME=VALUE... */
static void check_figures(struct scene *scene)
{
	for (int i = 1; i < scene->table.nr_words; i++) {
		const char *word = scene->table.words[i];
		const char *sign = strchr(word, '=');
		char name[32];
		long want, got;

		cr_assert_not_null(sign);
		snprintf(name, sizeof(name), "%.*s", (int)(sign - word), word);
		want = strtol(sign + 1, NULL, 10);
		if (strcmp(name, "vm.pgmigrate_success") == 0) {
			check_moved(scene, want);
			continue;
		}
		if (strcmp(name, "min_free_kbytes") == 0)
			got = sim_sysctl(scene->m,
					 "/proc/sys/vm/min_free_kbytes");
		else if (strncmp(name, "vm.", 3) == 0)
			got = sim_vmstat(scene->m, name + 3);
		else
			got = sim_meminfo(scene->m, name);
		table_expect(&scene->table, name, got, want,
			     want > 0 ? tolerance_of(name) : 0);
	}
	check_content(scene);
}

/* size ZONE SPANNED PRESENT MANAGED */
static void check_size(struct scene *scene)
{
	static const char *const fields[] = {"spanned", "present", "managed"};

	for (int i = 0; i < 3; i++)
		table_expect(&scene->table, fields[i],
			     zones_read(scene->m, 0,
					table_word(&scene->table, 1),
					fields[i]),
			     table_number(&scene->table, 2 + i), 0);
}

static void do_row(struct scene *scene)
{
	const struct table *table = &scene->table;

	if (table_is(table, "machine"))
		scene->m = table_boot(table);
	else if (table_is(table, "dimm"))
		cr_assert_eq(mmsim_dimm_add(scene->m,
					    (uint64_t)table_number(table, 1) *
						    BLOCK_PAGES * SIM_PAGE,
					    0, NULL),
			     0);
	else if (table_is(table, "write"))
		write_block(scene);
	else if (table_is(table, "hold"))
		hold(scene, (size_t)table_number(table, 1) << 20);
	else if (table_is(table, "kill"))
		kill_task(scene);
	else if (table_is(table, "block"))
		check_block(scene);
	else if (table_is(table, "="))
		check_figures(scene);
	else if (table_is(table, "size"))
		check_size(scene);
	else if (table_is(table, "free"))
		table_expect(table, "free",
			     zones_read(scene->m, 0, table_word(table, 1),
					"pages free"),
			     table_number(table, 2), OTHERS + WAITING);
	else
		zones_expect_row(table, scene->m);
}

Test(hotplug_recording, dimm_of_eight_blocks)
{
	struct scene scene = {.table = table_open("hotplug")};

	while (table_next(&scene.table))
		do_row(&scene);
	table_close(&scene.table);
	check_content(&scene);
	sim_shutdown(scene.m);
}
