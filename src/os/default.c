/*
 * default.c: what the heap behind malloc stands on.
 *
 * MMSIM_MACHINE in the environment describes a simulated machine, and the heap
 * is on a task of it from the first malloc on; without the variable, or when it
 * is empty, it is on the real system.  A program with more rights than its
 * caller (AT_SECURE) does not listen to the environment.
 *
 * The first malloc may come from the dynamic linker, before libc has set up
 * `environ`.  Then the variables are those that the kernel shows in
 * /proc/self/environ, which is what the program was started with.
 *
 * Half a simulation would be worse than none: when the machine cannot be
 * started the process ends with one line that says why.
 *
 * Sources: environ(7), getauxval(3), proc(5).
 */
#include "base/hostmem.h"
#include "base/lock.h"
#include "base/outbuf.h"
#include "os/run_area.h"
#include "os/sim_start.h"

#include <errno.h>
#include <fcntl.h>
#include <mmsim/os.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	EXIT_FAILED = 125,
	ENVIRON_MAX = 8 << 20, /* a program is started with at most 6 MiB */
	MESSAGE_MAX = 1024,
};

/* The variables that every start looks for. */
START_CONST static const char machine_env[] = RUN_MACHINE_ENV;
START_CONST static const char area_env[] = RUN_AREA_ENV;

/* ---- the environment ---- */

/* The value when `text` is "NAME=value"; else NULL. */
static const char *value_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	return strncmp(text, name, len) == 0 && text[len] == '='
		       ? text + len + 1
		       : NULL;
}

static const char *find_in_environ(const char *name)
{
	for (char **text = environ; *text; text++) {
		const char *value = value_of(*text, name);

		if (value)
			return value;
	}
	return NULL;
}

/* The bytes of the file, as many as there is room for. */
static COLD_FAR size_t read_all(const char *path, char *text, size_t size)
{
	long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	long n = -1;

	while (fd >= 0 && len < size) {
		n = syscall(SYS_read, fd, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (fd >= 0)
		syscall(SYS_close, fd);
	return len;
}

/* A variable in the text of /proc/self/environ: each ends in '\0'. */
static COLD_FAR const char *find_in_text(const char *text, size_t len,
					 const char *name)
{
	for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
		const char *value = value_of(text + at, name);

		if (value)
			return value;
	}
	return NULL;
}

/* ---- the machine ---- */

static COLD_FAR _Noreturn void give_up(int status, const char *what,
				       const char *why)
{
	char line[MESSAGE_MAX];
	struct outbuf out;

	outbuf_init(&out, line, sizeof(line), STDERR_FILENO);
	outbuf_printf(&out, "mmsim: %s: %s\n", what, why);
	outbuf_flush(&out);
	for (;;)
		syscall(SYS_exit_group, status);
}

static COLD_FAR const struct mmsim_os *start_machine(const char *spec,
						     const char *area)
{
	struct mmsim_sim *sim = NULL;
	char why[MESSAGE_MAX / 2];
	int err;

	if (mmsim_spec_check(spec, why, sizeof(why)))
		give_up(EXIT_FAILED, RUN_MACHINE_ENV, why);
	err = sim_start(spec, 0, area, true, &sim);
	if (err)
		give_up(err == -EPERM ? RUN_EXIT_NO_MACHINE : EXIT_FAILED,
			"no simulated machine", mmsim_sim_why(err));
	return mmsim_sim_os(sim);
}

static const struct mmsim_os *choose(void)
{
	const char *spec, *area;
	char *text = NULL;
	size_t len = 0;
	const struct mmsim_os *os = NULL;

	if (getauxval(AT_SECURE))
		return mmsim_os_host();
	if (environ) {
		spec = find_in_environ(machine_env);
		area = find_in_environ(area_env);
	} else {
		text = hostmem_map(ENVIRON_MAX);
		if (text)
			len = read_all("/proc/self/environ", text,
				       ENVIRON_MAX - 1);
		spec = find_in_text(text, len, machine_env);
		area = find_in_text(text, len, area_env);
	}
	if (spec && *spec)
		os = start_machine(spec, area);
	if (text)
		hostmem_unmap(text, ENVIRON_MAX);
	return os ? os : mmsim_os_host();
}

static const struct mmsim_os *chosen; /* written once, by whoever came first */

PUBLIC const struct mmsim_os *mmsim_os_default(void)
{
	static struct lock lock = LOCK_INIT(LOCK_RANK_OS);
	const struct mmsim_os *os = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);

	if (LIKELY(os))
		return os;
	lock_take(&lock);
	if (!chosen) {
		int saved = errno;

		__atomic_store_n(&chosen, choose(), __ATOMIC_RELEASE);
		errno = saved;
	}
	lock_drop(&lock);
	return chosen;
}

COLD_FAR PUBLIC struct mmsim_sim *mmsim_sim_default(void)
{
	const struct mmsim_os *os = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);

	return os && os != mmsim_os_host() ? os->ctx : NULL;
}
