/*
 * gnuplot.c: gnuplot(1) as a child, its commands in a pipe.
 *
 * gnuplot does not tell when its picture could not be written, and what the file
 * held is not to be lost for a picture that fails.  So it draws into memory, and
 * what is drawn is copied.
 */
#include "cli/gnuplot.h"

#include "cli/command.h"
#include "cli/launch.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int gnuplot_open(struct output *plot)
{
	char path[PATH_MAX];

	if (plot->path && strcmp(plot->path, "-") == 0) {
		warnx("%s=-: a file is needed", plot->option);
		return EXIT_MMSIM;
	}
	if (plot->path && launch_find_program("gnuplot", path, sizeof(path))) {
		warnx("%s: gnuplot is not installed, so nothing is drawn "
		      "(Debian: gnuplot-nox)",
		      plot->option);
		plot->path = NULL;
	}
	return output_open(plot);
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
static pid_t start(int picture, FILE **input)
{
	int fds[2];
	pid_t pid;

	*input = NULL;
	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(fds[0], STDIN_FILENO);
		dup2(picture, STDOUT_FILENO);
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

/* Lets gnuplot draw into a file of no name. */
static bool draw(const char *script, int picture)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	FILE *input;
	pid_t pid = start(picture, &input);
	int status = -1;

	if (input) {
		fputs(script, input);
		fclose(input);
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	signal(SIGPIPE, old);
	return input && status == 0;
}

/* From its beginning; false: nothing is there. */
static bool copy(int from, FILE *to)
{
	char buf[BUFSIZ];
	ssize_t len;
	bool is_any = false;

	lseek(from, 0, SEEK_SET);
	while ((len = read(from, buf, sizeof(buf))) > 0) {
		fwrite(buf, 1, (size_t)len, to);
		is_any = true;
	}
	return is_any;
}

int gnuplot_draw(const char *script, struct output *plot)
{
	int picture = memfd_create("mmsim-plot", MFD_CLOEXEC);
	bool is_drawn = picture >= 0 && draw(script, picture) &&
			copy(picture, output_begin(plot));

	if (picture >= 0)
		close(picture);
	if (is_drawn)
		return 0;
	warnx("%s: gnuplot could not draw it", plot->option);
	return EXIT_MMSIM;
}
