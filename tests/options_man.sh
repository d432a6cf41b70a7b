#!/bin/sh
# options_man.sh: the manual pages tell of the options that there are.
#
# Each entry of the list of options in mmsim(7) must name the same number,
# variable, tunable, default and range as the table in src/alloc/options.c,
# which tests/print_options prints; no option may be missing on either side.
# mmsim_mallopt(3) must list every number, and each header's functions must
# stand in its page.  And mandoc must like the pages.
set -eu
: "${srcdir:?}" "${top_builddir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
page=$srcdir/man/mmsim.7

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

# The page's list, in the form of the table: name|number|variable|tunable|text.
page_options()
{
    awk '
        function flush() {
            if (name != "")
                print name "|" number "|" variable "|" tunable "|" text
        }
        $1 == ".Sh" { on = $2 == "OPTIONS"; next }
        !on { next }
        $1 == ".It" && $2 == "Cm" {
            flush()
            name = $3; number = variable = tunable = "-"; text = ""
            top = 1
        }
        $1 == ".Pp" { top = 0 }
        !top { next }
        $1 == ".Dv" { number = $2 }
        $1 == ".Ev" { variable = $2 }
        $1 == ".Li" { tunable = $2 }
        $1 == "Default" { text = $0 }
        END { flush() }
    ' "$page"
}

"$top_builddir/tests/print_options" > "$work/table"
page_options > "$work/page"
[ -s "$work/table" ] || { echo "Bail out! no options printed"; exit 1; }

echo "1..7"
sort "$work/table" > "$work/table.sorted"
sort "$work/page" > "$work/page.sorted"
comm -23 "$work/table.sorted" "$work/page.sorted" > "$work/bad"
report "mmsim(7) has every option as the table has it" "$work/bad"
comm -13 "$work/table.sorted" "$work/page.sorted" > "$work/bad"
report "mmsim(7) has no option that the table lacks" "$work/bad"

cut -d'|' -f1,2 "$work/table" | grep -v '|-$' | sort > "$work/numbers"
sed -n 's/^\.It Dv \([A-Z_]*\) Ta \([a-z_]*\) Ta .*/\2|\1/p' \
    "$srcdir/man/mmsim_mallopt.3" | sort > "$work/listed"
comm -3 "$work/numbers" "$work/listed" > "$work/bad"
report "mmsim_mallopt(3) lists the numbers of the table" "$work/bad"

# functions PAGE HEADER...: every function of the headers is in the page's
# synopsis, and no other.
functions()
{
    page=$1
    shift
    (cd "$srcdir/include/mmsim" && cat "$@") | grep -v '^ \*' |
        grep -o '\bmmsim_[a-z0-9_]*(' | tr -d '(' | sort -u > "$work/declared"
    sed -n -e 's/^\.Fn \(mmsim_[a-z0-9_]*\) .*/\1/p' \
        -e 's/^\.Fo \(mmsim_[a-z0-9_]*\)$/\1/p' "$srcdir/man/$page.3" |
        sort -u > "$work/described"
    comm -3 "$work/declared" "$work/described" > "$work/bad"
    report "$page(3) has the functions of $*" "$work/bad"
}
functions mmsim_malloc malloc.h os.h
functions mmsim_kernel kernel.h
functions mmsim_sim sim.h

# Which pages are installed on this machine does not matter.
for file in "$srcdir"/man/*.[0-9]; do
    mandoc -T lint -W style "$file" || :
done > "$work/said" 2>&1
grep -v -E 'mandoc\.db lacks|referenced manual not found' "$work/said" > "$work/bad" ||
    [ $? -eq 1 ]
report "mandoc finds nothing to say about the pages" "$work/bad"
