/*
 * runner.c: does memory operations on the real kernel, one at a time.
 *
 * A program without libc: nothing but what the requests say changes its
 * address space, and nothing but they take page faults while one is done.  It
 * reads a request from its channel, does it, and writes the answer.  A fork
 * makes a second such program that goes on with another channel.
 *
 * Loads and stores that earn a signal are skipped by the handler: each is one
 * instruction of known length in touch().
 */
#include "op.h"

#include <asm/unistd.h>
#include <linux/mman.h>
#include <stddef.h>

#ifndef __x86_64__
#error "the runner is written for x86-64"
#endif

typedef uint64_t u64;

static long call6(long nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	long ret;
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define CALL(nr, a, b, c) call6(nr, (u64)(a), (u64)(b), (u64)(c), 0, 0, 0)

/* What the compiler may call for by itself. */
void *memset(void *dst, int c, size_t len);
void *memset(void *dst, int c, size_t len)
{
	volatile char *p = dst;

	while (len--)
		*p++ = (char)c;
	return dst;
}

/* --- signals -------------------------------------------------------------------- */

/* As the kernel's ABI has them. */
struct kernel_sigaction {
	void (*handler)(int, int *, u64 *);
	u64 flags;
	void (*restorer)(void);
	u64 mask;
};
enum { SA_SIGINFO_RAW = 4, SA_RESTORER_RAW = 0x04000000, SA_NODEFER_RAW = 0x40000000 };
enum { UCONTEXT_RIP = 5 + 16 }; /* words from the start of ucontext */

extern char touch_load[], touch_store[], touch_end[];
static volatile struct {
	int signal, code;
	u64 addr;
} fault;

void restorer(void);
__asm__(".text\n.globl restorer\nrestorer:\n\tmov $15, %eax\n\tsyscall\n");

static void on_fault(int signal, int *siginfo, u64 *ucontext)
{
	fault.signal = signal;
	fault.code = siginfo[2];
	fault.addr = ((u64 *)(void *)siginfo)[2];
	ucontext[UCONTEXT_RIP] = (u64)touch_end;
}

/* One load or store of a byte; the byte. */
u64 touch(u64 addr, u64 write, u64 byte);
__asm__(".text\n.globl touch\ntouch:\n"
	"\tmov %rdx, %rax\n"
	"\ttest %rsi, %rsi\n"
	"\tjnz touch_store\n"
	"touch_load:\tmovzbl (%rdi), %eax\n"
	"\tret\n"
	"touch_store:\tmovb %dl, (%rdi)\n"
	"touch_end:\tret\n");

static void catch_faults(void)
{
	static const int signals[] = {11, 7};
	struct kernel_sigaction action;
	unsigned i;

	action.handler = on_fault;
	action.flags = SA_SIGINFO_RAW | SA_RESTORER_RAW | SA_NODEFER_RAW;
	action.restorer = restorer;
	action.mask = 0;
	for (i = 0; i < 2; i++)
		call6(__NR_rt_sigaction, (u64)signals[i], (u64)&action, 0, 8, 0,
		      0);
}

/* --- operations ----------------------------------------------------------------- */

static u64 faults_so_far(void)
{
	u64 usage[18];

	CALL(__NR_getrusage, 0, usage, 0);
	return usage[8]; /* ru_minflt */
}

static void touch_range(const struct request *rq, struct answer *an)
{
	u64 addr;

	fault.signal = 0;
	for (addr = rq->addr; addr < rq->addr + rq->len; addr += ORACLE_PAGE) {
		u64 byte = touch(addr, rq->kind == OP_WRITE, rq->flags & 255);

		an->hash = hash_more(an->hash, byte);
		if (!fault.signal)
			continue;
		an->hash = 0;
		an->signal = (uint32_t)fault.signal;
		an->code = (uint32_t)fault.code;
		an->fault_addr = fault.addr;
		return;
	}
}

static unsigned char core[4096];

static long mincore_hash(const struct request *rq, struct answer *an)
{
	u64 i, n = rq->len / ORACLE_PAGE;
	long ret;

	if (n > sizeof core)
		n = sizeof core;
	ret = CALL(__NR_mincore, rq->addr, n * ORACLE_PAGE, core);
	if (ret == 0)
		for (i = 0; i < n; i++)
			an->hash = hash_more(an->hash, core[i] & 1);
	return ret;
}

/* --- files and segments --------------------------------------------------------- */

static unsigned char buffer[MAX_TRANSFER];

static u64 fd_of(const struct request *rq)
{
	return rq->file < 0 ? (u64)-1 : FILE_FD + (u64)rq->file;
}

static long read_file(const struct request *rq, struct answer *an)
{
	long i, n = call6(__NR_pread64, fd_of(rq), (u64)buffer, rq->len,
			  rq->offset, 0, 0);

	for (i = 0; i < n; i++)
		an->hash = hash_more(an->hash, buffer[i]);
	return n;
}

static long write_file(const struct request *rq)
{
	memset(buffer, (int)rq->flags, sizeof buffer);
	return call6(__NR_pwrite64, fd_of(rq), (u64)buffer, rq->len, rq->offset,
		     0, 0);
}

/* The names are "0", "1" ... in the current directory. */
static long unlink_file(const struct request *rq)
{
	char name[2];

	name[0] = (char)('0' + rq->file / 2);
	name[1] = '\0';
	return CALL(__NR_unlink, name, 0, 0);
}

/* As struct shmid64_ds of the kernel's ABI has them. */
enum { SHM_MODE_WORD = 5, SHM_SIZE_LONG = 6, SHM_NATTCH_LONG = 11 };

static long control_segment(const struct request *rq, struct answer *an)
{
	u64 ds[32];
	long ret = CALL(__NR_shmctl, rq->id, rq->flags, ds);

	if (ret == 0 && rq->flags == 2 /* IPC_STAT */) {
		an->hash = hash_more(an->hash, ds[SHM_SIZE_LONG]);
		an->hash = hash_more(an->hash, ds[SHM_NATTCH_LONG]);
		an->hash = hash_more(an->hash,
				     ((uint32_t *)ds)[SHM_MODE_WORD]);
	}
	return ret;
}

/* --- all of them ---------------------------------------------------------------- */

static long do_call(const struct request *rq, struct answer *an)
{
	switch (rq->kind) {
	case OP_MMAP:
		return call6(__NR_mmap, rq->addr, rq->len, rq->prot, rq->flags,
			     fd_of(rq), rq->offset);
	case OP_MUNMAP:
		return CALL(__NR_munmap, rq->addr, rq->len, 0);
	case OP_MPROTECT:
		return CALL(__NR_mprotect, rq->addr, rq->len, rq->prot);
	case OP_MREMAP:
		return call6(__NR_mremap, rq->addr, rq->len, rq->len2,
			     rq->flags, rq->addr2, 0);
	case OP_MADVISE:
		return CALL(__NR_madvise, rq->addr, rq->len, rq->flags);
	case OP_BRK:
		return CALL(__NR_brk, rq->addr, 0, 0);
	case OP_MLOCK:
		return CALL(__NR_mlock2, rq->addr, rq->len, rq->flags);
	case OP_MUNLOCK:
		return CALL(__NR_munlock, rq->addr, rq->len, 0);
	case OP_MLOCKALL:
		return CALL(__NR_mlockall, rq->flags, 0, 0);
	case OP_MUNLOCKALL:
		return CALL(__NR_munlockall, 0, 0, 0);
	case OP_READ:
	case OP_WRITE:
		touch_range(rq, an);
		return 0;
	case OP_MINCORE:
		return mincore_hash(rq, an);
	case OP_MSYNC:
		return CALL(__NR_msync, rq->addr, rq->len, rq->flags);
	case OP_PREAD:
		return read_file(rq, an);
	case OP_PWRITE:
		return write_file(rq);
	case OP_TRUNCATE:
		return CALL(__NR_ftruncate, fd_of(rq), rq->len, 0);
	case OP_UNLINK:
		return unlink_file(rq);
	case OP_SHMGET:
		return CALL(__NR_shmget, 0, rq->len, rq->flags);
	case OP_SHMAT:
		return CALL(__NR_shmat, rq->id, rq->addr, rq->flags);
	case OP_SHMDT:
		return CALL(__NR_shmdt, rq->addr, 0, 0);
	case OP_SHMCTL:
		return control_segment(rq, an);
	default:
		return -22;
	}
}

/* Uses every page that the runner itself uses, so that after a fork they are
 * mapped or copied here and not in the next operation. */
static void warm_up(void)
{
	static const char constant[] = "read only data";
	volatile char frames[2 * ORACLE_PAGE];
	unsigned i;

	(void)*(const volatile char *)constant;

	for (i = 0; i < sizeof frames; i += 512)
		frames[i] = 0;
	fault.signal = 0;
	for (i = 0; i < sizeof core; i += 512)
		((volatile unsigned char *)core)[i] = 0;
	for (i = 0; i < sizeof buffer; i += 512)
		((volatile unsigned char *)buffer)[i] = 0;
}

static void do_fork(const struct request *rq, struct answer *an, int *channel)
{
	long pid = CALL(__NR_fork, 0, 0, 0);

	if (pid == 0) {
		*channel = CHANNEL_FD + (int)rq->child;
		pid = CALL(__NR_getpid, 0, 0, 0);
	}
	an->result = pid;
}

static void serve(int channel)
{
	struct request rq;
	struct answer an;
	u64 before;

	while (CALL(__NR_read, channel, &rq, sizeof rq) == sizeof rq) {
		memset(&an, 0, sizeof an);
		if (rq.kind == OP_EXIT)
			break;
		if (rq.kind == OP_FORK) {
			do_fork(&rq, &an, &channel);
			warm_up();
		} else {
			warm_up();
			before = faults_so_far();
			an.result = do_call(&rq, &an);
			an.min_flt = faults_so_far() - before;
		}
		CALL(__NR_write, channel, &an, sizeof an);
	}
	CALL(__NR_exit_group, 0, 0, 0);
}

void runner_main(void);
void runner_main(void)
{
	catch_faults();
	warm_up();
	serve(CHANNEL_FD);
}

__asm__(".text\n.globl _start\n_start:\n"
	"\txor %ebp, %ebp\n"
	"\tand $-16, %rsp\n"
	"\tcall runner_main\n");
