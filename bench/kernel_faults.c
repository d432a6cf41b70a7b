/*
 * kernel_faults.c: the speed of the simulated kernel, and what it costs the
 * host.
 *
 *   faults SIZE   minor anonymous faults a second on a machine with SIZE of RAM,
 *                 one store to each page: cold (the machine's frames and the
 *                 host's memory for their records are used for the first time)
 *                 and warm (used before).  The figures must not depend on SIZE.
 *   hits          accesses a second that the TLB answers
 *   boot SIZE     the time that a boot takes, and the host's memory for it
 *   fill SIZE     a machine that is filled with pages of zeros: host bytes a
 *                 frame
 *
 * Usage: kernel_faults [WHAT [SIZE]]; without WHAT all of it, on small machines
 *
 * One line a figure: name, value, unit, with tabs between them.  Times are CPU
 * time, so that other programs count as little as possible; a rate is the mean
 * of everything that was done.
 */
#include <mmsim/kernel.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
	PAGE = 4096,
	FAULT_PAGES = 100000, /* 390 MiB */
	FAULT_ROUNDS = 20,
	HIT_PAGES = 256,
	HIT_ROUNDS = 200000,
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what, long result)
{
	fprintf(stderr, "kernel_faults: %s: %ld\n", what, result);
	exit(1);
}

static void tell(const char *name, const char *size, double value,
		 const char *unit)
{
	printf("%s%s%s\t%.4g\t%s\n", name, *size ? ", " : "", size, value, unit);
	fflush(stdout);
}

/* "64G" */
static size_t size_bytes(const char *text)
{
	char *end;
	size_t bytes = strtoul(text, &end, 10);

	if (*end == 'G' && end[1] == '\0' && bytes > 0)
		return bytes << 30;
	if (*end == 'T' && end[1] == '\0' && bytes > 0)
		return bytes << 40;
	fprintf(stderr, "kernel_faults: %s: a size such as 64G or 1T\n", text);
	exit(2);
}

/* Resident bytes of this process. */
static double host_bytes(void)
{
	char line[128];
	double kb = 0;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtod(line + 6, NULL);
	if (file)
		fclose(file);
	return kb * 1024;
}

static struct mmsim_machine *boot(const char *ram)
{
	struct mmsim_machine *machine;
	char spec[64];
	int err;

	snprintf(spec, sizeof(spec), "ram=%s,vm.overcommit_memory=1", ram);
	err = mmsim_machine_boot(spec, &machine);
	if (err)
		die("boot", err);
	return machine;
}

static struct mmsim_task *spawn(struct mmsim_machine *machine)
{
	struct mmsim_task *task;
	int err = mmsim_task_spawn(machine, "bench", &task);

	if (err)
		die("spawn", err);
	return task;
}

static uintptr_t map(struct mmsim_task *task, size_t len)
{
	intptr_t addr = mmsim_mmap(task, 0, len, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);

	if (addr < 0)
		die("mmap", addr);
	return (uintptr_t)addr;
}

/* Seconds for one store to each page. */
static double write_pages(struct mmsim_task *task, uintptr_t addr, size_t nr)
{
	double start = now();

	for (size_t i = 0; i < nr; i++) {
		int sig = mmsim_access(task, addr + i * PAGE, 8, 1);

		if (sig)
			die("access", sig);
	}
	return now() - start;
}

static void bench_faults(const char *ram)
{
	struct mmsim_machine *machine = boot(ram);
	struct mmsim_task *task = spawn(machine);
	uintptr_t addr = map(task, (size_t)FAULT_PAGES * PAGE);
	double cold = write_pages(task, addr, FAULT_PAGES), warm = 0;

	for (int round = 0; round < FAULT_ROUNDS; round++) {
		mmsim_munmap(task, addr, (size_t)FAULT_PAGES * PAGE);
		addr = map(task, (size_t)FAULT_PAGES * PAGE);
		warm += write_pages(task, addr, FAULT_PAGES);
	}
	tell("faults, warm", ram, (double)FAULT_PAGES * FAULT_ROUNDS / warm / 1e6,
	     "M/s");
	tell("faults, cold", ram, (double)FAULT_PAGES / cold / 1e6, "M/s");
	mmsim_machine_shutdown(machine);
}

static void bench_hits(void)
{
	struct mmsim_machine *machine = boot("1G");
	struct mmsim_task *task = spawn(machine);
	uintptr_t addr = map(task, (size_t)HIT_PAGES * PAGE);
	double start;
	int failed = 0;

	write_pages(task, addr, HIT_PAGES);
	start = now();
	for (size_t round = 0; round < HIT_ROUNDS; round++)
		for (size_t i = 0; i < HIT_PAGES; i++)
			failed |= mmsim_access(task, addr + i * PAGE + 16, 8,
					       (int)(i & 1));
	tell("TLB hits", "",
	     (double)HIT_PAGES * HIT_ROUNDS / (now() - start) / 1e6, "M/s");
	if (failed)
		die("hits", failed);
	mmsim_machine_shutdown(machine);
}

static void bench_boot(const char *ram)
{
	double before = host_bytes(), start = now();
	struct mmsim_machine *machine = boot(ram);
	double seconds = now() - start;

	tell("boot", ram, seconds * 1e3, "ms");
	tell("host memory after boot", ram,
	     (host_bytes() - before) / (1 << 20), "MiB");
	mmsim_machine_shutdown(machine);
}

/* 97 % of the frames: the rest is tables, page structs and what the kernel
 * keeps back. */
static void bench_fill(const char *ram)
{
	size_t nr = size_bytes(ram) / PAGE / 100 * 97;
	double before = host_bytes();
	struct mmsim_machine *machine = boot(ram);
	struct mmsim_task *task = spawn(machine);
	uintptr_t addr = map(task, nr * PAGE);
	double seconds = write_pages(task, addr, nr);

	tell("filled: faults", ram, (double)nr / seconds / 1e6, "M/s");
	tell("filled: host memory a frame", ram,
	     (host_bytes() - before) / (double)nr, "bytes");
	mmsim_machine_shutdown(machine);
}

static void run(const char *what, const char *size)
{
	size_bytes(size);
	if (strcmp(what, "faults") == 0)
		bench_faults(size);
	else if (strcmp(what, "boot") == 0)
		bench_boot(size);
	else if (strcmp(what, "fill") == 0)
		bench_fill(size);
	else if (strcmp(what, "hits") == 0)
		bench_hits();
	else {
		fprintf(stderr, "kernel_faults: faults, hits, boot or fill, "
				"and a size\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		run(argv[1], argc > 2 ? argv[2] : "1G");
		return 0;
	}
	run("faults", "1G");
	run("faults", "64G");
	run("faults", "1T");
	run("hits", "1G");
	run("boot", "1T");
	run("fill", "8G");
	return 0;
}
