/*
 * host_files.c: the files and segments of a script, on the real kernel.
 *
 * Files of tmpfs are memfds; those on the disk have names in a directory of
 * their own below TMPDIR.  They are written page by page, so that no page of
 * the cache is larger than 4 KiB, and read again where an operation made a
 * hole.
 */
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

/* Descriptors of this process, above those of the runner. */
enum { OWN_FD = 128, NO_SEGMENT = 0x7fff0000 };

static int handles[NR_HANDLES];
static int segments[NR_SEGMENTS] = {-1, -1, -1};
static char directory[256];

static void fail(const char *what)
{
	fprintf(stderr, "oracle: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void forget_directory(void)
{
	int i;

	for (i = 0; i < NR_SEGMENTS; i++)
		if (segments[i] >= 0)
			shmctl(segments[i], IPC_RMID, NULL);
	if (!directory[0])
		return;
	for (i = 0; i < NR_FILES; i++) {
		char path[300];

		snprintf(path, sizeof path, "%s/%d", directory, i);
		unlink(path);
	}
	rmdir(directory);
}

static void make_directory(void)
{
	const char *tmp = getenv("TMPDIR");
	static bool is_made;

	if (is_made)
		return;
	is_made = true;
	atexit(forget_directory);
	if (!host_facts.has_disk)
		return;
	snprintf(directory, sizeof directory, "%s/mmsim-oracle.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(directory))
		fail(directory);
}

static int keep(int fd)
{
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, OWN_FD);

	if (fd < 0 || kept < 0)
		fail("a file");
	close(fd);
	return kept;
}

static void open_file(int file)
{
	char path[300];
	int fd;

	if (file_is_tmpfs(file)) {
		handles[2 * file] = keep(memfd_create("oracle", 0));
		snprintf(path, sizeof path, "/proc/self/fd/%d",
			 handles[2 * file]);
	} else {
		snprintf(path, sizeof path, "%s/%d", directory, file);
		fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
		handles[2 * file] = keep(fd);
	}
	handles[2 * file + 1] = keep(open(path, O_RDONLY));
}

static void write_file(int file)
{
	int64_t size = file_first_size(file), at;
	char page[ORACLE_PAGE];
	int fd = handles[2 * file];

	for (at = 0; at < size; at += ORACLE_PAGE) {
		size_t len = size - at < ORACLE_PAGE ? (size_t)(size - at)
						     : ORACLE_PAGE;

		memset(page, file_first_byte(file, (int)(at / ORACLE_PAGE)),
		       sizeof page);
		if (pwrite(fd, page, len, at) != (ssize_t)len)
			fail("writing a file");
	}
}

/* Holes are read one page at a time. */
static void fill_cache(int fd)
{
	struct stat st;
	int64_t at;
	char byte;

	if (fstat(fd, &st))
		fail("fstat");
	for (at = 0; at < st.st_size; at += ORACLE_PAGE)
		if (pread(fd, &byte, 1, at) != 1)
			fail("reading a file");
}

void host_files_settle(const struct op *op)
{
	int file;

	for (file = 0; file < NR_FILES; file++) {
		int fd = handles[2 * file];

		if (file_is_tmpfs(file))
			continue;
		if (!op || op_makes_holes(op))
			fill_cache(fd);
		sync_file_range(fd, 0, 0,
				SYNC_FILE_RANGE_WAIT_BEFORE |
					SYNC_FILE_RANGE_WRITE |
					SYNC_FILE_RANGE_WAIT_AFTER);
	}
}

void host_files_make(void)
{
	int file;

	make_directory();
	for (file = 0; file < NR_FILES; file++) {
		open_file(file);
		posix_fadvise(handles[2 * file], 0, 0, POSIX_FADV_RANDOM);
		write_file(file);
	}
	host_files_settle(NULL);
}

void host_files_pass(void)
{
	int i;

	for (i = 0; i < NR_HANDLES; i++)
		if (dup2(handles[i], FILE_FD + i) < 0)
			_exit(127);
	if (directory[0] && chdir(directory))
		_exit(127);
}

void host_files_drop(void)
{
	int i;

	for (i = 0; i < NR_HANDLES; i++)
		close(handles[i]);
	for (i = 0; i < NR_FILES; i++) {
		char path[300];

		snprintf(path, sizeof path, "%s/%d", directory, i);
		if (!file_is_tmpfs(i))
			unlink(path);
	}
	for (i = 0; i < NR_SEGMENTS; i++)
		host_segment_made(i, -1);
}

void host_files_look(struct state *state)
{
	struct stat st;
	int file;

	for (file = 0; file < NR_FILES; file++) {
		if (fstat(handles[2 * file], &st))
			fail("fstat");
		state->files[file].size = st.st_size;
		state->files[file].blocks =
			file_is_tmpfs(file) ? st.st_blocks : 0;
	}
}

int host_segment(int segment)
{
	return segment < 0 || segments[segment] < 0 ? NO_SEGMENT
						    : segments[segment];
}

void host_segment_made(int segment, int id)
{
	if (segments[segment] >= 0)
		shmctl(segments[segment], IPC_RMID, NULL);
	segments[segment] = id;
}
