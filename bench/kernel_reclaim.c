/*
 * kernel_reclaim.c: the speed of reclaim and swapping on a simulated machine,
 * and what swapped pages cost the host.
 *
 *   cache        a task writes pages, for which a million clean pages of the
 *                page cache have to go
 *   swapout      a task writes pages, for which a million others are swapped
 *                out
 *   swapped SIZE a machine with SIZE of RAM, full, and half as much in swap:
 *                host bytes a frame
 *   read         a file of 16 GiB is read from one end to the other, through a
 *                machine with 1 GiB
 *
 * Usage: kernel_reclaim [WHAT [SIZE]]; without WHAT all of it, with 8G
 *
 * kernel_bench.h tells how it is measured.  The first two figures include the
 * faults that made reclaim necessary, and are scaled to exactly a million
 * pages.  Contents are zeros.
 */
#include "kernel_bench.h"

#include <fcntl.h>

enum {
	MILLION = 1000000,
	CACHE_PAGES = 1 << 20,
	CHUNK = 64 << 10, /* of a read */
};

static void read_file(struct mmsim_task *task, struct mmsim_file *file,
		      off_t bytes)
{
	static char buf[CHUNK];

	for (off_t at = 0; at < bytes; at += CHUNK)
		if (mmsim_pread(task, file, buf, CHUNK, at) != CHUNK)
			die("pread", (long)at);
}

static struct mmsim_file *make_file(struct mmsim_machine *machine, off_t bytes)
{
	struct mmsim_file *file;
	int err = mmsim_file_create(machine, "/data", bytes, &file);

	if (err)
		die("create", err);
	return file;
}

/* Writes one page after the other until `counter` has gone on by a million. */
static void tell_reclaim(struct mmsim_machine *machine, struct mmsim_task *task,
			 uintptr_t addr, size_t nr_pages, const char *counter,
			 const char *name)
{
	double before = vmstat(machine, counter);
	double seconds = write_pages(task, addr, nr_pages);
	double done = vmstat(machine, counter) - before;

	if (done < MILLION / 2)
		die(counter, (long)done);
	tell(name, "1M pages", seconds * MILLION / done, "s");
}

static void bench_cache(void)
{
	struct mmsim_machine *machine = boot("5G");
	struct mmsim_task *task = spawn(machine);
	off_t bytes = (off_t)CACHE_PAGES * PAGE;
	uintptr_t addr = map(task, (size_t)2 * CACHE_PAGES * PAGE);

	read_file(task, make_file(machine, bytes), bytes);
	/* up to the marks */
	write_pages(task, addr, CACHE_PAGES / 5);
	addr += (size_t)CACHE_PAGES / 5 * PAGE;
	tell_reclaim(machine, task, addr, CACHE_PAGES - CACHE_PAGES / 16,
		     "pgsteal_file", "reclaim of clean cache");
	mmsim_machine_shutdown(machine);
}

static void bench_swapout(void)
{
	struct mmsim_machine *machine = boot("4G,swap=8G");
	struct mmsim_task *task = spawn(machine);
	uintptr_t addr = map(task, (size_t)2 * CACHE_PAGES * PAGE);

	write_pages(task, addr, CACHE_PAGES);
	addr += (size_t)CACHE_PAGES * PAGE;
	tell_reclaim(machine, task, addr, MILLION, "pswpout", "swap-out");
	mmsim_machine_shutdown(machine);
}

static void bench_swapped(const char *ram)
{
	size_t nr = size_bytes(ram) / PAGE;
	double before = host_bytes(), used, swapped;
	char spec[32];
	struct mmsim_machine *machine;
	struct mmsim_task *task;

	snprintf(spec, sizeof(spec), "%s,swap=%s", ram, ram);
	machine = boot(spec);
	task = spawn(machine);
	write_pages(task, map(task, nr / 2 * 3 * PAGE), nr / 2 * 3);
	used = host_bytes() - before;
	swapped = vmstat(machine, "pswpout");
	if (swapped < (double)nr / 2)
		die("pswpout", (long)swapped);
	tell("half swapped: host memory a frame", ram, used / (double)nr,
	     "bytes");
	mmsim_machine_shutdown(machine);
}

static void bench_read(void)
{
	struct mmsim_machine *machine = boot("1G");
	struct mmsim_task *task = spawn(machine);
	off_t bytes = (off_t)16 << 30;
	struct mmsim_file *file = make_file(machine, bytes);
	double start = now();

	read_file(task, file, bytes);
	tell("sequential read of 16G", "1G",
	     (double)(bytes / PAGE) / (now() - start) / 1e6, "M pages/s");
	mmsim_machine_shutdown(machine);
}

static void run(const char *what, const char *size)
{
	size_bytes(size);
	if (strcmp(what, "cache") == 0)
		bench_cache();
	else if (strcmp(what, "swapout") == 0)
		bench_swapout();
	else if (strcmp(what, "swapped") == 0)
		bench_swapped(size);
	else if (strcmp(what, "read") == 0)
		bench_read();
	else {
		fprintf(stderr, "kernel_reclaim: cache, swapout, swapped or "
				"read, and a size\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		run(argv[1], argc > 2 ? argv[2] : "8G");
		return 0;
	}
	run("cache", "8G");
	run("swapout", "8G");
	run("swapped", "8G");
	run("read", "8G");
	return 0;
}
