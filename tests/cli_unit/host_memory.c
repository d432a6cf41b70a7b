/*
 * host_memory.c: lines of /proc/PID/smaps, and a real process.
 */
#include "cli/host_memory.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const lines[] = {
	"555555554000-555555558000 r-xp 00000000 fe:00 1234 /usr/bin/a b\n",
	"Size:                 16 kB\n",
	"Rss:                  12 kB\n",
	"Pss:                   6 kB\n",
	"555555559000-55555557a000 rw-p 00000000 00:00 0    [heap]\n",
	"Rss:                 100 kB\n",
	"7ffff7d00000-7ffff7d03000 rw-p 00000000 00:00 0 \n",
	"Rss:                   8 kB\n",
	"7ffff7e00000-7ffff7e03000 rw-p 00000000 00:00 0 [anon:name]\n",
	"Rss:                   4 kB\n",
	"7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0    [vdso]\n",
	"Rss:                   4 kB\n",
	"7ffff7fc5000-7ffff7fe0000 r--p 00000000 fe:00 77 /lib/[heap].so\n",
	"Rss:                  20 kB\n",
	"7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0    [stack]\n",
	"Rss:                  32 kB\n",
};

Test(host_memory, lines)
{
	struct host_memory memory = {0};
	int kind = 0;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		host_memory_line(&memory, &kind, lines[i]);
	cr_assert_eq(memory.heap_kb, 100u);
	cr_assert_eq(memory.files_kb, 32u);
	cr_assert_eq(memory.stack_kb, 32u);
	cr_assert_eq(memory.other_kb, 12u);
}

Test(host_memory, this_process)
{
	struct host_memory before = {0}, most = {0};
	const size_t len = 8 << 20;
	char *p;

	cr_assert(host_memory_read(&before, getpid()));
	cr_assert_gt(before.files_kb, 0u);
	cr_assert_gt(before.stack_kb, 0u);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	cr_assert_neq(p, MAP_FAILED);
	memset(p, 1, len);
	cr_assert(host_memory_read(&most, getpid()));
	cr_assert_geq(most.other_kb, before.other_kb + (len >> 10));
	munmap(p, len);
	/* The most stays. */
	cr_assert(host_memory_read(&most, getpid()));
	cr_assert_geq(most.other_kb, before.other_kb + (len >> 10));
	cr_assert_geq(host_memory_peak(getpid()), len >> 10);
}

Test(host_memory, family)
{
	const size_t len = 8 << 20;
	int ready[2];
	unsigned nr;
	pid_t child;
	char byte;

	cr_assert_eq(host_memory_family(getpid(), &nr), 0u);
	cr_assert_eq(nr, 0u);
	cr_assert_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(p, 1, len);
		_exit(write(ready[1], "", 1) == 1 && pause() == 0);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_assert_geq(host_memory_family(getpid(), &nr), len >> 10);
	cr_assert_eq(nr, 1u);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

Test(host_memory, no_such_process)
{
	struct host_memory memory = {0};
	unsigned nr;

	cr_assert_not(host_memory_read(&memory, 1 << 30));
	cr_assert_eq(host_memory_peak(1 << 30), 0u);
	cr_assert_eq(host_memory_family(1 << 30, &nr), 0u);
}
