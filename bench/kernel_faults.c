/*
 * kernel_faults.c: the speed of the model MMU, and what a frame costs the host.
 *
 *   faults      minor anonymous faults a second, one mmsim_access a page: warm
 *               (frames and tables were used before) and cold (the machine's
 *               frames are touched for the first time), for machines of several
 *               sizes: the figure must not depend on the size
 *   hits        mmsim_access calls a second that the TLB answers
 *   fill        a machine filled with 4 KiB pages of zeros: host bytes a frame
 *
 * Usage: kernel_faults [fill-size, such as 64G; default 8G]
 */
#include <mmsim/kernel.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PAGE = 4096 };

/* Seconds of one core, so that other programs do not count. */
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

static struct mmsim_machine *boot(const char *ram, struct mmsim_task **task)
{
	struct mmsim_machine *machine;
	char spec[64];
	int err;

	snprintf(spec, sizeof(spec), "ram=%s,vm.overcommit_memory=1", ram);
	err = mmsim_machine_boot(spec, &machine);
	if (err)
		die("boot", err);
	err = mmsim_task_spawn(machine, "bench", task);
	if (err)
		die("spawn", err);
	return machine;
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
	const size_t nr = 100000; /* 390 MiB */
	struct mmsim_task *task;
	struct mmsim_machine *machine = boot(ram, &task);
	double best = 1e9, unmap_best = 1e9, cold, start;
	uintptr_t addr = map(task, nr * PAGE);

	cold = write_pages(task, addr, nr);
	for (int round = 0; round < 20; round++) {
		double seconds;

		start = now();
		mmsim_munmap(task, addr, nr * PAGE);
		seconds = now() - start;
		unmap_best = seconds < unmap_best ? seconds : unmap_best;
		addr = map(task, nr * PAGE);
		seconds = write_pages(task, addr, nr);
		best = seconds < best ? seconds : best;
	}
	printf("ram %-5s faults: warm %6.2f M/s, cold %6.2f M/s; unmap %6.2f M pages/s\n",
	       ram, (double)nr / best / 1e6, (double)nr / cold / 1e6,
	       (double)nr / unmap_best / 1e6);
	mmsim_machine_shutdown(machine);
}

static void bench_hits(const char *ram)
{
	const size_t nr = 256, rounds = 20000;
	struct mmsim_task *task;
	struct mmsim_machine *machine = boot(ram, &task);
	uintptr_t addr = map(task, nr * PAGE);
	double best = 1e9;
	int failed = 0;

	write_pages(task, addr, nr);
	for (int run = 0; run < 10; run++) {
		double start = now(), seconds;

		for (size_t round = 0; round < rounds; round++)
			for (size_t i = 0; i < nr; i++)
				failed |= mmsim_access(task,
						       addr + i * PAGE + 16, 8,
						       (int)(i & 1));
		seconds = now() - start;
		best = seconds < best ? seconds : best;
	}
	if (failed)
		die("hits", failed);
	printf("ram %-5s TLB hits: %.1f M/s\n", ram,
	       (double)(nr * rounds) / best / 1e6);
	mmsim_machine_shutdown(machine);
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

static void bench_fill(const char *ram)
{
	double before = host_bytes(), start = now();
	struct mmsim_task *task;
	struct mmsim_machine *machine = boot(ram, &task);
	size_t bytes = strtoul(ram, NULL, 10) << 30, nr = 0;
	size_t most = bytes / PAGE / 100 * 97;
	uintptr_t addr = map(task, most * PAGE);
	double booted = now() - start, seconds;

	seconds = write_pages(task, addr, most);
	nr = most;
	printf("ram %-5s filled with %zu pages: %.2f M faults/s, %.1f host bytes a frame, boot %.2f ms\n",
	       ram, nr, (double)nr / seconds / 1e6,
	       (host_bytes() - before) / (double)nr, booted * 1e3);
	mmsim_machine_shutdown(machine);
}

int main(int argc, char **argv)
{
	static const char *const sizes[] = { "1G", "64G", "1T" };

	for (unsigned i = 0; i < 3; i++)
		bench_faults(sizes[i]);
	bench_hits("1G");
	bench_fill(argc > 1 ? argv[1] : "8G");
	return 0;
}
