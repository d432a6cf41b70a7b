/*
 * steps_files.h: calls of a script that have to do with files and shared
 * memory, for steps.h.
 *
 *     A open f /mnt/f rw,create   "f" is the open file from now on
 *     A close f
 *     A unlink /mnt/f
 *     A pread f[0,16384) 256      pages, so many at a time
 *     A pwrite f[0,16384) 256     zeros
 *     A fadvise f random
 *     A many /mnt/d/f 4000        opens and closes so many new files f0, f1 ...
 *     A put PATH TEXT             writes a file of /proc or /sys
 *     A map big 16384 rw shared of f 0     from page 0 of f
 *     A random big[0,16384) 2000 7         reads 2000 pages by chance, seed 7
 *     A sync
 *     A idle MILLISECONDS
 *     A shmget 16384
 *     A shmat big
 *     A shmdt big
 *     A shmrm
 *
 *     cached f 0-31 100-100       just these pages of the file are cached
 *     ncached f 15221~200         so many of them
 *     available                   MemAvailable is what the formula gives
 *
 * Figures of free(1), in kB: free.used (the old one: without buff/cache),
 * free.unavailable (total less available), free.cache (buff/cache).
 */
#ifndef TESTS_RECORDINGS_STEPS_FILES_H
#define TESTS_RECORDINGS_STEPS_FILES_H

#include <fcntl.h>
#include <sys/ipc.h>

enum { STEPS_CHUNK_MAX = 256 };

static struct mmsim_file **steps_file(struct steps *steps, const char *name,
				      size_t len)
{
	for (int i = 0; i < STEPS_FILES; i++) {
		struct steps_file *file = &steps->files[i];

		if (file->name[0] == '\0') {
			cr_assert_lt(len, sizeof(file->name));
			memcpy(file->name, name, len);
			return &file->file;
		}
		if (strlen(file->name) == len &&
		    memcmp(file->name, name, len) == 0)
			return &file->file;
	}
	steps_fail(steps, "room for file", name);
	return NULL;
}

static intptr_t steps_open(struct steps *steps, struct mmsim_task *task)
{
	static const struct steps_word words[] = {
		{"r", O_RDONLY},     {"w", O_WRONLY},      {"rw", O_RDWR},
		{"create", O_CREAT}, {"direct", O_DIRECT}, {NULL, 0},
	};
	const char *name = table_word(&steps->table, 2);
	struct mmsim_file **file = steps_file(steps, name, strlen(name));

	cr_assert_null(*file, "%s is open", name);
	return mmsim_open(
		task, table_word(&steps->table, 3),
		steps_value(steps, words, table_word(&steps->table, 4)), file);
}

static intptr_t steps_close(struct steps *steps)
{
	const char *name = table_word(&steps->table, 2);
	struct mmsim_file **file = steps_file(steps, name, strlen(name));
	int err = mmsim_close(*file);

	*file = NULL;
	return err;
}

/* f[FROM,TO) CHUNK */
static intptr_t steps_transfer(struct steps *steps, struct mmsim_task *task,
			       bool write)
{
	static char buf[STEPS_CHUNK_MAX * SIM_PAGE]
		__attribute__((aligned(4096)));
	const char *word = table_word(&steps->table, 2);
	size_t len = strcspn(word, "[");
	struct mmsim_file *file = *steps_file(steps, word, len);
	long chunk = table_number(&steps->table, 3), from, to;

	cr_assert_leq(chunk, STEPS_CHUNK_MAX);
	if (sscanf(word + len, "[%ld,%ld)", &from, &to) != 2)
		steps_fail(steps, "range", word);
	for (; from < to; from += chunk) {
		size_t bytes = (size_t)(to - from < chunk ? to - from : chunk) *
			       SIM_PAGE;
		off_t at = (off_t)from * SIM_PAGE;
		ssize_t n = write ? mmsim_pwrite(task, file, buf, bytes, at)
				  : mmsim_pread(task, file, buf, bytes, at);

		if (n != (ssize_t)bytes)
			return n < 0 ? n : -EIO;
	}
	return 0;
}

static intptr_t steps_fadvise(struct steps *steps, struct mmsim_task *task)
{
	static const struct steps_word words[] = {
		{"normal", POSIX_FADV_NORMAL},
		{"random", POSIX_FADV_RANDOM},
		{"sequential", POSIX_FADV_SEQUENTIAL},
		{NULL, 0},
	};
	const char *name = table_word(&steps->table, 2);

	return mmsim_fadvise(
		task, *steps_file(steps, name, strlen(name)), 0, 0,
		steps_value(steps, words, table_word(&steps->table, 3)));
}

static intptr_t steps_many(struct steps *steps, struct mmsim_task *task)
{
	long n = table_number(&steps->table, 3);
	char path[64];
	int err = 0;

	for (long i = 0; i < n && !err; i++) {
		struct mmsim_file *file;

		snprintf(path, sizeof(path), "%s%ld",
			 table_word(&steps->table, 2), i);
		err = mmsim_open(task, path, O_RDWR | O_CREAT | O_EXCL, &file);
		if (!err)
			mmsim_close(file);
	}
	return err;
}

static intptr_t steps_random(struct steps *steps, struct mmsim_task *task)
{
	struct steps_range range =
		steps_range(steps, table_word(&steps->table, 2));
	uint64_t state = (uint64_t)table_number(&steps->table, 4);
	int sig = 0;

	for (long n = table_number(&steps->table, 3); n > 0 && !sig; n--) {
		uint64_t page;

		/* MMIX: D. Knuth */
		state = state * UINT64_C(6364136223846793005) +
			UINT64_C(1442695040888963407);
		page = (state >> 33) % range.pages;
		sig = mmsim_access(task, range.addr + page * SIM_PAGE, 1, 0);
	}
	return sig;
}

static intptr_t steps_shm(struct steps *steps, struct mmsim_task *task)
{
	const struct table *table = &steps->table;
	const char *call = table->words[1];
	struct steps_region *region;

	if (strcmp(call, "shmget") == 0) {
		steps->segment = mmsim_shmget(
			task, IPC_PRIVATE,
			(size_t)table_number(table, 2) * SIM_PAGE, 0600);
		return steps->segment < 0 ? steps->segment : 0;
	}
	if (strcmp(call, "shmrm") == 0)
		return mmsim_shmctl(task, steps->segment, IPC_RMID, NULL);
	region = steps_region(steps, table_word(table, 2),
			      strlen(table_word(table, 2)));
	if (strcmp(call, "shmdt") == 0)
		return mmsim_shmdt(task, region->base);
	region->base = (uintptr_t)mmsim_shmat(task, steps->segment, 0, 0);
	return (intptr_t)region->base;
}

/* True: the row names one of these calls, which gave *result. */
static bool steps_file_call(struct steps *steps, struct mmsim_task *task,
			    const char *call, intptr_t *result)
{
	const struct table *table = &steps->table;

	if (strcmp(call, "open") == 0) {
		*result = steps_open(steps, task);
	} else if (strcmp(call, "close") == 0) {
		*result = steps_close(steps);
	} else if (strcmp(call, "unlink") == 0) {
		*result = mmsim_unlink(steps->m, table_word(table, 2));
	} else if (strcmp(call, "pread") == 0 || strcmp(call, "pwrite") == 0) {
		*result = steps_transfer(steps, task, call[1] == 'w');
	} else if (strcmp(call, "fadvise") == 0) {
		*result = steps_fadvise(steps, task);
	} else if (strcmp(call, "many") == 0) {
		*result = steps_many(steps, task);
	} else if (strcmp(call, "put") == 0) {
		*result = mmsim_proc_write(steps->m, table_word(table, 2),
					   table_word(table, 3));
	} else if (strcmp(call, "random") == 0) {
		*result = steps_random(steps, task);
	} else if (strncmp(call, "shm", 3) == 0) {
		*result = steps_shm(steps, task);
	} else if (strcmp(call, "sync") == 0) {
		mmsim_sync(steps->m);
		*result = 0;
	} else if (strcmp(call, "idle") == 0) {
		mmsim_idle(steps->m,
			   (uint64_t)table_number(table, 2) * 1000000);
		*result = 0;
	} else {
		return false;
	}
	return true;
}

/* --- what was cached ----------------------------------------------------- */

/* One byte a page of the file that the row names: 1 when it is cached.  The
 * task that did the last step maps it for a moment. */
static const unsigned char *steps_mincore(struct steps *steps, size_t *pages)
{
	static unsigned char vec[STEPS_WINDOW_PAGES];
	const char *name = table_word(&steps->table, 1);
	struct mmsim_file *file = *steps_file(steps, name, strlen(name));
	struct mmsim_task *task = steps_task(steps, (char)steps->who)->task;
	size_t len;
	intptr_t addr;

	*pages = (size_t)mmsim_file_size(file) / SIM_PAGE;
	cr_assert_leq(*pages, sizeof(vec));
	len = *pages * SIM_PAGE;
	addr = mmsim_mmap(task, 0, len, PROT_READ, MAP_SHARED, file, 0);
	cr_assert_gt(addr, 0);
	cr_assert_eq(mmsim_mincore(task, (uintptr_t)addr, len, vec), 0);
	mmsim_munmap(task, (uintptr_t)addr, len);
	return vec;
}

/* cached f 0-31 100-100 */
static void steps_cached(struct steps *steps)
{
	const struct table *table = &steps->table;
	char got[TABLE_LINE_MAX] = "", want[TABLE_LINE_MAX] = "";
	size_t pages;
	const unsigned char *vec = steps_mincore(steps, &pages);

	for (int i = 2; i < table->nr_words; i++)
		sprintf(strchr(want, '\0'), "%s ", table->words[i]);
	for (size_t i = 0; i < pages; i++) {
		size_t first = i;

		if (!(vec[i] & 1))
			continue;
		while (i + 1 < pages && (vec[i + 1] & 1))
			i++;
		cr_assert_lt(strlen(got), sizeof(got) - 64);
		sprintf(strchr(got, '\0'), "%zu-%zu ", first, i);
	}
	cr_expect_str_eq(got, want, "%s:%d: cached is %s, recorded %s",
			 table->name, table->line, got, want);
}

/* ncached f N[~TOLERANCE] */
static void steps_ncached(struct steps *steps)
{
	size_t pages;
	const unsigned char *vec = steps_mincore(steps, &pages);
	char *end;
	long want = strtol(table_word(&steps->table, 2), &end, 10), got = 0;
	long tolerance = *end == '~' ? strtol(end + 1, &end, 10) : 0;

	cr_assert_eq(*end, '\0');
	for (size_t i = 0; i < pages; i++)
		got += vec[i] & 1;
	table_expect(&steps->table, "cached pages", got, want, tolerance);
}

/* --- sums ---------------------------------------------------------------- */

/* free.used, free.unavailable, free.cache; out of the text of /proc/meminfo. */
static long steps_free(const char *meminfo, const char *name)
{
	long total = sim_find(meminfo, "MemTotal", ":", 0);
	long cache = sim_find(meminfo, "Buffers", ":", 0) +
		     sim_find(meminfo, "Cached", ":", 0) +
		     sim_find(meminfo, "SReclaimable", ":", 0);

	if (strcmp(name, "free.cache") == 0)
		return cache;
	if (strcmp(name, "free.used") == 0)
		return total - sim_find(meminfo, "MemFree", ":", 0) - cache;
	return total - sim_find(meminfo, "MemAvailable", ":", 0);
}

/* MemFree - R + (F - min(F/2, L)) + (K - min(K/2, L)), in pages. */
static void steps_available(struct steps *steps)
{
	char *meminfo = sim_proc(steps->m, "/proc/meminfo");
	long file = (sim_find(meminfo, "Active(file)", ":", 0) +
		     sim_find(meminfo, "Inactive(file)", ":", 0)) /
		    4;
	long slab = sim_find(meminfo, "KReclaimable", ":", 0) / 4;
	long want = sim_find(meminfo, "MemFree", ":", 0) / 4, low = 0;

	for (int z = 0; z < 2; z++) {
		const char *zone = z ? "DMA32" : "DMA";
		long protection =
			z ? 0
			  : zones_read(steps->m, 0, "DMA32", "managed") / 256;
		long reserve =
			zones_read(steps->m, 0, zone, "high") + protection;
		long managed = zones_read(steps->m, 0, zone, "managed");

		want -= reserve < managed ? reserve : managed;
		low += zones_read(steps->m, 0, zone, "low");
	}
	want += file - (file / 2 < low ? file / 2 : low);
	want += slab - (slab / 2 < low ? slab / 2 : low);
	table_expect(&steps->table, "MemAvailable",
		     sim_find(meminfo, "MemAvailable", ":", 0), want * 4, 0);
	free(meminfo);
}

#endif
