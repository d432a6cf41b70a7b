#!/bin/bash
# start.sh: what a program pays for the library before it has done anything.
#
# Each relocation is work at every start, and each page that has one is copied.
# The bounds leave little room: a table of pointers in the simulated kernel that
# nobody asked for shows here.  What programs run shall lie within the first 64 KiB
# of the file: the first fault on it brings that much into memory, and each fault
# beyond as much again.  Variables that every start writes share one page; the
# default heap, which needs memory only when malloc is called, begins behind it.
# System calls are counted by strace.
set -eu
: "${MMSIM_LIB:?}" "${CC:?}"

skip()
{
    echo "1..0 # SKIP $1"
    exit 0
}

[ "$(uname -m)" = x86_64 ] || skip "relocations are counted on x86-64 only"
[ "${MMSIM_DEBUG:-0}" = 0 ] || skip "the library has its debug checks"
case " ${MMSIM_CFLAGS-} " in
*" -fsanitize"* | *" --coverage "*) skip "the library is instrumented" ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

readelf -rW "$MMSIM_LIB" > "$work/relocs"
# The address of each, also of those that stand in a bitmap.
awk '$3 ~ /^R_X86_64_/ || (NF == 1 && /^[0-9a-f]+$/) { print $1 }' \
    "$work/relocs" > "$work/addresses"
readelf -lW "$MMSIM_LIB" > "$work/segments"

n=0
failed=0
at_most() # at_most BOUND NUMBER DESCRIPTION
{
    n=$((n + 1))
    if [ "$2" -le "$1" ]; then
        echo "ok $n - $3 (at most $1)"
    else
        echo "not ok $n - $3 (at most $1)"
        echo "# there are $2"
        failed=1
    fi
}

# calls PROGRAM ARGUMENT...: system calls from exec to exit, with the library
# and without it.
calls()
{
    env -i strace -qq -e signal=none -o "$work/with" -E LD_PRELOAD="$MMSIM_LIB" "$@" &&
        env -i strace -qq -e signal=none -o "$work/without" "$@" &&
        echo $(($(wc -l < "$work/with") - $(wc -l < "$work/without")))
}

# address NAME: of a function or variable, from $work/names.
address()
{
    echo $((0x$(awk -v name="$1" '$3 == name { print $1 }' "$work/names")))
}

at_most 370 "$(wc -l < "$work/addresses")" "addresses that are filled in"
at_most 75 "$(grep -cE 'R_X86_64_(JUMP_SLOT|GLOB_DAT)' "$work/relocs")" \
    "names that are looked up"
# Between them stand constants that a start reads (START_CONST).
at_most 2 "$(cut -c 1-13 "$work/addresses" | sort -u | wc -l)" \
    "pages that are written for that"
at_most 2 "$(grep -c '^ *LOAD' "$work/segments")" "mappings of the file"
# How long code is, is known of one compiler and its usual options.
why=
case "$($CC --version) ${MMSIM_CFLAGS-} " in
*clang*) why="the library is compiled by clang" ;;
*" -O2 "*) ;;
*) why="CFLAGS=\"${MMSIM_CFLAGS-}\" do not ask for -O2" ;;
esac

# Threads begin, work and end, while what stands behind the first 64 KiB of the library
# cannot be read; prints how far into the file somebody wanted to, or 0.
cat > "$work/thread.c" << 'END'
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *start, *end;

static void wanted(int sig, siginfo_t *info, void *context)
{
	char line[32];

	(void)sig;
	(void)context;
	if (write(1, line, sprintf(line, "%td\n", (char *)info->si_addr - start)) < 0)
		_exit(2);
	_exit(1);
}

static void *work(void *arg)
{
	static void *volatile p[64];

	for (size_t i = 0; i < 20000; i++) {
		free(p[i % 64]);
		p[i % 64] = malloc(i * 7 % 2000);
	}
	return arg;
}

static int find(void)
{
	char line[1000];
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && !start && fgets(line, sizeof(line), f))
		if (strstr(line, " r-xp 00000000 ") && strstr(line, "/libmmsim.so"))
			sscanf(line, "%p-%p", (void **)&start, (void **)&end);
	return start && !fclose(f);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = wanted, .sa_flags = SA_SIGINFO};
	const size_t first = 64 << 10;
	pthread_t thread;

	if (!find() || sigaction(SIGSEGV, &action, NULL) ||
	    mprotect(start + first, end - start - first, PROT_NONE))
		return 2;
	work(NULL);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, work, NULL) ||
		    pthread_join(thread, NULL))
			return 2;
	if (mprotect(start + first, end - start - first, PROT_READ | PROT_EXEC))
		return 2;
	puts("0");
	return 0;
}
END
$CC -O1 -pthread -o "$work/thread" "$work/thread.c"

# mapped.c is the first of the files that not every program needs (Makefile.am).
if [ -z "$why" ]; then
    nm "$MMSIM_LIB" > "$work/names"
    at_most 65536 "$(address mapped_alloc)" \
        "bytes of the file that programs read and run"
    data=$(readelf -SW "$MMSIM_LIB" |
        sed -n 's/.* \.data  *PROGBITS  *\([0-9a-f]*\).*/\1/p')
    at_most 4096 "$(($(address heap_default) - 0x$data))" \
        "bytes of variables in front of the default heap"
    at_most 65535 "$(env -i LD_PRELOAD="$MMSIM_LIB" "$work/thread")" \
        "the farthest byte of it that a program with threads needs"
else
    for i in 1 2 3; do
        echo "ok $((n + i)) # SKIP $why"
    done
    n=$((n + 3))
fi

if strace -qq -o "$work/with" /bin/true 2> "$work/errors"; then
    at_most 8 "$(calls /bin/true)" "more system calls for a program without malloc"
    at_most 12 "$(calls /bin/bash -c :)" "more system calls for bash -c :"
else
    grep -q 'ptrace' "$work/errors" || {
        sed 's/^/# /' "$work/errors"
        echo "Bail out! strace failed"
        exit 1
    }
    n=$((n + 2))
    echo "ok $((n - 1)) # SKIP ptrace(2) is not permitted here"
    echo "ok $n # SKIP ptrace(2) is not permitted here"
fi
echo "1..$n"
exit $failed
