/*
 * mmsim/sim.h: a simulated machine under real memory.
 *
 * A machine of <mmsim/kernel.h> is told of loads and stores by calls.  Here one
 * of its tasks gets memory that is real: what it maps and what lies below its
 * break are addresses of this process, plain pointers reach them, and every
 * access that finds no page faults into the simulated kernel, system calls of
 * the host that read or write such memory included.  A heap on such a task is
 * the same allocator as the one behind malloc:
 *
 *     struct mmsim_sim *sim;
 *     mmsim_sim_start("ram=64M,swap=0", 0, &sim);
 *     struct mmsim_heap *heap = mmsim_heap_create(mmsim_sim_os(sim), NULL);
 *     char *p = mmsim_heap_malloc(heap, 1000);
 *
 * Between accesses the machine may be looked at and used with the calls of
 * <mmsim/kernel.h>: by one thread, while no other touches such memory, and with
 * results and texts in memory of the host.
 *
 * It stands on userfaultfd(2): Linux 5.19 or later, and the right to handle
 * faults of the kernel.
 */
#ifndef MMSIM_SIM_H
#define MMSIM_SIM_H

#include <mmsim/kernel.h>
#include <mmsim/os.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mmsim_sim;

/* What becomes of the process when the simulated kernel kills the task. */
enum {
	MMSIM_SIM_KILL = 0, /* it dies of SIGKILL, after the kernel's report went
			     * to its standard error */
	MMSIM_SIM_SURVIVE = 1, /* the access earns a real SIGSEGV, and so does
				* every later one to the task's memory */
};

/*
 * Boots the machine that `spec` describes with one task whose memory is real,
 * and starts the process that serves its faults.  0, or a negative errno value
 * with nothing left behind: -EINVAL (the spec; mmsim_spec_check tells why),
 * -EPERM (no right to handle the kernel's faults), -ENOSYS (the host's kernel
 * cannot), -ENOMEM, -EFBIG (RLIMIT_FSIZE), -EAGAIN.  mmsim_sim_why gives the sentence.
 */
int mmsim_sim_start(const char *spec, unsigned flags, struct mmsim_sim **sim);

/* What is missing when mmsim_sim_start returned `error`, and how it is got. */
const char *mmsim_sim_why(int error);

/* Takes down the machine; the memory is gone.  No other thread may use it. */
void mmsim_sim_stop(struct mmsim_sim *sim);

struct mmsim_machine *mmsim_sim_machine(struct mmsim_sim *sim);
struct mmsim_task *mmsim_sim_task(struct mmsim_sim *sim);

/* The operations of <mmsim/os.h> as system calls of the task.  The time is the
 * machine's, and so are chance and the number of CPUs. */
const struct mmsim_os *mmsim_sim_os(struct mmsim_sim *sim);

/* The machine behind malloc, of MMSIM_MACHINE; NULL: malloc is on the real
 * system, or has not been called yet (mmsim_os_default starts it). */
struct mmsim_sim *mmsim_sim_default(void);

/* [start, end) of the addresses that can be the task's memory. */
void mmsim_sim_window(const struct mmsim_sim *sim, uintptr_t *start,
		      uintptr_t *end);

/*
 * A system call of the task, by any thread: what Linux would return.  `nr` and
 * the arguments are those of syscall(2) for brk, mmap (anonymous and private;
 * addr, len, prot, flags), munmap, mprotect, mremap (no new address), madvise,
 * mlock, mlock2, munlock, mlockall, munlockall, mincore (its vector is not in
 * the task's memory) and msync; -ENOSYS for others.  Memory of the task that is
 * named must lie in its window, else it is -EINVAL.
 */
intptr_t mmsim_sim_syscall(struct mmsim_sim *sim, long nr, uintptr_t a0,
			   uintptr_t a1, uintptr_t a2, uintptr_t a3);

#ifdef __cplusplus
}
#endif
#endif
