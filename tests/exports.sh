#!/bin/sh
# exports.sh: what libmmsim.so and libmmsim-run.so show to the world.
#
# The malloc family, all of it and without a version (a versioned malloc would
# not take the place of glibc's), the mmsim_ functions of the public headers
# under the version MMSIM_1, and nothing else.
set -eu
: "${srcdir:?}" "${MMSIM_LIB:?}" "${MMSIM_RUN_LIB:?}" "${MMSIM_HEADERS:?}"

family="malloc calloc realloc reallocarray free memalign aligned_alloc
posix_memalign valloc pvalloc malloc_usable_size cfree free_sized
free_aligned_sized mallopt mallinfo mallinfo2 malloc_trim malloc_stats
malloc_info __libc_malloc __libc_free __libc_calloc __libc_realloc
__libc_memalign __libc_valloc __libc_pvalloc __posix_memalign __libc_cfree"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${NM:-nm} -D --defined-only "$MMSIM_LIB" |
    awk '$2 != "A" { print $3 }' | sort > "$work/exported"

for name in $family; do
    echo "$name"
done | sort > "$work/family"

# Every function that an installed header declares.
# shellcheck disable=SC2086
(cd "$srcdir" && cat $MMSIM_HEADERS) |
    grep -o '\bmmsim_[a-z0-9_]*(' | tr -d '(' |
    sed 's/$/@@MMSIM_1/' | sort -u > "$work/declared"

grep '^mmsim_' "$work/exported" > "$work/ours" || [ $? -eq 1 ]
grep -v '^mmsim_' "$work/exported" > "$work/others" || [ $? -eq 1 ]

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

echo "1..8"
comm -23 "$work/family" "$work/others" > "$work/missing"
report "the whole malloc family is exported, unversioned" "$work/missing"
comm -13 "$work/family" "$work/others" > "$work/extra"
report "nothing beside the family and mmsim_* is exported" "$work/extra"
comm -23 "$work/declared" "$work/ours" > "$work/missing"
report "every function of the headers is exported under MMSIM_1" "$work/missing"
comm -13 "$work/declared" "$work/ours" > "$work/extra"
report "no mmsim_ function is exported that no header declares" "$work/extra"

# Functions of libc that `mmsim run` takes the place of.
for name in _Fork brk madvise mincore mlock mlock2 mlockall mmap mmap64 mprotect \
    mremap msync munlock munlockall munmap pkey_mprotect posix_madvise sbrk; do
    echo "$name"
done | sort > "$work/family"
${NM:-nm} -D --defined-only "$MMSIM_RUN_LIB" |
    awk '$2 != "A" { print $3 }' | sort > "$work/exported"
comm -3 "$work/family" "$work/exported" > "$work/extra"
report "libmmsim-run.so exports its interposers, unversioned, and no more" \
    "$work/extra"
# Only one object of a process can be initialised first.
readelf -dW "$MMSIM_RUN_LIB" | grep INITFIRST > "$work/extra" || [ $? -eq 1 ]
report "libmmsim-run.so leaves the first place to libmmsim.so" "$work/extra"

# The library must work when it is loaded by dlopen and when it is first in
# the process, so its thread-local storage has to be initial-exec and small
# (debug builds keep more there).
readelf -rW "$MMSIM_LIB" | grep -E 'DTPMOD|TLSDESC' > "$work/dynamic" ||
    [ $? -eq 1 ]
report "thread-local storage is found without a call" "$work/dynamic"
size=$(readelf -lW "$MMSIM_LIB" | awk '$1 == "TLS" { print $6 }')
: > "$work/large"
if [ "${MMSIM_DEBUG:-0}" = 0 ] && [ $((${size:-0})) -gt 64 ]; then
    echo "$((size)) bytes" > "$work/large"
fi
report "thread-local storage takes at most 64 bytes" "$work/large"
