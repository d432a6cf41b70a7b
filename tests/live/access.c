/*
 * access.c: who may touch simulated memory, and what must not be seen of it.
 *
 * System calls of the host, signal handlers, stacks, locks; descriptors that
 * the program closes; and errno and thread-local variables, which a server
 * without storage of its own would change behind the program's back.
 */
#include "live.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static sigjmp_buf again;
static void *volatile fault_at;
static volatile int fault_sig;

static void jump_out(int sig, siginfo_t *info, void *context)
{
	(void)context;
	fault_at = info->si_addr;
	fault_sig = sig;
	siglongjmp(again, 1);
}

static void catch_faults(int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = jump_out;
	action.sa_flags = SA_SIGINFO | flags;
	CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
	CHECK(sigaction(SIGBUS, &action, NULL) == 0);
}

/* A file of the host with `len` bytes of the pattern. */
static int pattern_file(size_t len, uint64_t seed)
{
	int fd = memfd_create("pattern", MFD_CLOEXEC);
	unsigned char *p;

	REQUIRE(fd >= 0 && ftruncate(fd, (off_t)len) == 0);
	p = (unsigned char *)mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED,
				  fd, 0);
	REQUIRE(p != MAP_FAILED);
	pattern_fill(p, len, seed);
	munmap(p, len);
	return fd;
}

/* ---- system calls ---- */

LIVE(read_into_pages_never_touched, "ram=64M,swap=0")
{
	size_t len = 8 * MIB;
	int fd = pattern_file(len, 1);
	char *p = live_pages(len);

	CHECK(pread(fd, p, len, 0) == (ssize_t)len);
	CHECK(pattern_differs(p, len, 1) == len);
}

LIVE(read_into_more_than_there_is_ram, "ram=24M,swap=128M")
{
	size_t len = 60 * MIB;
	int fd = pattern_file(len, 1), other;
	char *p = live_pages(len);

	for (int round = 0; round < 3; round++) {
		CHECK(pread(fd, p, len, 0) == (ssize_t)len);
		CHECK(pattern_differs(p, len, 1) == len);
	}
	/* And back, most of it from swap. */
	other = memfd_create("other", MFD_CLOEXEC);
	CHECK(write(other, p, len) == (ssize_t)len);
	memset(p, 0, len);
	CHECK(pread(other, p, len, 0) == (ssize_t)len);
	CHECK(pattern_differs(p, len, 1) == len);
	CHECK(vmstat("pswpout") > 10000 && vmstat("pswpin") > 10000);
}

LIVE(vectors_and_sockets, "ram=24M,swap=128M")
{
	size_t len = 100000;
	char *p = live_pages(len), *q = live_pages(len);
	struct iovec *vec = (struct iovec *)malloc(4 * sizeof(*vec));
	int fd[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	for (int round = 0; round < 20; round++) {
		char *rest = (char *)malloc(30 * MIB);

		pattern_fill(p, len, (uint64_t)round);
		memset(rest, 1, 30 * MIB);
		vec[0] = (struct iovec){p, 10};
		vec[1] = (struct iovec){p + 10, len - 10};
		CHECK(writev(fd[1], vec, 2) == (ssize_t)len);
		memset(rest, 2, 30 * MIB);
		vec[0] = (struct iovec){q, len / 2};
		vec[1] = (struct iovec){q + len / 2, len - len / 2};
		if (round % 2)
			CHECK(readv(fd[0], vec, 2) == (ssize_t)len);
		else
			CHECK(recv(fd[0], q, len, MSG_WAITALL) == (ssize_t)len);
		CHECK(pattern_differs(q, len, (uint64_t)round) == len);
		free(rest);
	}
}

LIVE(bad_addresses_give_EFAULT, "ram=64M,swap=0")
{
	char *p = live_pages(MIB), *bad, *top = (char *)sbrk(0);
	int fd = pattern_file(4096, 1);

	/* In the window, and nowhere near the heap. */
	bad = (char *)((uintptr_t)p & ~(((uintptr_t)1 << 40) - 1)) + 300 * GIB;
	for (int i = 0; i < 100; i++) {
		errno = 0;
		CHECK(pread(fd, bad + i * 8192, 100, 0) == -1 &&
		      errno == EFAULT);
		errno = 0;
		CHECK(write(fd, bad - i * 8192, 100) == -1 && errno == EFAULT);
	}
	errno = 0;
	CHECK(pread(fd, top + 65536, 100, 0) == -1 && errno == EFAULT);
	/* What becomes the heap's afterwards is as good as any. */
	REQUIRE(sbrk(MIB) == top);
	CHECK(pread(fd, top + 65536, 100, 0) == 100);
	CHECK(pattern_differs(top + 65536, 100, 1) == 100);
}

/* Half of it is there: as much as fits is read. */
LIVE(a_read_across_the_end, "ram=64M,swap=0")
{
	char *p = live_pages(16 * 4096);
	int fd = pattern_file(65536, 1);

	REQUIRE(munmap(p + 8 * 4096, 4096) == 0);
	CHECK(pread(fd, p + 7 * 4096, 8192, 0) == 4096);
	CHECK(pattern_differs(p + 7 * 4096, 4096, 1) == 4096);
}

/* ---- bad accesses ---- */

LIVE(a_handler_finds_the_address, "ram=64M,swap=0")
{
	char *p = live_pages(MIB);
	char *bad[] = {(char *)(uintptr_t)16, (char *)sbrk(0) + 123 * MIB + 7,
		       (char *)((uintptr_t)p & ~(((uintptr_t)1 << 40) - 1)) +
			       500 * GIB + 1};

	catch_faults(0);
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < 3; i++) {
			char *volatile at = (char *)hide_ptr(bad[i]);

			fault_at = NULL;
			if (!sigsetjmp(again, 1)) {
				if (round % 2)
					*(volatile char *)at = 1;
				else
					(void)*(volatile char *)at;
				CHECK(!"the access succeeded");
			}
			CHECK(fault_sig == SIGSEGV && fault_at == at);
			memset(malloc(10000), 1, 10000);
		}
}

LIVE_ENDS(without_a_handler, "ram=64M,swap=0", BY_SIGNAL(SIGSEGV), NULL)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	*((volatile char *)sbrk(0) + MIB) = 1;
}

static void remove_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	REQUIRE(dir);
	while ((entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	CHECK(rmdir(path) == 0);
}

/* The whole window does not go into it. */
LIVE(a_core_file, "ram=64M,swap=0")
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	char dir[] = "/tmp/mmsim-core-XXXXXX";
	int status;
	pid_t pid;

	REQUIRE(mkdtemp(dir));
	memset(malloc(MIB), 1, MIB);
	pid = fork();
	if (pid == 0) {
		if (setrlimit(RLIMIT_CORE, &all) || chdir(dir))
			_exit(1);
		abort();
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	CHECK(WTERMSIG(status) == SIGABRT);
	remove_directory(dir);
}

/* ---- stacks ---- */

static void *use_stack(void *arg)
{
	volatile char deep[200000];

	memset((char *)(uintptr_t)deep, 7, sizeof(deep));
	CHECK(is_simulated((char *)(uintptr_t)deep));
	for (size_t i = 0; i < sizeof(deep); i += 1000)
		CHECK(deep[i] == 7);
	return arg;
}

LIVE(threads_whose_stacks_are_in_the_heap, "ram=24M,swap=128M")
{
	for (int round = 0; round < 10; round++) {
		pthread_t threads[4];
		pthread_attr_t attr;
		char *stacks = live_pages(4 * MIB), *rest;

		pthread_attr_init(&attr);
		for (int i = 0; i < 4; i++) {
			REQUIRE(pthread_attr_setstack(&attr, stacks + i * MIB,
						      MIB) == 0);
			REQUIRE(pthread_create(&threads[i], &attr, use_stack,
					       NULL) == 0);
		}
		rest = (char *)malloc(20 * MIB);
		memset(rest, 1, 20 * MIB);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		free(rest);
		free(stacks);
	}
}

static volatile int nr_alarms;

static void count_alarm(int sig)
{
	volatile char deep[20000];

	(void)sig;
	memset((char *)(uintptr_t)deep, 1, sizeof(deep));
	nr_alarms += deep[100];
}

/* The host puts the frame onto pages that may be in swap. */
LIVE(a_signal_stack_in_the_heap, "ram=24M,swap=128M")
{
	stack_t stack = {.ss_size = 65536};
	struct sigaction action;
	char *rest = (char *)malloc(40 * MIB);

	stack.ss_sp = live_pages(65536);
	REQUIRE(sigaltstack(&stack, NULL) == 0);
	memset(&action, 0, sizeof(action));
	action.sa_handler = count_alarm;
	action.sa_flags = SA_ONSTACK;
	REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
	for (int i = 1; i <= 20; i++) {
		memset(rest, i, 40 * MIB);
		raise(SIGUSR1);
		CHECK(nr_alarms == i);
	}
	catch_faults(SA_ONSTACK);
	memset(rest, 0, 40 * MIB);
	if (!sigsetjmp(again, 1))
		*(volatile char *)hide_ptr(NULL) = 1;
	CHECK(fault_sig == SIGSEGV && fault_at == NULL);
}

/* ---- locks ---- */

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	uint64_t turn;
};

enum { TURNS = 3000, PLAYERS = 4 };
static struct shared *shared;

static void *take_turns(void *arg)
{
	uint64_t n = (uint64_t)(uintptr_t)arg;

	for (uint64_t i = 0; i < TURNS / PLAYERS; i++) {
		pthread_mutex_lock(&shared->mutex);
		while (shared->turn % PLAYERS != n)
			pthread_cond_wait(&shared->cond, &shared->mutex);
		shared->turn++;
		pthread_cond_broadcast(&shared->cond);
		pthread_mutex_unlock(&shared->mutex);
	}
	return NULL;
}

LIVE(locks_in_the_heap, "ram=24M,swap=128M")
{
	pthread_t threads[PLAYERS];
	char *rest = (char *)malloc(40 * MIB);

	live_spread();
	shared = (struct shared *)(void *)live_pages(4096);
	pthread_mutex_init(&shared->mutex, NULL);
	pthread_cond_init(&shared->cond, NULL);
	for (size_t n = 0; n < PLAYERS; n++)
		REQUIRE(pthread_create(&threads[n], NULL, take_turns,
				       (void *)(uintptr_t)n) == 0);
	for (int i = 0; i < 5; i++)
		memset(rest, i, 40 * MIB);
	for (size_t n = 0; n < PLAYERS; n++)
		pthread_join(threads[n], NULL);
	CHECK(shared->turn == TURNS);
}

/* ---- descriptors ---- */

/* Nothing can be said any more: the status tells. */
static void work_without_descriptors(void)
{
	char *p = (char *)malloc(40 * MIB);
	pid_t pid;
	int status;

	pattern_fill(p, 40 * MIB, 1);
	if (pattern_differs(p, 40 * MIB, 1) != 40 * MIB)
		_exit(21);
	p = (char *)realloc(p, 50 * MIB);
	if (pattern_differs(p, 40 * MIB, 1) != 40 * MIB)
		_exit(22);
	pid = fork();
	if (pid == 0)
		_exit(pattern_differs(p, 40 * MIB, 1) == 40 * MIB ? 8 : 9);
	if (waitpid(pid, &status, 0) != pid || status != BY_EXIT(8))
		_exit(23);
	free(p);
	_exit(20);
}

LIVE_ENDS(closes_all_descriptors, "ram=24M,swap=128M", BY_EXIT(20), NULL)
{
	closefrom(0);
	work_without_descriptors();
}

LIVE_ENDS(closes_each_descriptor, "ram=24M,swap=128M", BY_EXIT(20), NULL)
{
	for (int fd = 0; fd < 4096; fd++)
		close(fd);
	work_without_descriptors();
}

LIVE_ENDS(takes_every_descriptor, "ram=24M,swap=128M", BY_EXIT(20), NULL)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 200; fd++)
		if (fd != null)
			dup2(null, fd);
	work_without_descriptors();
}

/* No descriptor is left for the copy of a fork: the limit does not count. */
LIVE_ENDS(has_no_descriptor_left, "ram=24M,swap=128M", BY_EXIT(20), NULL)
{
	struct rlimit few;

	getrlimit(RLIMIT_NOFILE, &few);
	few.rlim_cur = 50;
	REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	work_without_descriptors();
}

LIVE(the_program_has_no_descriptor_of_ours, "ram=64M,swap=0")
{
	memset(malloc(MIB), 1, MIB);
	for (int fd = 3; fd < 100; fd++)
		CHECK_MSG(fcntl(fd, F_GETFD) == -1 || fd > 3 ||
				  getenv("MAKELEVEL"),
			  "descriptor %d is open", fd);
}

/* ---- errno and thread-local variables ---- */

static __thread uint64_t own_words[64];

static void *watch_own(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;
	char *p = live_pages(4 * MIB);

	pattern_fill(own_words, sizeof(own_words), seed);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 4 * MIB; i += 4096) {
			errno = (int)(1000 + i / 4096);
			((volatile char *)p)[i] = 1;
			if (errno != (int)(1000 + i / 4096))
				return (void *)(uintptr_t) "errno changed";
		}
		errno = 77;
		free(malloc(200000));
		if (errno != 77)
			return (void *)(uintptr_t) "malloc changed errno";
		madvise(p, 4 * MIB, MADV_DONTNEED);
		if (pattern_differs(own_words, sizeof(own_words), seed) !=
		    sizeof(own_words))
			return (void *)(uintptr_t) "thread-local variables";
	}
	return NULL;
}

LIVE(errno_and_thread_local_variables, "ram=24M,swap=128M")
{
	pthread_t threads[5];
	void *what;

	live_spread();
	for (size_t n = 0; n < 5; n++)
		REQUIRE(pthread_create(&threads[n], NULL, watch_own,
				       (void *)(uintptr_t)(n + 1)) == 0);
	what = watch_own(threads);
	CHECK_MSG(!what, "%s", (char *)what);
	for (size_t n = 0; n < 5; n++) {
		pthread_join(threads[n], &what);
		CHECK_MSG(!what, "%s", (char *)what);
	}
}

/* ---- pipes ---- */

static int full_pipe[2];
static char *written;

static void *write_all(void *arg)
{
	size_t done = 0, len = (size_t)(uintptr_t)arg;

	while (done < len) {
		ssize_t n = write(full_pipe[1], written + done, len - done);

		if (n <= 0)
			return (void *)(uintptr_t) "write";
		done += (size_t)n;
	}
	close(full_pipe[1]);
	return NULL;
}

/* A thread waits in write(2) of simulated pages and holds the pipe; faults of
 * others are served meanwhile. */
LIVE(a_full_pipe, "ram=24M,swap=256M")
{
	size_t len = 40 * MIB, got = 0;
	char *p = (char *)malloc(MIB);
	pthread_t thread;
	void *failed;

	written = live_pages(len);
	pattern_fill(written, len, 1);
	REQUIRE(pipe(full_pipe) == 0);
	REQUIRE(pthread_create(&thread, NULL, write_all,
			       (void *)(uintptr_t)len) == 0);
	for (int i = 0; i < 5; i++) {
		memset(p, i, MIB);
		free(memset(malloc(30 * MIB), 1, 30 * MIB));
	}
	while (got < len) {
		ssize_t n = read(full_pipe[0], p, MIB);

		REQUIRE(n > 0);
		for (ssize_t i = 0; i < n; i += 501)
			REQUIRE((unsigned char)p[i] ==
				pattern_byte(1, got + (size_t)i));
		got += (size_t)n;
	}
	pthread_join(thread, &failed);
	CHECK(!failed);
}

TAP_MAIN
