/*
 * gnuplot.c: gnuplot(1) as a child, its commands in a pipe, its picture in a
 * file.
 */
#include "cli/gnuplot.h"

#include "cli/command.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool gnuplot_is_there(const char *option)
{
	const char *dirs = getenv("PATH");
	char path[PATH_MAX];

	while (dirs && *dirs) {
		int len = (int)strcspn(dirs, ":");

		if (snprintf(path, sizeof(path), "%.*s/gnuplot", len, dirs) <
			    (int)sizeof(path) &&
		    access(path, X_OK) == 0)
			return true;
		dirs += len + (dirs[len] == ':');
	}
	warnx("%s: gnuplot is not installed, so nothing is drawn (Debian: "
	      "gnuplot-nox)",
	      option);
	return false;
}

/* In single quotes, where only they themselves are special. */
void gnuplot_title(char *const *argv, FILE *script)
{
	fputs("set title '", script);
	for (char *const *arg = argv; *arg; arg++) {
		if (arg != argv)
			putc(' ', script);
		for (const char *at = *arg; *at; at++) {
			if (*at == '\'')
				putc('\'', script);
			putc((unsigned char)*at < ' ' ? ' ' : *at, script);
		}
	}
	fputs("'\n", script);
}

/* Its pid, and *input to write commands to; -1. */
static pid_t start(FILE *out, FILE **input)
{
	int fds[2];
	pid_t pid;

	*input = NULL;
	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(fds[0], 0);
		dup2(fileno(out), 1);
		close(fds[0]);
		close(fds[1]);
		execlp("gnuplot", "gnuplot", "-", (char *)NULL);
		_exit(EXIT_NOT_FOUND);
	}
	close(fds[0]);
	if (pid > 0)
		*input = fdopen(fds[1], "w");
	if (!*input)
		close(fds[1]);
	return pid;
}

int gnuplot_draw(const char *option, const char *script, FILE *out)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	FILE *input;
	pid_t pid = start(out, &input);
	int status = -1;

	if (input) {
		fputs(script, input);
		fclose(input);
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	signal(SIGPIPE, old);
	if (input && status == 0)
		return 0;
	warnx("%s: gnuplot could not draw it", option);
	return EXIT_MMSIM;
}
