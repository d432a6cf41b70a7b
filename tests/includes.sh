#!/bin/sh
# includes.sh: who may know whom.
#
#   src/base    base
#   src/os      base, os, <mmsim/os.h>; where the halves meet (sim*.[ch] and
#               default.c) kernel, mmu, <mmsim/sim.h> as well
#   src/alloc   base, alloc, <mmsim/os.h>, <mmsim/malloc.h>
#   src/kernel  base, kernel, <mmsim/kernel.h>
#   src/mmu     base, kernel, mmu, <mmsim/kernel.h>
#   src/run     base, run, <mmsim/...>
#   src/cli     cli, "os/run_area.h", "alloc/options.h", <mmsim/...>
#
# and none of them but src/cli, which is a program, may call anything of libc that
# may call malloc: the symbols that libmmsim.so and libmmsim-run.so take from libc
# must stand in the lists below.
set -eu
: "${srcdir:?}" "${MMSIM_LIB:?}" "${MMSIM_RUN_LIB:?}" "${MMSIM_SOURCES:?}" "${MMSIM_CLI_SOURCES:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

n=0
report() # report DESCRIPTION FILE: the file must be empty
{
    n=$((n + 1))
    if [ -s "$2" ]; then
        echo "not ok $n - $1"
        sed 's/^/# /' "$2"
    else
        echo "ok $n - $1"
    fi
}

# check_layer LAYER PATTERN [EXCEPT]: the project's own headers that LAYER
# includes match PATTERN.  A header of ours is "quoted" or of <mmsim/...>.  Files
# that match EXCEPT are not looked at.
check_layer()
{
    (cd "$srcdir" && grep -n -E \
        '^[[:space:]]*#[[:space:]]*include[[:space:]]*("|<mmsim/)' \
        "src/$1"/*.[ch] "src/$1"/*/*.[ch] 2> /dev/null) |
        grep -v -E "^(${3:-/})" > "$work/all" || [ -s "$work/all" ]
    grep -v -E "include[[:space:]]*$2" "$work/all" > "$work/bad" || [ $? -eq 1 ]
    report "src/$1 includes what it may" "$work/bad"
}

# No layer of the library reaches for stdio, whose streams have buffers from
# malloc.  entry.c is the exception: malloc_info(3) is given a stream to write to.
check_stdio()
{
    (cd "$srcdir" && grep -n -E \
        '^[[:space:]]*#[[:space:]]*include[[:space:]]*<(stdio|wchar)\.h>' \
        src/*/*.[ch] src/*/*/*.[ch]) |
        grep -v -e '^src/alloc/entry\.c:' -e '^src/cli/' > "$work/bad" || [ $? -eq 1 ]
    report "no layer but the libc names includes stdio" "$work/bad"
}

# All sources that are compiled, and no others, lie in the layers.
check_listed()
{
    (cd "$srcdir" && ls src/*/*.[ch] src/*/*/*.[ch]) |
        sort > "$work/present"
    for file in $MMSIM_SOURCES $MMSIM_CLI_SOURCES; do
        echo "$file"
    done | grep '^src/' | sort -u > "$work/listed"
    comm -3 "$work/present" "$work/listed" > "$work/bad"
    report "Makefile.am names every source file" "$work/bad"
}

# POSIX and Linux calls without an allocation inside; fwrite for malloc_info,
# pthread_create for the thread that is asked for by an option.
allowed_symbols()
{
    tr -s ' \n' '\n' <<'EOF'
abort memset memcpy memmove memcmp memchr
stpcpy strcpy strncpy strnlen
fcntl strlen strcmp strncmp strchr strrchr strstr strspn strcspn
__errno_location secure_getenv getauxval environ __environ
brk sbrk mmap munmap mremap madvise mprotect prctl memfd_create
open close read write lseek pread ftruncate dup2 ioctl poll chdir syscall
clone waitpid kill getrlimit setrlimit _exit sigaction sigaltstack sigprocmask
sigemptyset sigfillset sigaddset getppid clock_gettime getrandom fwrite
sched_getaffinity sched_yield sysconf getpid __libc_single_threaded
pthread_self pthread_key_create pthread_setspecific pthread_getspecific
pthread_attr_init pthread_attr_setdetachstate pthread_attr_setstacksize
pthread_create
__register_atfork __cxa_atexit __cxa_finalize __stack_chk_fail
__gmon_start__ _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable
EOF
}

check_symbols()
{
    allowed_symbols | sort > "$work/allowed"
    ${NM:-nm} -D --undefined-only "$MMSIM_LIB" |
        awk '{ sub(/@.*/, "", $2); print $2 }' | sort > "$work/undefined"
    comm -13 "$work/allowed" "$work/undefined" > "$work/bad"
    report "only calls that never allocate are taken from libc" "$work/bad"
}

# The interposers call the kernel by syscall(2); dlsym is called before main.
check_run_symbols()
{
    {
        allowed_symbols | grep -E '^(__errno_location|__cxa_finalize|__gmon|_ITM_|__stack_chk)'
        printf '%s\n' syscall dlsym __sbrk __curbrk
    } | sort > "$work/allowed"
    ${NM:-nm} -D --undefined-only "$MMSIM_RUN_LIB" |
        awk '{ sub(/@.*/, "", $2); print $2 }' | grep -v '^mmsim_' |
        sort > "$work/undefined"
    comm -13 "$work/allowed" "$work/undefined" > "$work/bad"
    report "libmmsim-run.so takes next to nothing from libc" "$work/bad"
}

echo "1..11"
check_layer base '"base/'
check_layer os '("(base|os)/|<mmsim/os\.h>)' 'src/os/(sim[a-z_]*\.[ch]|default\.c):'
check_layer alloc '("(base|alloc)/|<mmsim/(os|malloc)\.h>)'
check_layer kernel '("(base|kernel)/|<mmsim/kernel\.h>)'
check_layer mmu '("(base|kernel|mmu)/|<mmsim/kernel\.h>)'
check_layer run '("(base|run)/|<mmsim/)'
check_layer cli '("(cli/|(os/run_area|alloc/options)\.h")|<mmsim/)'
check_stdio
check_listed
check_symbols
check_run_symbols
