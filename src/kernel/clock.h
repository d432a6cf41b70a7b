/*
 * clock.h: virtual time and what each event costs.
 *
 * The figures are round numbers in the range of current machines; only their
 * order of size matters.  They are never the host's time.
 */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include <stdint.h>

/* Time stops here, as a signed number of ns must not run over. */
#define CLOCK_END_NS ((uint64_t)INT64_MAX)

/* ns */
enum {
	COST_SYSCALL = 200,
	COST_MINOR_FAULT = 500,
	COST_ZERO_PAGE = 100,    /* clearing 4 KiB */
	COST_COPY_PAGE = 200,
	COST_ZERO_HUGE_PAGE = 60000,
	COST_PAGE_TABLE_PAGE = 150,
	COST_FORK = 50000,
	COST_EXIT = 30000,
	COST_DISK_LATENCY = 100000,
	COST_DISK_PAGE = 8000,   /* about 500 MB/s */
	COST_WRITEBACK_PAGE = 300, /* for the CPU that hands a page to the disk */
	COST_SWAP_LATENCY = 100000,
	COST_SWAP_PAGE = 8000,
	COST_RECLAIM_SCAN = 100, /* a page looked at */
	COST_OOM_KILL = 1000000,
};

struct mmsim_machine;
struct mmsim_task;

/* What of ns there is still time for. */
uint64_t clock_limit(const struct mmsim_machine *machine, uint64_t ns);
/* The time of whoever runs: a kernel thread's own, or the machine's. */
uint64_t clock_now(const struct mmsim_machine *machine);
/* Whoever runs sleeps until then, if that is still to come; nobody's CPU time. */
void clock_wait_until(struct mmsim_machine *machine, uint64_t ns);
/* The machine's clock goes there, if that is still to come. */
void clock_advance_to(struct mmsim_machine *machine, uint64_t ns);
/* The task pays ns of system time; NULL: the kernel itself, or the kernel thread
 * that runs. */
void clock_charge(struct mmsim_machine *machine, struct mmsim_task *task,
		  uint64_t ns);

#endif
