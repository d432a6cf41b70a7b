/*
 * launch_check.c: what can be known before a program is started.
 *
 * Whether it is there, may be executed, and is one that the dynamic linker
 * preloads libraries into: an ELF file for this processor with an interpreter
 * (PT_INTERP), and without the bits and capabilities that raise its privileges,
 * for which the linker ignores LD_PRELOAD (ld.so(8), "secure-execution mode").
 * Of a script its interpreter is judged.
 *
 * And whether the machine can be had here, with memory that is real: for that it
 * is started once in mmsim itself.  Most often it is the right to handle faults
 * of the host's kernel that is missing.
 */
#include "cli/command.h"
#include "cli/launch.h"

#include <mmsim/sim.h>

#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { OWN_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OWN_MACHINE = EM_AARCH64 };
#endif

enum {
	LAUNCH_MAX_INTERPRETERS = 5, /* scripts that run scripts; execve(2) */
	LAUNCH_MAX_PHNUM = 512,
};

/* --- the program --------------------------------------------------------- */

/* Whether it is a file that may be executed, by what access(2) says. */
static int check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? EXIT_NOT_FOUND
			       : EXIT_NOT_EXECUTABLE;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return EXIT_NOT_EXECUTABLE;
	}
	if (!S_ISREG(st.st_mode))
		errno = EACCES;
	return S_ISREG(st.st_mode) && access(path, X_OK) == 0
		       ? 0
		       : EXIT_NOT_EXECUTABLE;
}

/* In the directories of PATH, as execvp(3). */
int launch_find_program(const char *program, char *path, size_t size)
{
	const char *dirs = getenv("PATH");
	int status = EXIT_NOT_FOUND, found;

	if (strchr(program, '/')) {
		if (strlen(program) >= size) {
			errno = ENAMETOOLONG;
			return EXIT_NOT_FOUND;
		}
		strcpy(path, program);
		return check_file(path);
	}
	if (!dirs)
		dirs = "/bin:/usr/bin";
	for (;;) {
		int len = (int)strcspn(dirs, ":");

		if (*program &&
		    snprintf(path, size, "%.*s%s%s", len, dirs,
			     len > 0 ? "/" : "./", program) < (int)size) {
			found = check_file(path);
			if (found == 0)
				return 0;
			if (found == EXIT_NOT_EXECUTABLE && errno != EISDIR)
				status = found;
		}
		if (!dirs[len])
			break;
		dirs += len + 1;
	}
	errno = status == EXIT_NOT_FOUND ? ENOENT : EACCES;
	return status;
}

static int refuse(const char *program, const char *why)
{
	warnx("%s: %s", program, why);
	return EXIT_NOT_EXECUTABLE;
}

static int check_elf(const char *path, int fd, const Elf64_Ehdr *elf)
{
	static Elf64_Phdr segments[LAUNCH_MAX_PHNUM];
	size_t size;
	struct stat st;

	if (elf->e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf->e_machine != OWN_MACHINE)
		return refuse(path, "a program for another processor, or of 32 "
				    "bits; mmsim's library cannot be loaded "
				    "into it");
	if (fstat(fd, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID)))
		return refuse(path, "is set-user-ID or set-group-ID; the "
				    "dynamic linker preloads nothing into it");
	if (geteuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return refuse(path, "has file capabilities; the dynamic linker "
				    "preloads nothing into it");
	if (elf->e_phentsize != sizeof(*segments) ||
	    elf->e_phnum > LAUNCH_MAX_PHNUM)
		return refuse(path, "a damaged program");
	size = elf->e_phnum * sizeof(*segments);
	if (pread(fd, segments, size, (off_t)elf->e_phoff) != (ssize_t)size)
		return refuse(path, "a damaged program");
	for (unsigned i = 0; i < elf->e_phnum; i++)
		if (segments[i].p_type == PT_INTERP)
			return 0;
	return refuse(path, "is linked statically; no library can be preloaded "
			    "into it");
}

/* "#! /bin/sh -e" -> "/bin/sh"; false: nothing is named. */
static bool script_interpreter(char *line, size_t len, char *interpreter)
{
	char *at = line + 2;

	line[len] = '\0';
	at += strspn(at, " \t");
	at[strcspn(at, " \t\n")] = '\0';
	strcpy(interpreter, at);
	return *at != '\0';
}

/* The file at `path` can have a library preloaded. */
static int check_content(const char *path, unsigned depth)
{
	union {
		Elf64_Ehdr elf;
		char text[PATH_MAX];
	} head;
	char interpreter[PATH_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC), status;
	ssize_t len;

	/* Executable without being readable: the report will tell. */
	if (fd < 0)
		return 0;
	memset(&head, 0, sizeof(head));
	len = read(fd, &head, sizeof(head) - 1);
	if (len >= (ssize_t)sizeof(head.elf) &&
	    memcmp(head.elf.e_ident, ELFMAG, SELFMAG) == 0) {
		status = check_elf(path, fd, &head.elf);
	} else if (len > 2 && memcmp(head.text, "#!", 2) == 0) {
		if (depth == LAUNCH_MAX_INTERPRETERS) {
			status = refuse(path, "too many scripts that run "
					      "scripts");
		} else if (!script_interpreter(head.text, (size_t)len,
					       interpreter)) {
			status = refuse(path, "names no interpreter behind #!");
		} else {
			if (check_file(interpreter) == 0) {
				status = check_content(interpreter, depth + 1);
			} else {
				warn("%s: its interpreter %s", path,
				     interpreter);
				status = EXIT_NOT_EXECUTABLE;
			}
		}
	} else {
		status = refuse(path, "neither an ELF program nor a script "
				      "that begins with #!");
	}
	close(fd);
	return status;
}

int launch_check_program(const char *program, char *path, size_t size)
{
	int status = launch_find_program(program, path, size);

	if (status) {
		warn("%s", program);
		return status;
	}
	return check_content(path, 0);
}

/* --- the machine --------------------------------------------------------- */

int launch_check_machine(const char *spec)
{
	static bool could_once; /* then what is missing is not the right */
	struct mmsim_sim *sim;
	int error;

	if (could_once)
		return 0;
	/* Its server shall not become a child of somebody else. */
	launch_adopt_orphans();
	error = mmsim_sim_start(spec, 0, &sim);
	if (error == 0) {
		mmsim_sim_stop(sim);
		could_once = true;
		return 0;
	}
	warnx("%s", mmsim_sim_why(error));
	return error == -EPERM ? RUN_EXIT_NO_MACHINE : EXIT_MMSIM;
}
