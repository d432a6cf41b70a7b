/*
 * sim.c: the os operations on a task of a simulated machine.
 *
 *   heap -> struct mmsim_os -> live_syscall -> the server -> mmsim_brk, ...
 *   loads and stores        -> fault        -> the server -> handle_page_fault
 *
 * Each operation is one system call of the task, the same that host.c makes of
 * the real kernel, so that the counts are those of the real program.  The break
 * is known here after the first call, as libc knows it, and under a lock,
 * because the program may move it as well.
 *
 * Time is the machine's clock, which stands still while the program computes.
 * Chance comes from the seed of the machine, in the order of asking.
 *
 * Only the server works on the machine; the clock is a word, and may be read.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MREMAP_MAYMOVE */
#endif

#include "os/sim_start.h"

#include "base/hostmem.h"
#include "base/lock.h"
#include "base/rng.h"
#include "kernel/machine.h"
#include "os/sim_state.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum {
	SIM_MAP_FLAGS = MAP_PRIVATE | MAP_ANONYMOUS,
};

/* Apart from the machine's own numbers. */
#define SIM_ENTROPY_STREAM UINT64_C(0x5e6d1a7a5eed0001)

/* ---- memory ---- */

static intptr_t sim_call(struct mmsim_sim *sim, enum live_op op, uintptr_t a0,
			 uintptr_t a1, uintptr_t a2, uintptr_t a3)
{
	return live_syscall(sim->live, op, a0, a1, a2, a3);
}

/* An address, or NULL for an error. */
static void *sim_address(intptr_t result)
{
	return result < 0 && result >= -4095 ? NULL : (void *)result;
}

void sim_lock(struct mmsim_sim *sim, sigset_t *mask)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, mask);
	lock_take(&sim->lock);
}

void sim_unlock(struct mmsim_sim *sim, const sigset_t *mask)
{
	lock_drop(&sim->lock);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

bool sim_set_brk(struct mmsim_sim *sim, uintptr_t wanted)
{
	if ((uintptr_t)sim_call(sim, LIVE_BRK, wanted, 0, 0, 0) != wanted)
		return false;
	sim->brk = wanted;
	return true;
}

/* The old break; 0: it cannot be moved. */
static uintptr_t sim_move_brk(struct mmsim_sim *sim, intptr_t increment)
{
	uintptr_t old = sim->brk, wanted = old + (uintptr_t)increment;

	if (increment == 0)
		return old;
	if ((increment > 0) != (wanted > old) || !sim_set_brk(sim, wanted))
		return 0;
	return old;
}

static void *sim_sbrk(void *ctx, intptr_t increment)
{
	struct mmsim_sim *sim = ctx;
	sigset_t mask;
	uintptr_t old;

	sim_lock(sim, &mask);
	old = sim_move_brk(sim, increment);
	sim_unlock(sim, &mask);
	return (void *)old;
}

static void *sim_map(void *ctx, size_t len)
{
	return sim_address(sim_call(ctx, LIVE_MMAP, 0, len,
				    PROT_READ | PROT_WRITE, SIM_MAP_FLAGS));
}

static void *sim_reserve(void *ctx, size_t len)
{
	return sim_address(
		sim_call(ctx, LIVE_MMAP, 0, len, PROT_NONE, SIM_MAP_FLAGS));
}

static int sim_commit(void *ctx, void *addr, size_t len)
{
	return (int)sim_call(ctx, LIVE_MPROTECT, (uintptr_t)addr, len,
			     PROT_READ | PROT_WRITE, 0);
}

static int sim_decommit(void *ctx, void *addr, size_t len)
{
	intptr_t result = sim_call(ctx, LIVE_MMAP, (uintptr_t)addr, len,
				   PROT_NONE, SIM_MAP_FLAGS | MAP_FIXED);

	return sim_address(result) ? 0 : (int)result;
}

static int sim_unmap(void *ctx, void *addr, size_t len)
{
	return (int)sim_call(ctx, LIVE_MUNMAP, (uintptr_t)addr, len, 0, 0);
}

static void *sim_remap(void *ctx, void *addr, size_t old_len, size_t new_len,
		       int may_move)
{
	return sim_address(sim_call(ctx, LIVE_MREMAP, (uintptr_t)addr, old_len,
				    new_len, may_move ? MREMAP_MAYMOVE : 0));
}

static int sim_advise(void *ctx, void *addr, size_t len, int advice)
{
	return (int)sim_call(ctx, LIVE_MADVISE, (uintptr_t)addr, len,
			     (uintptr_t)advice, 0);
}

static int sim_purge(void *ctx, void *addr, size_t len)
{
	return sim_advise(ctx, addr, len, MADV_DONTNEED);
}

static int sim_populate(void *ctx, void *addr, size_t len)
{
	return sim_advise(ctx, addr, len, MADV_POPULATE_WRITE);
}

static int sim_hugepage(void *ctx, void *addr, size_t len)
{
	return sim_advise(ctx, addr, len, MADV_HUGEPAGE);
}

/* ---- time, chance, CPUs ---- */

static uint64_t sim_now_ns(void *ctx)
{
	const struct mmsim_sim *sim = ctx;

	return load_relaxed(&sim->machine->clock_ns);
}

static uint64_t sim_entropy(void *ctx)
{
	struct mmsim_sim *sim = ctx;
	uint64_t nr = __atomic_add_fetch(&sim->nr_entropy, 1, __ATOMIC_RELAXED);
	struct rng rng = {.state =
				  sim->machine->spec.seed ^ SIM_ENTROPY_STREAM};

	rng.state = rng_next(&rng) + nr;
	return rng_next(&rng);
}

static unsigned sim_nr_cpus(void *ctx)
{
	const struct mmsim_sim *sim = ctx;

	return sim->machine->nr_cpus;
}

/* ---- fork ---- */

static void sim_fork_prepare(void *ctx)
{
	struct mmsim_sim *sim = ctx;

	sigset_t mask;

	sim_lock(sim, &mask);
	sim->fork_signals = mask;
	live_fork_prepare(sim->live);
}

static void sim_fork_parent(void *ctx)
{
	struct mmsim_sim *sim = ctx;

	live_fork_parent(sim->live);
	sim_unlock(sim, &sim->fork_signals);
}

static void sim_fork_child(void *ctx)
{
	struct mmsim_sim *sim = ctx;

	live_fork_child(sim->live);
	lock_drop(&sim->lock);
	/* Who waited for it is not here. */
	lock_init(&sim->lock, LOCK_RANK_OS);
	sigprocmask(SIG_SETMASK, &sim->fork_signals, NULL);
}

/* ---- beginning and end ---- */

static void sim_init_os(struct mmsim_sim *sim)
{
	lock_init(&sim->lock, LOCK_RANK_OS);
	sim->os = (struct mmsim_os){
		.ctx = sim,
		.page_size = PAGE_SIZE,
		.sbrk = sim_sbrk,
		.map = sim_map,
		.reserve = sim_reserve,
		.commit = sim_commit,
		.decommit = sim_decommit,
		.unmap = sim_unmap,
		.remap = sim_remap,
		.purge = sim_purge,
		.populate = sim_populate,
		.hugepage = sim_hugepage,
		.now_ns = sim_now_ns,
		.entropy = sim_entropy,
		.nr_cpus = sim_nr_cpus,
		.fork_prepare = sim_fork_prepare,
		.fork_parent = sim_fork_parent,
		.fork_child = sim_fork_child,
	};
}

/* The task, under the name of the program. */
static int sim_spawn(struct mmsim_sim *sim)
{
	char comm[TASK_COMM_LEN] = "";

	if (prctl(PR_GET_NAME, comm) || comm[0] == '\0')
		comm[0] = '?';
	return mmsim_task_spawn(sim->machine, comm, &sim->task);
}

static int sim_set_up(struct mmsim_sim *sim, const char *spec, unsigned flags)
{
	struct live_config config = {
		.observer = &sim->record.observer,
		.survive = flags & MMSIM_SIM_SURVIVE,
	};
	int err;

	err = mmsim_machine_boot(spec, &sim->machine);
	if (err)
		return err;
	err = sim_spawn(sim);
	if (err)
		goto shutdown;
	config.task = sim->task;
	sim_record_start(&sim->record, sim->task);
	err = live_start(&config, &sim->live);
	if (err)
		goto shutdown;
	sim->brk = (uintptr_t)sim_call(sim, LIVE_BRK, 0, 0, 0, 0);
	return 0;

shutdown:
	mmsim_machine_shutdown(sim->machine);
	return err;
}

int sim_start(const char *spec, unsigned flags, const char *area, bool is_bound,
	      struct mmsim_sim **result)
{
	struct mmsim_sim *sim = hostmem_map(sizeof(*sim));
	int err;

	if (!sim)
		return -ENOMEM;
	sim_init_os(sim);
	sim_record_attach(&sim->record, area);
	if (is_bound)
		run_area_bind_cpu(sim->record.area, sim->record.index);
	err = sim_set_up(sim, spec, flags);
	if (err) {
		sim_record_fail(&sim->record, mmsim_sim_why(err));
		sim_record_detach(&sim->record);
		hostmem_unmap(sim, sizeof(*sim));
		return err;
	}
	*result = sim;
	return 0;
}

PUBLIC int mmsim_sim_start(const char *spec, unsigned flags,
			   struct mmsim_sim **sim)
{
	int err;

	if (!sim)
		return -EINVAL;
	*sim = NULL;
	if (!spec || (flags & ~(unsigned)MMSIM_SIM_SURVIVE))
		return -EINVAL;
	err = mmsim_spec_check(spec, NULL, 0);
	return err ? err : sim_start(spec, flags, NULL, false, sim);
}

PUBLIC const char *mmsim_sim_why(int error)
{
	switch (error) {
	case 0:
		return "nothing is missing";
	case -EINVAL:
		return "only an x86-64 machine can have real memory "
		       "(mmsim_spec_check tells whether the specification is "
		       "one at all)";
	case -EPERM:
		return "no right to handle page faults of the kernel: set the "
		       "sysctl vm.unprivileged_userfaultfd to 1, or give "
		       "access "
		       "to /dev/userfaultfd, or run with CAP_SYS_PTRACE";
	case -ENOSYS:
		return "this host has no userfaultfd with minor faults and "
		       "write protection of shared memory: Linux 5.19 or later "
		       "is needed, and no seccomp filter that forbids the "
		       "system call";
	case -ENOMEM:
				return "the host has no memory or no addresses for the machine "
		       "(ulimit -v must allow some TiB)";
	case -EFBIG:
		return "the limit on the size of files (ulimit -H -f) is too "
		       "low "
		       "for the file, a sparse one, that holds the memory";
	case -EAGAIN:
		return "the host allows no further process for the server";
	default:
		return "the machine could not be started";
	}
}

PUBLIC void mmsim_sim_stop(struct mmsim_sim *sim)
{
	if (!sim)
		return;
	live_stop(sim->live);
	mmsim_machine_shutdown(sim->machine);
	sim_record_detach(&sim->record);
	hostmem_unmap(sim, sizeof(*sim));
}

PUBLIC struct mmsim_machine *mmsim_sim_machine(struct mmsim_sim *sim)
{
	return sim ? sim->machine : NULL;
}

PUBLIC struct mmsim_task *mmsim_sim_task(struct mmsim_sim *sim)
{
	return sim ? sim->task : NULL;
}

PUBLIC const struct mmsim_os *mmsim_sim_os(struct mmsim_sim *sim)
{
	return sim ? &sim->os : NULL;
}
