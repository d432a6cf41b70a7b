#!/bin/sh
# total.sh SUITE-LOG: the end of `make check`.
#
# automake counts the cases of all tests and writes the totals, followed by the
# logs of the tests that did not pass, into SUITE-LOG.  This script prints those
# logs and the cases that were skipped, and ends with the line
# "N passed, M failed".  It fails when anything failed, and also when no case
# was run at all: a suite that tests nothing has not passed.
#
# A program whose cases failed ends with a status of its own, which automake
# counts as one error more; here it is not: M is the number of failed cases, and
# of programs that broke off without one.
set -eu
suite_log=$1

if ! [ -f "$suite_log" ]; then
    echo "The tests were not run: see the messages above."
    echo "0 passed, 0 failed"
    exit 1
fi

count()
{
    awk -v key="$1:" '$1 == "#" && $2 == key { print $3; exit }' "$suite_log"
}

# Programs that said of a case that it failed, and ended with a status.
counted_twice()
{
    awk '/^(FAIL|XPASS): / { failed[$2] = 1 }
        /^ERROR: .* - exited with status [0-9]+$/ { ended[$2] = 1 }
        END { for (name in ended) if (name in failed) n++; print n + 0 }' \
        "$suite_log"
}

passed=$(($(count PASS) + $(count XFAIL)))
failed=$(($(count FAIL) + $(count XPASS) + $(count ERROR) - $(counted_twice)))
skipped=$(count SKIP)

if [ "$failed" -ne 0 ]; then
    cat "$suite_log"
fi
if [ "$skipped" -ne 0 ]; then
    echo "$skipped skipped; why is in the logs ($suite_log)"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -ne 0 ]
