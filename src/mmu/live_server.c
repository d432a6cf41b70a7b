/*
 * live_server.c: the process that serves a live task.
 *
 * It shares the memory with the program and nothing else (clone(2) with
 * CLONE_VM alone): descriptors, signal handlers and the thread group are its
 * own.  So the program may close all its descriptors, change its signals and
 * wait for any child without noticing the server; and the server outlives the
 * program, for as long as it takes to tell how things ended.
 *
 *   memory   its stack, and a block where thread-local variables of libc
 *            (errno) go: those of the thread that started it are not its own
 *   files    0: the userfaultfd, 1: the program.  All else is closed.
 *   signals  blocked; but a crash of its own ends the program, because what it
 *            does not serve would run on with real memory
 *
 * The server never touches the window, calls no malloc, and writes to no
 * descriptor of the program while that lives: a thread may hold a pipe in
 * write(2) while it waits for the server.
 *
 * Whoever kills it has to do with its guard (live_guard.c).
 *
 * Between events it waits for the death of the program; and every now and then
 * it looks whether the program still has this memory (kcmp(2)), or runs another
 * one since execve(2).
 *
 * Sources: clone(2), userfaultfd(2), ioctl_userfaultfd(2), pidfd_open(2),
 * kcmp(2), close_range(2).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "mmu/live_state.h"

#include "base/hostmem.h"
#include "base/outbuf.h"
#include "mmu/host_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00) /* Linux 6.1 */
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12) /* Linux 5.19 */
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13) /* Linux 6.4 */
#endif

#define SERVER_STACK (512 * KIB)
#define SERVER_TLS (128 * KIB) /* the thread pointer is in the middle */
#define SERVER_TLS_END 64      /* and at the end, see server_self */
enum {
	SERVER_UFFD = 0,
	SERVER_PIDFD = 1,
	SERVER_EVENTS = 16,
	SERVER_LOOK_MS = 100
};

/* --- userfaultfd ---------------------------------------------------------- */

static int uffd_of_kernel(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), device;
	int err = errno;

	if (fd >= 0)
		return fd;
	device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -err;
	fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		fd = -errno;
	close(device);
	return fd;
}

static int uffd_enable(int fd, uint64_t features)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};

	return ioctl(fd, UFFDIO_API, &api) ? -errno : 0;
}

int server_open_uffd(struct live *live, bool old_host)
{
	uint64_t needed =
		UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_MINOR_SHMEM |
		UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_EVENT_REMAP;
	struct uffdio_api offered = {.api = UFFD_API};
	int fd = uffd_of_kernel(), err;

	if (fd < 0)
		return fd;
	/* Asking what there is uses up one descriptor. */
	err = ioctl(fd, UFFDIO_API, &offered) ? -errno : 0;
	close(fd);
	if (err || (offered.features & needed) != needed)
		return -ENOSYS;
	live->can_continue_wp =
		!old_host && (offered.features & UFFD_FEATURE_WP_UNPOPULATED);
	fd = uffd_of_kernel();
	if (fd < 0)
		return fd;
	err = uffd_enable(fd, needed);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int server_register(int uffd, const void *start, size_t len, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = {.start = (uintptr_t)start, .len = len},
		.mode = mode,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

/* /proc/PID/name of the program, or -1. */
static int open_of_program(const struct live *live, const char *name, int flags)
{
	char path[64];
	struct outbuf out;

	outbuf_init(&out, path, sizeof(path), -1);
	outbuf_printf(&out, "/proc/%d/%s", live->program_pid, name);
	return open(path, flags | O_NOCTTY | O_CLOEXEC);
}

/* --- the ends ------------------------------------------------------------- */

static void server_wait_death(struct live *live)
{
	struct pollfd program = {.fd = live->pidfd, .events = POLLIN};

	while (poll(&program, 1, -1) < 0 && errno == EINTR)
		;
}

SERVER_MAY_END _Noreturn static void server_exit(struct live *live,
						 enum live_end how,
						 const char *why, int stderr_fd)
{
	if (live->observer)
		live->observer->end(live->observer, how, why, stderr_fd);
	guard_end(live);
	_exit(0);
}

SERVER_MAY_END _Noreturn static void
server_end_program(struct live *live, enum live_end how, const char *why)
{
	int stderr_fd =
		(int)syscall(SYS_pidfd_getfd, live->pidfd, STDERR_FILENO, 0);

	/* What may not be traced can often be opened again, unless it is a
	 * socket. */
	if (stderr_fd < 0)
		stderr_fd = open_of_program(live, "fd/2", O_WRONLY);

	syscall(SYS_pidfd_send_signal, live->pidfd, SIGKILL, NULL, 0);
	server_wait_death(live);
	server_exit(live, how, why, stderr_fd);
}

SERVER_MAY_END _Noreturn void server_kill(struct live *live)
{
	server_end_program(live, LIVE_END_KILLED, NULL);
}

SERVER_MAY_END _Noreturn void server_broken(struct live *live, const char *why)
{
	live->broken = why;
	server_end_program(live, LIVE_END_BROKEN, why);
}

/* --- a crash of its own --------------------------------------------------- */

/* Handlers get no argument of ours; the server's thread pointer leads to its
 * block, at whose end the pointer stands. */
static struct live **server_self(char *thread_pointer)
{
	return (struct live **)(void *)(thread_pointer + SERVER_TLS / 2 -
					sizeof(struct live *));
}

SERVER_MAY_END static void server_crashed(int sig)
{
	struct live *live = *server_self(__builtin_thread_pointer());

	(void)sig;
	server_broken(live, "the simulated kernel crashed");
}

static void server_handle_crashes(struct live *live)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	struct sigaction action = {.sa_handler = server_crashed,
				   .sa_flags = SA_ONSTACK | SA_NODEFER};
	stack_t stack = {.ss_sp = live->tls, .ss_size = SERVER_TLS / 4};
	sigset_t unblocked;

	sigemptyset(&unblocked);
	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaction(signals[i], &action, NULL);
		sigaddset(&unblocked, signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &unblocked, NULL);
}

/* --- the loop ------------------------------------------------------------ */

/* Everything that is there to be read; false: nothing was. */
static bool server_serve_events(struct live *live)
{
	struct uffd_msg msg[SERVER_EVENTS];
	ssize_t n = read(live->uffd, msg, sizeof(msg));

	if (n <= 0)
		return false;
	for (unsigned i = 0; i < (size_t)n / sizeof(msg[0]); i++)
		event_serve(live, &msg[i]);
	return true;
}

/* The program's main thread has ended, and others go on: it has no memory to be
 * compared, which is "0 0 0 0 0 0 0" here. */
static bool program_lost_leader(const struct live *live)
{
	int fd = open_of_program(live, "statm", O_RDONLY);
	char first = '\0';

	if (fd < 0)
		return false;
	if (read(fd, &first, 1) < 0)
		first = '\0';
	close(fd);
	return first == '0';
}

/* The program has executed another one. */
static bool server_is_left(const struct live *live)
{
	long order =
		syscall(SYS_kcmp, live->program_pid, getpid(), KCMP_VM, 0, 0);

	if (order > 0)
		return !program_lost_leader(live);
	/* Not allowed to look any more: it has other credentials, by execve; or
	 * this memory may not be looked at by anybody. */
	return order < 0 && errno == EPERM && prctl(PR_GET_DUMPABLE) == 1;
}

SERVER_MAY_END static void server_wait(struct live *live)
{
	struct pollfd fds[] = {
		{.fd = live->uffd, .events = POLLIN},
		{.fd = live->pidfd, .events = POLLIN},
	};
	int n = poll(fds, ARRAY_SIZE(fds), SERVER_LOOK_MS);

	if (n > 0 && fds[1].revents)
		server_exit(live, LIVE_END_EXIT, NULL, -1);
	if (n == 0 && server_is_left(live))
		server_exit(live, LIVE_END_EXEC, NULL, -1);
}

SERVER_MAY_END static int server_main(void *arg)
{
	struct live *live = arg;

	prctl(PR_SET_NAME, "mmsim-server");
	/* Who kills the program's process group wants its last figures. */
	syscall(SYS_setpgid, 0, 0);
	if (dup2(live->uffd, SERVER_UFFD) < 0)
		_exit(1);
	live->uffd = SERVER_UFFD;
	syscall(SYS_close_range, SERVER_UFFD + 1, ~0u, 0);
	live->pidfd = (int)syscall(SYS_pidfd_open, live->program_pid, 0);
	if (live->pidfd != SERVER_PIDFD || chdir("/"))
		_exit(1);
	server_handle_crashes(live);
	if (guard_start(live))
		_exit(1);
	if (live->observer)
		live->observer->serving(live->observer);
	while (!live->is_stopping)
		if (!server_serve_events(live))
			server_wait(live);
	guard_end(live);
	return 0;
}

/* --- birth --------------------------------------------------------------- */

static int server_map(struct live *live)
{
	if (!live->stack)
		live->stack = hostmem_map(SERVER_STACK);
	if (!live->tls)
		live->tls = hostmem_map(SERVER_TLS);
	if (!live->stack || !live->tls)
		return -ENOMEM;
	mprotect(live->stack, PAGE_SIZE, PROT_NONE);
	return guard_map(live);
}

void server_unmap(struct live *live)
{
	hostmem_unmap(live->stack, SERVER_STACK);
	hostmem_unmap(live->tls, SERVER_TLS);
	guard_unmap(live);
}

static int server_clone(struct live *live)
{
	int pid = clone(server_main, live->stack + SERVER_STACK,
			CLONE_VM | CLONE_SETTLS, live, NULL,
			live->tls + SERVER_TLS / 2, NULL);

	live->server_pid = pid;
	return pid < 0 ? -errno : 0;
}

static int server_give_birth(void *arg)
{
	struct live *live = arg;
	int err = server_clone(live);

	if (err)
		live->server_pid = err;
	return 0;
}

/* The server would come back as a child like any other. */
static bool server_has_reaper(void)
{
	int is_reaper = 0;

	prctl(PR_GET_CHILD_SUBREAPER, &is_reaper);
	return is_reaper || getpid() == 1;
}

/*
 * The server is nobody's child: tools like strace wait for all children, those
 * that have no signal of their own as well (__WALL).  So one process comes
 * between, and ends at once.  It runs on the upper end of the block for
 * thread-local storage.
 */
static int server_clone_orphan(struct live *live)
{
	int pid = clone(server_give_birth,
			live->tls + SERVER_TLS - SERVER_TLS_END,
			CLONE_VM | CLONE_VFORK | CLONE_SETTLS, live, NULL,
			live->tls + SERVER_TLS / 2, NULL);

	if (pid < 0)
		return -errno;
	/* Somebody else may have waited for it. */
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return live->server_pid < 0 ? live->server_pid : 0;
}

int server_start(struct live *live, int uffd)
{
	sigset_t all, before;
	int err = server_map(live);

	if (err)
		return err;
	*server_self(host_tls_make(live->tls, SERVER_TLS)) = live;
	live->uffd = uffd;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	err = server_has_reaper() ? server_clone(live)
				  : server_clone_orphan(live);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* A process that need not be a child has ended. */
static void server_wait_end(int pidfd)
{
	struct pollfd process = {.fd = pidfd, .events = POLLIN};

	while (poll(&process, 1, -1) < 0 && errno == EINTR)
		;
	close(pidfd);
}

void server_stop(struct live *live)
{
	int server = (int)syscall(SYS_pidfd_open, live->server_pid, 0);

	live_syscall(live, LIVE_STOP, 0, 0, 0, 0);
	/* Its stack is in this memory, and its guard's. */
	server_wait_end(server);
	waitpid(live->server_pid, NULL, __WALL);
}
