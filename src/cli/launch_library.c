/*
 * launch_library.c: where the libraries are that programs are started with.
 *
 * Beside the command when it stands where it was built (.libs/), else in the
 * libdir of the installation.  An installation may have been moved as a whole
 * (DESTDIR): when the command is in ROOT/usr/local/bin and was to be in
 * /usr/local/bin, its library is in ROOT/usr/local/lib.
 */
#include "cli/command.h"
#include "cli/launch.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char library[] = "libmmsim.so", run_library[] = "libmmsim-run.so";

/* The directory of the command; false: /proc is not there. */
static bool own_directory(char dir[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	char *slash;

	if (len < 0)
		return false;
	dir[len] = '\0';
	slash = strrchr(dir, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

static bool has_library(const char *dir, const char *name)
{
	char path[PATH_MAX + 32];

	return snprintf(path, sizeof(path), "%s/%s", dir, name) <
		       (int)sizeof(path) &&
	       access(path, R_OK) == 0;
}

/* The directory that has libmmsim.so. */
static bool library_directory(char *dir, size_t size)
{
	static const char bindir[] = MMSIM_BINDIR, libdir[] = MMSIM_LIBDIR;
	size_t len, tail = strlen(bindir);
	char own[PATH_MAX];

	if (own_directory(own)) {
		snprintf(dir, size, "%s/.libs", own);
		if (has_library(dir, library))
			return true;
		len = strlen(own);
		if (len >= tail && strcmp(own + len - tail, bindir) == 0) {
			snprintf(dir, size, "%.*s%s", (int)(len - tail), own,
				 libdir);
			if (has_library(dir, library))
				return true;
		}
	}
	snprintf(dir, size, "%s", libdir);
	return has_library(dir, library);
}

int launch_preload(char *text, size_t size)
{
	const char *others = getenv("LD_PRELOAD");
	char dir[PATH_MAX + 32], run[PATH_MAX + 64] = "";
	int len;

	if (!library_directory(dir, sizeof(dir))) {
		warnx("%s is not beside the command and not in %s", library,
		      MMSIM_LIBDIR);
		return EXIT_MMSIM;
	}
	/* What LD_PRELOAD takes as the end of a name. */
	if (strpbrk(dir, ": ")) {
		warnx("%s: a directory whose name has blanks or colons cannot "
		      "stand in LD_PRELOAD",
		      dir);
		return EXIT_MMSIM;
	}
	if (has_library(dir, run_library))
		snprintf(run, sizeof(run), ":%s/%s", dir, run_library);
	len = snprintf(text, size, "LD_PRELOAD=%s/%s%s%s%s", dir, library, run,
		       others && *others ? ":" : "", others ? others : "");
	if (len < 0 || (size_t)len >= size) {
		warnx("LD_PRELOAD is too long");
		return EXIT_MMSIM;
	}
	return 0;
}
