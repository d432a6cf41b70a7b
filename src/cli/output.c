/*
 * output.c: files of results.
 *
 * A path that cannot be written is an error before anything has been done. What
 * an older file holds is lost only when the new content is there.
 */
#include "cli/output.h"

#include "cli/command.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int output_open(struct output *output)
{
	int fd;

	if (!output->path)
		return 0;
	if (strcmp(output->path, "-") == 0) {
		output->file = stderr;
		return 0;
	}
	fd = open(output->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd >= 0)
		output->file = fdopen(fd, "w");
	if (output->file)
		return 0;
	warn("%s: %s", output->option, output->path);
	if (fd >= 0)
		close(fd);
	return EXIT_MMSIM;
}

FILE *output_begin(struct output *output)
{
	/* So that what cannot be written is told. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* A pipe or a terminal has no length. */
	if (output->file != stderr && ftruncate(fileno(output->file), 0) < 0 &&
	    errno != EINVAL)
		warn("%s: %s", output->option, output->path);
	return output->file;
}

int output_end(struct output *output)
{
	int failed = ferror(output->file) || fflush(output->file) != 0;

	if (output->file != stderr)
		failed |= fclose(output->file) != 0;
	output->file = NULL;
	if (!failed)
		return 0;
	warn("%s: %s", output->option, output->path);
	return EXIT_MMSIM;
}
