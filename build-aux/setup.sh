# shellcheck shell=sh
# setup.sh: sourced by check and demo; one place that knows which
# Debian packages are needed, and how mmsim is built from a fresh clone.
#
# With root's rights missing packages are installed; without, they are named
# and the script ends.  On a system without dpkg nothing can be asked: the
# list is left to the reader and configure says what it does not find.

BUILD_PACKAGES="autoconf automake libtool make pkg-config gcc g++ libc6-dev
libjansson-dev"

# The real programs of the tests; Python's own tests come apart from it.
PROGRAM_PACKAGES="bash coreutils python3 libpython3.11-testsuite perl git
sqlite3 redis-server redis-tools nodejs"

# shellcheck disable=SC2034
CHECK_PACKAGES="$BUILD_PACKAGES $PROGRAM_PACKAGES binutils strace util-linux
libcriterion-dev libzstd-dev gnuplot-nox mandoc procps shellcheck gcc-aarch64-linux-gnu libc6-dev-arm64-cross"

# shellcheck disable=SC2034
DEMO_PACKAGES="$BUILD_PACKAGES python3 sqlite3 redis-server redis-tools"

# missing_packages NAME...: prints those that are not installed.
missing_packages()
{
    for package in "$@"; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) ||
            state=unknown
        if [ "$state" != installed ]; then
            echo "$package"
        fi
    done
}

# install_packages NAME...: as root.  A freshly installed redis-server would be
# started as a service; the tests want their own, so a policy-rc.d forbids it
# while apt runs, unless the machine has a policy already.
install_packages()
{
    policy=/usr/sbin/policy-rc.d
    if [ -e $policy ]; then
        policy=
    else
        printf '#!/bin/sh\nexit 101\n' > $policy
        chmod +x $policy
        trap 'rm -f "$policy"' EXIT
    fi
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    apt-get update -q
    apt-get install -q -y --no-install-recommends "$@"
    if [ -n "$policy" ]; then
        rm -f $policy
        trap - EXIT
    fi
}

# need_packages NAME...
need_packages()
{
    if ! command -v dpkg-query > /dev/null; then
        echo "Not a Debian system: if something is missing below, look at $*"
        return 0
    fi
    missing=$(missing_packages "$@" | tr '\n' ' ')
    if [ -z "$missing" ]; then
        return 0
    fi
    if [ "$(id -u)" -ne 0 ]; then
        echo "These packages are missing: $missing" >&2
        echo "Install them with: sudo apt-get install $missing" >&2
        exit 1
    fi
    # shellcheck disable=SC2086
    install_packages $missing < /dev/null
}

# build_in DIRECTORY: from the top of a clone.  configure runs again each time,
# because packages may have come since.
build_in()
{
    if ! [ -x configure ]; then
        autoreconf -fi
    fi
    mkdir -p "$1"
    (cd "$1" && "$OLDPWD/configure" -q)
    make -C "$1" --no-print-directory -j2
}
