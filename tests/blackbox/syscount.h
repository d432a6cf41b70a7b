/*
 * syscount.h: counts, and refuses, the system calls that move memory.
 *
 * A seccomp filter turns brk, mmap, munmap, mremap, mprotect and madvise of
 * the calling thread into SIGSYS; the handler counts the call and lets it fail
 * with ENOMEM.  The filter cannot be removed, and a thread that has one must
 * not return: libc unmaps its stack while signals are blocked. syscount_start()
 * proves that it counts before it returns. seccomp(2) needs no privilege after
 * PR_SET_NO_NEW_PRIVS.
 */
#ifndef SYSCOUNT_H
#define SYSCOUNT_H

#include "tap.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#if defined(__x86_64__)
#define SYSCOUNT_ARCH AUDIT_ARCH_X86_64
#define SYSCOUNT_RESULT(uc) ((uc)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define SYSCOUNT_ARCH AUDIT_ARCH_AARCH64
#define SYSCOUNT_RESULT(uc) ((uc)->uc_mcontext.regs[0])
#else
#error "syscount.h knows x86-64 and aarch64"
#endif

static const int syscount_numbers[] = {SYS_brk,    SYS_mmap,     SYS_munmap,
				       SYS_mremap, SYS_mprotect, SYS_madvise};
#define SYSCOUNT_NR (sizeof(syscount_numbers) / sizeof(syscount_numbers[0]))

static volatile int syscount_calls;
static volatile int syscount_last;
static uintptr_t syscount_break;

static inline void syscount_caught(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = (ucontext_t *)context;

	(void)sig;
	syscount_calls++;
	syscount_last = info->si_syscall;
	/* brk(2) tells a failure by the break that stays as it was. */
	SYSCOUNT_RESULT(uc) =
		info->si_syscall == SYS_brk ? (long)syscount_break : -ENOMEM;
}

/* Loads the filter: `action` for the calls above, all others are allowed. */
static inline void syscount_filter(unsigned action)
{
	struct sock_filter code[SYSCOUNT_NR + 6];
	struct sock_fprog program = {0, code};
	unsigned short at = 0;
	size_t i;

	code[at++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						  SYSCOUNT_ARCH, 1, 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						  SECCOMP_RET_KILL_PROCESS);
	code[at++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (i = 0; i < SYSCOUNT_NR; i++)
		code[at++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K,
			(unsigned)syscount_numbers[i],
			(unsigned char)(SYSCOUNT_NR - i), 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						  SECCOMP_RET_ALLOW);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	program.len = at;
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* From here on calls are counted; the count starts at 0. */
static inline void syscount_start(void)
{
	struct sigaction act;
	size_t page = page_bytes();
	void *own = table_create(page);

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = syscount_caught;
	act.sa_flags = SA_SIGINFO;
	REQUIRE(sigaction(SIGSYS, &act, NULL) == 0);
	syscount_break = (uintptr_t)sbrk(0);
	syscount_calls = 0;
	syscount_filter(SECCOMP_RET_TRAP);

	REQUIRE(mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0) == MAP_FAILED);
	REQUIRE(syscount_calls == 1 && syscount_last == SYS_mmap);
	REQUIRE(madvise(own, page, MADV_DONTNEED) == -1);
	REQUIRE(munmap(own, page) == -1);
	REQUIRE(sbrk(4096) == (void *)-1);
	REQUIRE(mremap(own, page, 2 * page, MREMAP_MAYMOVE) == MAP_FAILED);
	REQUIRE(mprotect(own, page, PROT_NONE) == -1);
	REQUIRE(syscount_calls == 6);
	syscount_calls = 0;
}

#endif
