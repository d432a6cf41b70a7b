/*
 * suite: the clock, the memory figures and the threads of the workloads.
 *
 * Memory is read from /proc into a buffer on the stack: a figure about malloc
 * must not call it.
 */
#include "suite.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 64 };

static const char *row_name = "";

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The text of a small file under /proc, cut to size - 1 bytes. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 || (n = read(fd, text, size - 1)) < 0) {
		perror(path);
		exit(1);
	}
	text[n] = 0;
	close(fd);
}

unsigned long suite_rss_kb(void)
{
	char text[256];
	char *resident;

	/* The second number: pages. */
	read_text("/proc/self/statm", text, sizeof text);
	strtoul(text, &resident, 10);
	return strtoul(resident, NULL, 10) *
	       (unsigned long)(sysconf(_SC_PAGESIZE) / 1024);
}

static unsigned long peak_kb(void)
{
	char text[4096];
	const char *line;

	read_text("/proc/self/status", text, sizeof text);
	line = strstr(text, "VmHWM:");
	return line ? strtoul(line + strlen("VmHWM:"), NULL, 10) : 0;
}

void suite_start(struct suite_run *run, const struct suite_row *row,
		 double scale)
{
	row_name = row->name;
	*run = (struct suite_run){.row = row, .scale = scale};
}

uint64_t suite_count(const struct suite_run *run, uint64_t count)
{
	uint64_t scaled = (uint64_t)((double)count * run->scale);

	return scaled ? scaled : 1;
}

uint64_t suite_share(const struct suite_run *run, uint64_t count)
{
	return suite_count(run, count / (uint64_t)run->row->threads);
}

/* Of this process alone: not of the one that unpacks a trace. */
static long page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

void suite_begin(struct suite_run *run)
{
	run->begin_faults = page_faults();
	run->begin_ns = clock_ns(CLOCK_MONOTONIC);
	run->begin_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void suite_end(struct suite_run *run)
{
	run->wall_ns = clock_ns(CLOCK_MONOTONIC) - run->begin_ns;
	run->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - run->begin_cpu_ns;
	run->faults = page_faults() - run->begin_faults;
	run->peak_kb = peak_kb() - run->own_kb;
}

void suite_fail(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "workloads: %s: ", row_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

pthread_t suite_thread(void *(*body)(void *), void *argument)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, body, argument);

	if (error)
		suite_fail("pthread_create: %s", strerror(error));
	return thread;
}

void suite_threads(int threads, void *(*body)(void *), void *arguments,
		   size_t stride)
{
	pthread_t thread[MAX_THREADS];

	for (int i = 0; i < threads; i++)
		thread[i] = suite_thread(body, (char *)arguments +
						       stride * (size_t)i);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
}
