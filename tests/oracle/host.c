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
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct host_process {
	int channel; /* our end */
	int smaps;   /* /proc/PID/smaps, open; -1: not alive */
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
	int i;

	if (!runner)
		runner = "tests/oracle/runner";
	for (i = 0; i < MAX_PROCESSES; i++)
		dup2(ends[i], CHANNEL_FD + i);
	for (i = 3; i < CHANNEL_FD; i++)
		close(i);
	for (i = CHANNEL_FD + MAX_PROCESSES; i < 256; i++)
		close(i);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	personality(ADDR_NO_RANDOMIZE);
	execve(runner, argv, envp);
	_exit(127);
}

static void open_smaps(struct host_process *process, int pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/smaps", pid);
	process->pid = pid;
	process->smaps = open(path, O_RDONLY | O_CLOEXEC);
	if (process->smaps < 0)
		fail(path);
}

static void read_answer(struct host_process *process, struct answer *an)
{
	if (read(process->channel, an, sizeof *an) != sizeof *an) {
		errno = EPIPE;
		fail("the runner died (is " WINDOW_TEXT " free?)");
	}
}

static struct answer ask(struct host_process *process, const struct request *rq)
{
	struct answer an;

	if (write(process->channel, rq, sizeof *rq) != sizeof *rq)
		fail("write to the runner");
	read_answer(process, &an);
	return an;
}

static int64_t ask_call(struct side *side, int kind, uint64_t addr,
			uint64_t len, int prot, int flags)
{
	struct request rq = {.kind = (uint32_t)kind, .addr = addr, .len = len,
			     .prot = (uint32_t)prot, .flags = (uint32_t)flags};

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
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		exec_runner(theirs);
	for (i = 0; i < MAX_PROCESSES; i++) {
		close(theirs[i]);
		host.processes[i] = (struct host_process){ours[i], -1, 0};
	}
	oracle_set_bases(side, ask_call);
	open_smaps(&host.processes[0], pid);
	return true;
}

static void host_exit(int i)
{
	struct host_process *process = &host.processes[i];
	struct request rq = {.kind = OP_EXIT};

	if (write(process->channel, &rq, sizeof rq) != sizeof rq)
		fail("write to the runner");
	/* Its end of the channel is open in its relatives, too. */
	while (pread(process->smaps, host.text, 1, 0) > 0)
		usleep(100);
	close(process->smaps);
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
}

static void host_look(struct side *side, int process, struct state *state)
{
	ssize_t n, len = 0;

	while ((n = pread(host.processes[process].smaps, host.text + len,
			  sizeof host.text - 1 - (size_t)len, len)) > 0)
		len += n;
	if (n < 0)
		fail("smaps of the runner");
	host.text[len] = '\0';
	state_read_smaps(side, host.text, state);
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
	};
	struct answer an;

	if (op->kind == OP_EXIT) {
		host_exit(op->process);
		return;
	}
	if (op->kind == OP_FORK)
		rq.child = (uint32_t)op->len;
	an = ask(process, &rq);
	if (op->kind == OP_FORK && an.result > 0) {
		struct host_process *child = &host.processes[op->len];
		struct answer hello;

		read_answer(child, &hello);
		open_smaps(child, (int)an.result);
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
