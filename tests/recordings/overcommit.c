/*
 * Overcommit against the recordings: which mappings are granted in the three
 * modes, what is promised for them, the largest of each kind, and what fork
 * promises again.  Every cell is exact.
 *
 * The largest mapping that only the address space limits depends on where the
 * random layout put things: such a row ("room" in the table) is compared with
 * the largest hole of the task's own layout.
 */
#include "table.h"
#include "unit.h"

TestSuite(overcommit, .timeout = 300);

enum { SIZES_MAX = 16, TASK_KB = 1896, USER_UID = 1000 };

struct setup {
	struct mmsim_machine *m;
	struct mmsim_task *task; /* tries what the rows say */
	struct mmsim_task *user; /* the same with uid 1000 */
	struct mmsim_task *rest; /* stands for all others */
	size_t sizes[SIZES_MAX];
	int percents[SIZES_MAX];
};

static void set_up(struct setup *setup, const struct table *table)
{
	setup->m = table_boot(table);
	setup->task = sim_spawn(setup->m);
	setup->user = sim_spawn(setup->m);
	cr_assert_eq(mmsim_task_set_uid(setup->user, USER_UID), 0);
	setup->rest = sim_spawn(setup->m);
}

/* Brings Committed_AS to what it was. */
static void set_base(struct setup *setup, const struct table *table)
{
	long missing =
		table_number(table, 1) - sim_meminfo(setup->m, "Committed_AS");

	cr_assert_geq(missing, 0);
	sim_write(setup->m, "/proc/sys/vm/overcommit_memory", "1");
	if (missing > 0)
		sim_mmap(setup->rest, (size_t)missing * 1024);
	cr_assert_eq(sim_meminfo(setup->m, "Committed_AS"),
		     table_number(table, 1));
}

/* Words 1 and 2 of the row: mode and ratio. */
static void set_mode(struct setup *setup, const struct table *table)
{
	sim_write(setup->m, "/proc/sys/vm/overcommit_memory",
		  table_word(table, 1));
	sim_write(setup->m, "/proc/sys/vm/overcommit_ratio",
		  table_word(table, 2));
}

struct kind {
	const char *name;
	int prot, flags;
};

static const struct kind kinds[] = {
	{"PRIV_RW", PROT_READ | PROT_WRITE, MAP_PRIVATE},
	{"PRIV_RO", PROT_READ, MAP_PRIVATE},
	{"PRIV_NONE", PROT_NONE, MAP_PRIVATE},
	{"PRIV_RW_NORESERVE", PROT_READ | PROT_WRITE,
	 MAP_PRIVATE | MAP_NORESERVE},
	{"SHARED_RW", PROT_READ | PROT_WRITE, MAP_SHARED},
	{"SHARED_NORESERVE", PROT_READ | PROT_WRITE,
	 MAP_SHARED | MAP_NORESERVE},
};

/* "PRIV_RW+vfork" is PRIV_RW. */
static const struct kind *kind_of(const char *name)
{
	size_t len = strcspn(name, "+");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].name) == len &&
		    memcmp(kinds[i].name, name, len) == 0)
			return &kinds[i];
	cr_assert_fail("no kind %s", name);
	return NULL;
}

static intptr_t map(struct mmsim_task *task, const struct kind *kind,
		    size_t bytes)
{
	return mmsim_mmap(task, 0, bytes, kind->prot,
			  kind->flags | MAP_ANONYMOUS, NULL, 0);
}

static size_t page_align(size_t bytes)
{
	return (bytes + SIM_PAGE - 1) & ~(size_t)(SIM_PAGE - 1);
}

/* The letter of what came out: the result, and the change of Committed_AS. */
static char outcome(long result, long charged_kb, size_t bytes)
{
	if (result < 0)
		return result == -ENOMEM && charged_kb == 0 ? 'x' : '?';
	if (charged_kb == 0)
		return '.';
	return charged_kb == (long)(page_align(bytes) / 1024) ? '+' : '?';
}

static void check_map_cell(struct setup *setup, const struct table *table,
			   size_t bytes, const char *want)
{
	const struct kind *kind = kind_of(table_word(table, 3));
	long before = sim_meminfo(setup->m, "Committed_AS");
	intptr_t addr = map(setup->task, kind, bytes);
	char got[3] = "";

	got[0] = outcome(addr, sim_meminfo(setup->m, "Committed_AS") - before,
			 bytes);
	if (addr > 0 && !(kind->prot & PROT_WRITE)) {
		long err = mmsim_mprotect(setup->task, (uintptr_t)addr, bytes,
					  PROT_READ | PROT_WRITE);

		got[1] = outcome(err,
				 sim_meminfo(setup->m, "Committed_AS") - before,
				 bytes);
	}
	if (addr > 0)
		cr_assert_eq(mmsim_munmap(setup->task, (uintptr_t)addr, bytes),
			     0);
	cr_expect_str_eq(got, want, "%s:%d: %zu bytes: %s, recorded %s",
			 table->name, table->line, bytes, got, want);
	cr_expect_eq(sim_meminfo(setup->m, "Committed_AS"), before,
		     "%s:%d: %zu bytes: Committed_AS %ld, then %ld",
		     table->name, table->line, bytes, before,
		     sim_meminfo(setup->m, "Committed_AS"));
}

static void check_map(struct setup *setup, const struct table *table)
{
	set_mode(setup, table);
	for (int i = 4; i < table->nr_words; i++)
		check_map_cell(setup, table, setup->sizes[i - 4],
			       table->words[i]);
}

/* Pages of the largest hole below the highest address that mmap uses. */
static long largest_room(struct setup *setup)
{
	char *text = sim_task_proc(setup->m, setup->task, "maps");
	unsigned long start, end, last = 0, room = 0;

	for (const char *line = text; line && *line;) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2) {
			if (start < 1UL << 47 && last && start - last > room)
				room = start - last;
			last = end;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	free(text);
	return (long)(room / SIM_PAGE);
}

static long largest(struct mmsim_task *task, const struct kind *kind)
{
	size_t low = 0, high = (size_t)1 << 35; /* granted, refused; pages */

	while (high - low > 1) {
		size_t pages = low + (high - low) / 2;
		intptr_t addr = map(task, kind, pages * SIM_PAGE);

		if (addr > 0) {
			mmsim_munmap(task, (uintptr_t)addr, pages * SIM_PAGE);
			low = pages;
		} else {
			high = pages;
		}
	}
	return (long)low;
}

static void check_max(struct setup *setup, const struct table *table)
{
	bool by_room = strcmp(table_word(table, 5), "room") == 0;
	long want = by_room ? largest_room(setup) : table_number(table, 5);
	long uid = table_number(table, 3);

	cr_assert(uid == 0 || uid == USER_UID);
	set_mode(setup, table);
	table_expect(table, "the largest mapping",
		     largest(uid == 0 ? setup->task : setup->user,
			     kind_of(table_word(table, 4))),
		     want, 0);
}

static void check_limit(struct setup *setup, const struct table *table)
{
	set_mode(setup, table);
	table_expect(table, "CommitLimit", sim_meminfo(setup->m, "CommitLimit"),
		     table_number(table, 3), 0);
}

/* set NAME VALUE KB OTHER: the ratio and the kB put each other to 0. */
static void check_set(struct setup *setup, const struct table *table)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/vm/%s", table_word(table, 1));
	sim_write(setup->m, path, table_word(table, 2));
	table_expect(table, "CommitLimit", sim_meminfo(setup->m, "CommitLimit"),
		     table_number(table, 3), 0);
	snprintf(path, sizeof(path), "/proc/sys/vm/%s", table_word(table, 4));
	table_expect(table, table->words[4], sim_sysctl(setup->m, path), 0, 0);
}

/* fork() or vfork() of the task; the letter of what came out. */
static char fork_outcome(struct setup *setup, size_t bytes, bool is_vfork)
{
	long before = sim_meminfo(setup->m, "Committed_AS"), charged;
	struct mmsim_task *child = NULL;
	int err = is_vfork ? mmsim_task_vfork(setup->task, &child)
			   : mmsim_task_fork(setup->task, &child);

	charged = sim_meminfo(setup->m, "Committed_AS") - before;
	if (err)
		return err == -ENOMEM && charged == 0 ? 'x' : '?';
	mmsim_task_exit(child, 0);
	mmsim_task_put(child);
	cr_expect_eq(sim_meminfo(setup->m, "Committed_AS"), before);
	if (charged == 0)
		return '0';
	if (charged == TASK_KB)
		return '.';
	return charged == TASK_KB + (long)(bytes / 1024) ? '+' : '?';
}

static void check_fork_cell(struct setup *setup, const struct table *table,
			    size_t bytes, const char *want)
{
	const char *name = table_word(table, 3);
	intptr_t addr = map(setup->task, kind_of(name), bytes);
	char got = 'm';

	if (addr > 0) {
		if (strstr(name, "+DONTFORK"))
			cr_assert_eq(mmsim_madvise(setup->task, (uintptr_t)addr,
						   bytes, MADV_DONTFORK),
				     0);
		if (strstr(name, "+touched"))
			sim_touch(setup->task, (uintptr_t)addr, bytes);
		got = fork_outcome(setup, bytes,
				   strstr(name, "+vfork") != NULL);
		mmsim_munmap(setup->task, (uintptr_t)addr, bytes);
	}
	cr_expect(got == want[0] && want[1] == '\0',
		  "%s:%d: %zu bytes: %c, recorded %s", table->name, table->line,
		  bytes, got, want);
}

static void check_fork(struct setup *setup, const struct table *table)
{
	size_t total =
		(size_t)sim_meminfo(setup->m, "MemTotal") * 1024 / SIM_PAGE;

	set_mode(setup, table);
	for (int i = 4; i < table->nr_words; i++) {
		size_t percent = (size_t)setup->percents[i - 4];

		if (strcmp(table->words[i], "-") != 0)
			check_fork_cell(setup, table,
					total * percent / 100 * SIM_PAGE,
					table->words[i]);
	}
}

/* Many mappings, each smaller than the memory: the sum does not count. */
static void check_many(struct setup *setup, const struct table *table)
{
	size_t total =
		(size_t)sim_meminfo(setup->m, "MemTotal") * 1024 / SIM_PAGE;
	size_t bytes = total * (size_t)table_number(table, 1) / 100 * SIM_PAGE;
	long nr = table_number(table, 2);
	long before = sim_meminfo(setup->m, "Committed_AS");
	struct mmsim_task *task = sim_spawn(setup->m);

	sim_write(setup->m, "/proc/sys/vm/overcommit_memory", "0");
	before = sim_meminfo(setup->m, "Committed_AS");
	for (long i = 0; i < nr; i++)
		sim_mmap(task, bytes);
	table_expect(table, "growth of Committed_AS",
		     sim_meminfo(setup->m, "Committed_AS") - before,
		     table_number(table, 3), 0);
	mmsim_task_exit(task, 0);
	mmsim_task_put(task);
}

static void read_row(struct setup *setup, const struct table *table)
{
	if (table_is(table, "machine")) {
		if (setup->m)
			sim_shutdown(setup->m);
		set_up(setup, table);
	} else if (table_is(table, "sizes")) {
		for (int i = 1; i < table->nr_words; i++)
			setup->sizes[i - 1] = (size_t)table_number(table, i);
	} else if (table_is(table, "percent")) {
		for (int i = 1; i < table->nr_words; i++)
			setup->percents[i - 1] = (int)table_number(table, i);
	} else if (table_is(table, "base")) {
		set_base(setup, table);
	} else if (table_is(table, "limit")) {
		check_limit(setup, table);
	} else if (table_is(table, "set")) {
		check_set(setup, table);
	} else if (table_is(table, "map")) {
		check_map(setup, table);
	} else if (table_is(table, "max")) {
		check_max(setup, table);
	} else if (table_is(table, "fork")) {
		check_fork(setup, table);
	} else if (table_is(table, "many")) {
		check_many(setup, table);
	} else {
		cr_assert_fail("%s:%d: no row is called %s", table->name,
			       table->line, table->words[0]);
	}
}

static void check_table(const char *name)
{
	struct setup setup = {0};
	struct table table = table_open(name);

	while (table_next(&table))
		read_row(&setup, &table);
	table_close(&table);
	sim_shutdown(setup.m);
}

Test(overcommit, machine_512M)
{
	check_table("overcommit-512M");
}

Test(overcommit, machine_2048M)
{
	check_table("overcommit-2048M");
}

/* The row's mappings, side by side or one page apart; the last granted's end.
 */
static void map_several(struct mmsim_task *task, const struct table *table,
			size_t total_pages)
{
	size_t len =
		total_pages * (size_t)table_number(table, 2) / 100 * SIM_PAGE;
	bool apart = strcmp(table_word(table, 3), "apart") == 0;
	int flags = strcmp(table_word(table, 4), "noreserve") == 0
			    ? MAP_NORESERVE
			    : 0;
	uintptr_t addr = (uintptr_t)1 << 45;

	for (long i = 0; i < table_number(table, 1); i++) {
		cr_expect_eq(mmsim_mmap(task, addr, len, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS |
						MAP_FIXED | flags,
					NULL, 0),
			     (intptr_t)addr, "%s:%d: mapping %ld", table->name,
			     table->line, i);
		addr += len + (apart ? SIM_PAGE : 0);
	}
}

/* Mappings that lie side by side are one area, and fork tests them as one. */
Test(overcommit, adjacent_mappings)
{
	struct table table = table_open("overcommit-adjacent");
	struct mmsim_machine *m = NULL;

	while (table_next(&table)) {
		struct mmsim_task *task, *child = NULL;
		long before, total_kb;
		int err;

		if (table_is(&table, "machine")) {
			m = table_boot(&table);
			continue;
		}
		task = sim_spawn(m);
		before = sim_meminfo(m, "Committed_AS");
		total_kb = sim_meminfo(m, "MemTotal");
		map_several(task, &table, (size_t)total_kb * 1024 / SIM_PAGE);
		table_expect(&table, "growth of Committed_AS",
			     sim_meminfo(m, "Committed_AS") - before,
			     table_number(&table, 5), 0);
		err = mmsim_task_fork(task, &child);
		cr_expect_eq(err,
			     strcmp(table_word(&table, 6), "OK") == 0 ? 0
								      : -ENOMEM,
			     "%s:%d: fork: %d, recorded %s", table.name,
			     table.line, err, table.words[6]);
		if (child)
			mmsim_task_exit(child, 0);
		mmsim_task_exit(task, 0);
	}
	table_close(&table);
	sim_shutdown(m);
}

/* 8 GB on a machine of 4 GB: granted in mode 1 alone. */
Test(overcommit, eight_gigabytes_on_four)
{
	static const char *const modes[] = {"0", "1", "2"};

	for (int i = 0; i < 3; i++) {
		struct mmsim_machine *m = sim_boot(SIM_4096M);
		struct mmsim_task *task = sim_spawn(m);
		intptr_t addr;

		sim_write(m, "/proc/sys/vm/overcommit_memory", modes[i]);
		addr = mmsim_mmap(task, 0, (size_t)8 << 30,
				  PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
		if (i == 1)
			cr_expect_gt(addr, 0);
		else
			cr_expect_eq(addr, -ENOMEM);
		sim_shutdown(m);
	}
}

/* In 32 bits there is no room for it, whatever the mode. */
Test(overcommit, eight_gigabytes_in_32_bits)
{
	struct mmsim_machine *m =
		sim_boot("ram=4G,arch=x86-32,vm.overcommit_memory=1");
	struct mmsim_task *task = sim_spawn(m);

	for (int shift = 31; shift < 34; shift++) {
		intptr_t addr = mmsim_mmap(
			task, 0, (size_t)1 << shift, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);

		if (shift == 31)
			cr_expect_gt(addr, 0, "2 GB");
		else
			cr_expect_eq(addr, -ENOMEM, "%d GB", 1 << (shift - 30));
		if (addr > 0)
			mmsim_munmap(task, (uintptr_t)addr, (size_t)1 << shift);
	}
	sim_shutdown(m);
}

/* The address space has 128 TiB less a page, and the task's image is in it. */
Test(overcommit, the_address_space_in_mode_1)
{
	static const char *const swaps[] = {"", ",swap=512M"};

	for (int i = 0; i < 2; i++) {
		char spec[256];
		struct mmsim_machine *m;
		struct mmsim_task *task;
		size_t tib = (size_t)1 << 40;

		snprintf(spec, sizeof(spec), "%s,vm.overcommit_memory=1%s",
			 SIM_2048M, swaps[i]);
		m = sim_boot(spec);
		task = sim_spawn(m);
		cr_expect_eq(mmsim_mmap(task, 0, 128 * tib,
					PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
			     -ENOMEM);
		cr_expect_eq(mmsim_mmap(task, 0, 128 * tib - SIM_PAGE,
					PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0),
			     -ENOMEM);
		sim_mmap(task, 127 * tib);
		cr_expect_gt(sim_meminfo(m, "Committed_AS"),
			     (long)(127 * tib / 1024));
		sim_shutdown(m);
	}
}
