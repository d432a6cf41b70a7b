#!/bin/sh
# install.sh: the installed files are enough.
#
# Installs into an empty directory, builds a program with what pkg-config says
# and runs it.  Nothing of the source or build tree is on any search path.
set -eu
: "${top_builddir:?}" "${CC:?}" "${CXX:?}" "${MMSIM:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# The make that runs this test must not lend its flags to another make.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

n=0
step() # step DESCRIPTION COMMAND...
{
    description=$1
    shift
    n=$((n + 1))
    if "$@" > "$work/log" 2>&1; then
        echo "ok $n - $description"
    else
        echo "not ok $n - $description"
        sed 's/^/# /' "$work/log"
    fi
}

installed() # installed NAME...: every name is somewhere below the root
{
    for name in "$@"; do
        if [ -z "$(find "$root" -path "*/$name")" ]; then
            echo "not installed: $name"
            return 1
        fi
    done
}

# The answers of pkg-config point into the root.
flags()
{
    PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$pkgconfig_dir \
        PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
        pkg-config "$@" mmsim
}

build()
{
    # shellcheck disable=SC2046,SC2086
    (cd "$work" && $1 -Wall -Wextra -Werror -o "$2" "$3" $(flags --cflags --libs))
}

write_program()
{
    cat > "$work/use.c" <<'EOF'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mmsim/kernel.h>
#include <mmsim/malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    struct mmsim_heap *heap = mmsim_heap_create(NULL, NULL);
    struct mmsim_machine *machine;
    struct mmsim_task *task;
    Dl_info info;
    char why[200];
    char *p;

    if (heap == NULL || (p = mmsim_heap_malloc(heap, 100)) == NULL)
        return 1;
    memset(p, 1, 100);
    mmsim_heap_free(heap, p);
    mmsim_heap_destroy(heap);

    p = malloc(1000);
    if (p == NULL || mmsim_heap_usable_size(mmsim_heap_default(), p) < 1000)
        return 2;
    free(p);
    if (mmsim_heap_validate(mmsim_heap_default(), why, sizeof(why)) != 0) {
        puts(why);
        return 3;
    }

    /* malloc itself is the library's too. */
    void *(*volatile function)(size_t) = malloc;
    if (!dladdr(*(void **)&function, &info) ||
        strstr(info.dli_fname, "libmmsim.so") == NULL)
        return 4;

    if (mmsim_machine_boot("ram=64M", &machine) ||
        mmsim_task_spawn(machine, "use", &task) || mmsim_task_pid(task) != 2)
        return 5;
    mmsim_machine_shutdown(machine);
    return 0;
}
EOF
    cat > "$work/use.cc" <<'EOF'
#include <map>
#include <mmsim/kernel.h>
#include <mmsim/malloc.h>
#include <string>

int main()
{
    std::map<std::string, int> map;

    for (int i = 0; i < 1000; i++)
        map[std::to_string(i)] = i;
    return mmsim_heap_mallinfo2(mmsim_heap_default()).uordblks > 1000 ? 0 : 1;
}
EOF
}

run()
{
    LD_LIBRARY_PATH=$lib_dir "$work/$1"
}

version_is_ours()
{
    [ "$(flags --modversion)" = "$(sed -n 's/^Version: //p' "$top_builddir/mmsim.pc")" ]
}

# 124: this user may not run programs on machines.
starts_with_installed()
{
    status=0
    # shellcheck disable=SC2016
    "$command" run --ram 64M sh -c 'echo "$LD_PRELOAD"' > "$work/preload" ||
        status=$?
    [ $status -eq 124 ] ||
        grep -q -x "$lib_dir/libmmsim.so:$lib_dir/libmmsim-run.so" "$work/preload"
}

left_over()
{
    (cd "$top_builddir" && ${MAKE:-make} uninstall "DESTDIR=$root") &&
        find "$root" ! -type d > "$work/files" && cat "$work/files" &&
        ! [ -s "$work/files" ]
}

do_install()
{
    (cd "$top_builddir" && ${MAKE:-make} install "DESTDIR=$root")
}

step "make install" do_install
step "library, headers, mmsim.pc and manual pages are there" installed \
    libmmsim.so libmmsim.so.0 libmmsim-run.so include/mmsim/kernel.h include/mmsim/malloc.h \
    include/mmsim/os.h pkgconfig/mmsim.pc man7/mmsim.7 man3/mmsim_kernel.3

pkgconfig_dir=$(dirname "$(find "$root" -name mmsim.pc)")
lib_dir=$(dirname "$(find "$root" -name libmmsim.so)")
write_program

step "pkg-config knows the version" version_is_ours
step "a C program builds" build "$CC" use use.c
step "the C program runs on the installed library" run use
step "a C++ program builds" build "$CXX" use++ use.cc
step "the C++ program runs on the installed library" run use++
step "the library can be preloaded" \
    env "LD_PRELOAD=$lib_dir/libmmsim.so" ls /
if [ -x "$MMSIM" ]; then
    step "command, its page and its completion are there" installed \
        bin/mmsim man1/mmsim.1 bash-completion/completions/mmsim
    command=$(find "$root" -path '*/bin/mmsim')
    step "the command runs" sh -c "$command boot ram=64M | grep -q DMA"
    step "the command finds the installed libraries" starts_with_installed
fi
step "ldd finds the library" sh -c "LD_LIBRARY_PATH=$lib_dir ldd $work/use |
    grep -F $lib_dir/libmmsim.so.0"
step "make uninstall leaves no file" left_over
echo "1..$n"
