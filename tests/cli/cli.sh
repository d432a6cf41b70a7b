# shellcheck shell=sh
# cli.sh: sourced by the tests of the command: TAP, and what mmsim said.
: "${MMSIM:?}" "${srcdir:?}" "${top_builddir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
status=0

# run ARGUMENT...: of mmsim.  Its status is in $status, its output in $work/out,
# its messages in $work/err.
run()
{
    status=0
    "$MMSIM" "$@" > "$work/out" 2> "$work/err" < /dev/null || status=$?
}

# ok DESCRIPTION COMMAND...: the command tells whether it is so.
ok()
{
    n=$((n + 1))
    description=$1
    shift
    if "$@"; then
        echo "ok $n - $description"
        return
    fi
    echo "not ok $n - $description"
    echo "# not true: $*; status $status"
    head -n 20 "$work/out" "$work/err" | sed 's/^/# /'
}

has_status() # has_status STATUS
{
    [ "$status" -eq "$1" ]
}

prints() # prints TEXT...: each is somewhere in the output
{
    for text in "$@"; do
        grep -q -F -e "$text" "$work/out" || return 1
    done
}

says() # says TEXT...: each is somewhere in the messages
{
    for text in "$@"; do
        grep -q -F -e "$text" "$work/err" || return 1
    done
}

prints_nothing()
{
    ! [ -s "$work/out" ]
}

says_nothing()
{
    ! [ -s "$work/err" ]
}

# is_refused STATUS TEXT...: this status, nothing on standard output, and each
# text in the messages.
is_refused()
{
    has_status "$1" && prints_nothing && shift && says "$@"
}

# $heap is tests/cli/heap.c, a program whose need of memory is known.
build_heap()
{
    heap=$work/heap
    ${CC:-cc} -O1 -fno-builtin -o "$heap" "$srcdir/tests/cli/heap.c"
}

# The plan comes last, when the tests are counted.
plan()
{
    echo "1..$n"
}

# use_fake: from here on mmsim starts programs without mmsim's library, so that
# only tests/cli/fake tells of a machine.  A copy of the command finds an empty
# library beside itself.
use_fake()
{
    mkdir -p "$work/fake/.libs"
    cp "$MMSIM" "$work/fake/mmsim"
    echo 'int mmsim_fake;' > "$work/fake/empty.c"
    ${CC:-cc} -shared -fPIC -o "$work/fake/.libs/libmmsim.so" "$work/fake/empty.c"
    MMSIM=$work/fake/mmsim
    # shellcheck disable=SC2034
    fake=$top_builddir/tests/cli/fake
}
