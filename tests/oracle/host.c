/*
 * host.c: the real kernel's side: starts the runner and reads its smaps.
 *
 * The runner gets a clean place: no address randomisation, no transparent huge
 * pages, and channels (socket pairs) for itself and for the children that it
 * will fork.
 */
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct host_process {
	int channel; /* our end */
	int smaps;   /* /proc/PID/smaps, open; -1: not alive */
	int status;  /* /proc/PID/status */
	int pid;
};

static struct host {
	struct host_process processes[MAX_PROCESSES];
	char text[1 << 20];
} host;

static void fail(const char *what)
{
	fprintf(stderr, "oracle: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void exec_runner(const int *ends)
{
	const char *runner = getenv("ORACLE_RUNNER");
	char *argv[] = {(char *)"runner", NULL};
	char *envp[] = {NULL};
	int i, program;

	program = open(runner ? runner : "tests/oracle/runner", O_PATH);
	program = fcntl(program, F_DUPFD_CLOEXEC, 256);
	for (i = 0; i < MAX_PROCESSES; i++)
		dup2(ends[i], CHANNEL_FD + i);
	for (i = 3; i < CHANNEL_FD; i++)
		close(i);
	if (with_objects)
		host_files_pass();
	for (i = CHANNEL_FD + MAX_PROCESSES; i < 256; i++)
		if (!with_objects || i < FILE_FD || i >= FILE_FD + NR_HANDLES)
			close(i);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	personality(ADDR_NO_RANDOMIZE);
	fexecve(program, argv, envp);
	_exit(127);
}

static int open_proc(int pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	return fd;
}

static void open_process(struct host_process *process, int pid)
{
	process->pid = pid;
	process->smaps = open_proc(pid, "smaps");
	process->status = open_proc(pid, "status");
}

/* All of a file of /proc, into host.text. */
static void read_text(int fd)
{
	ssize_t n, len = 0;

	while ((n = pread(fd, host.text + len,
			  sizeof host.text - 1 - (size_t)len, len)) > 0)
		len += n;
	if (n < 0)
		fail("/proc of the runner");
	host.text[len] = '\0';
}

static void fail_runner(const struct host_process *process)
{
	fprintf(stderr, "oracle: the runner %s\n",
		process->pid ? "died"
			     : "did not start (is ORACLE_RUNNER right?)");
	exit(1);
}

static void read_answer(struct host_process *process, struct answer *an)
{
	if (read(process->channel, an, sizeof *an) != sizeof *an)
		fail_runner(process);
}

static struct answer ask(struct host_process *process, const struct request *rq)
{
	struct answer an;

	if (send(process->channel, rq, sizeof *rq, MSG_NOSIGNAL) != sizeof *rq)
		fail_runner(process);
	read_answer(process, &an);
	return an;
}

static int64_t ask_call(struct side *side, int kind, uint64_t addr,
			uint64_t len, int prot, int flags)
{
	struct request rq = {.kind = (uint32_t)kind, .addr = addr, .len = len,
			     .prot = (uint32_t)prot, .flags = (uint32_t)flags,
			     .file = -1};

	(void)side;
	return ask(&host.processes[0], &rq).result;
}

static bool host_start(struct side *side)
{
	int ours[MAX_PROCESSES], theirs[MAX_PROCESSES], pair[2], i, pid;

	for (i = 0; i < MAX_PROCESSES; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			fail("socketpair");
		/* Above the numbers that the runner uses. */
		ours[i] = fcntl(pair[0], F_DUPFD_CLOEXEC, 64);
		theirs[i] = fcntl(pair[1], F_DUPFD_CLOEXEC, 64);
		close(pair[0]);
		close(pair[1]);
	}
	if (with_objects)
		host_files_make();
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		exec_runner(theirs);
	for (i = 0; i < MAX_PROCESSES; i++) {
		close(theirs[i]);
		host.processes[i] = (struct host_process){ours[i], -1, -1, 0};
	}
	oracle_set_bases(side, ask_call);
	open_process(&host.processes[0], pid);
	oracle_set_base_kb(side);
	return true;
}

/* A zombie has given back its memory; before, its pages may still count as
 * shared although smaps shows no areas any more. */
static bool is_gone(const struct host_process *process)
{
	char text[512];
	ssize_t n = pread(process->status, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n <= 0 || strstr(text, "State:\tZ") || strstr(text, "State:\tX");
}

static void host_exit(int i)
{
	struct host_process *process = &host.processes[i];
	struct request rq = {.kind = OP_EXIT};

	if (send(process->channel, &rq, sizeof rq, MSG_NOSIGNAL) != sizeof rq)
		fail_runner(process);
	while (!is_gone(process))
		usleep(100);
	close(process->smaps);
	close(process->status);
	process->smaps = -1;
}

static void host_stop(struct side *side)
{
	int i;

	(void)side;
	for (i = MAX_PROCESSES - 1; i >= 0; i--) {
		if (host.processes[i].smaps >= 0)
			host_exit(i);
		close(host.processes[i].channel);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	if (with_objects)
		host_files_drop();
}

static void host_look(struct side *side, int process, struct state *state)
{
	read_text(host.processes[process].smaps);
	state_read_smaps(side, host.text, state);
	read_text(host.processes[process].status);
	state_read_status(side, host.text, state);
	if (with_objects)
		host_files_look(state);
}

/* Sets the limit of `op`; *old is what it was. */
static void set_limit(struct side *side, const struct op *op,
		      struct rlimit *old)
{
	struct host_process *process = &host.processes[op->process];
	struct state now;
	struct rlimit limit;

	read_text(process->status);
	state_read_status(side, host.text, &now);
	if (prlimit(process->pid, op->limit, NULL, old))
		fail("prlimit");
	limit.rlim_max = old->rlim_max;
	limit.rlim_cur = op_limit_bytes(side, op, &now);
	if (prlimit(process->pid, op->limit, &limit, NULL))
		fail("prlimit");
}

static void host_run(struct side *side, const struct op *op,
		     struct state *state)
{
	struct host_process *process = &host.processes[op->process];
	struct request rq = {
		.kind = (uint32_t)op->kind,
		.addr = place_address(side, op->addr),
		.len = op->len,
		.addr2 = place_address(side, op->addr2),
		.len2 = op->len2,
		.prot = (uint32_t)op->prot,
		.flags = (uint32_t)op->flags,
		.file = op->file,
		.offset = op->offset,
		.id = host_segment(op->segment),
	};
	struct rlimit old;
	struct answer an;

	if (op->kind == OP_EXIT) {
		host_exit(op->process);
		return;
	}
	if (op->kind == OP_FORK)
		rq.child = (uint32_t)op->len;
	if (op->limit_pages)
		set_limit(side, op, &old);
	an = ask(process, &rq);
	if (op->limit_pages && prlimit(process->pid, op->limit, &old, NULL))
		fail("prlimit");
	if (op->kind == OP_SHMGET && an.result >= 0) {
		host_segment_made(op->segment, (int)an.result);
		an.result = 0;
	}
	if (with_objects)
		host_files_settle(op);
	if (op->kind == OP_FORK && an.result > 0) {
		struct host_process *child = &host.processes[op->len];
		struct answer hello;

		read_answer(child, &hello);
		open_process(child, (int)an.result);
		an.result = 0;
	}
	oracle_fill_state(side, &an, state);
	host_look(side, op->process, state);
}

struct side host_side = {
	.name = "host",
	.start = host_start,
	.stop = host_stop,
	.run = host_run,
	.look = host_look,
};
