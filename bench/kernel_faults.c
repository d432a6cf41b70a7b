/*
 * kernel_faults.c: the speed of the simulated kernel, and what it costs the
 * host.
 *
 *   faults SIZE   minor anonymous faults a second on a machine with SIZE of
 *                 RAM, one store to each page: cold (the machine's frames and
 *                 the host's memory for their records are used for the first
 *                 time) and warm (used before).  The figures must not depend on
 *                 SIZE.
 *   hits          accesses a second that the TLB answers
 *   boot SIZE     the time that a boot takes, and the host's memory for it
 *   fill SIZE     a machine that is filled with pages of zeros: host bytes a
 *                 frame
 *
 * Usage: kernel_faults [WHAT [SIZE]]; without WHAT all of it, on small machines
 *
 * kernel_bench.h tells how it is measured.
 */
#include "kernel_bench.h"

enum {
	FAULT_PAGES = 100000, /* 390 MiB */
	FAULT_ROUNDS = 20,
	HIT_PAGES = 256,
	HIT_ROUNDS = 200000,
};

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
	tell("faults, warm", ram,
	     (double)FAULT_PAGES * FAULT_ROUNDS / warm / 1e6, "M/s");
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
	tell("host memory after boot", ram, (host_bytes() - before) / (1 << 20),
	     "MiB");
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
