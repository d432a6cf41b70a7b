#!/bin/sh
# spec_man.sh: the manual page tells of the machines that there are.
#
# The section MACHINES of mmsim(7) must have every key of a spec, with what is
# allowed in the words that mmsim_spec_check answers, and every setting with
# its range, its default and the first kernel that has it; and no others.
# tests/print_spec asks the library.
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

# The section's lists: "key|its text in one line", "setting|range|default|since".
page_lists()
{
    awk '
        function flush() {
            if (key != "")
                print key "|" text
            key = ""
        }
        $1 == ".Sh" { flush(); on = $2 == "MACHINES"; next }
        !on { next }
        $1 == ".El" { flush(); next }
        $1 == ".It" && $2 == "Cm" && / Ta / {
            sub(/^\.It Cm /, ""); gsub(/ Ta /, "|"); gsub(/\\-/, "-")
            print
            next
        }
        $1 == ".It" && $2 == "Cm" { flush(); key = $3; text = ""; next }
        key != "" { text = text " " $0 }
    ' "$page"
}

"$top_builddir/tests/print_spec" > "$work/said"
page_lists > "$work/page"
grep -E '^[a-z_]+\|' "$work/said" > "$work/keys"
grep -E '^[a-z]+\.' "$work/said" |
    sed 's/|numbers, one for each zone, with spaces between them|/|one a zone|/' |
    sort > "$work/settings"
if ! [ -s "$work/keys" ] || ! [ -s "$work/settings" ]; then
    echo "Bail out! nothing printed"
    exit 1
fi

echo "1..4"
cut -d'|' -f1 "$work/keys" | sort > "$work/a"
grep -E '^[a-z_]+\|' "$work/page" | cut -d'|' -f1 | sort > "$work/b"
comm -3 "$work/a" "$work/b" > "$work/bad"
report "mmsim(7) has the keys of the parser" "$work/bad"

# A sentence of the page begins with a capital.
while IFS='|' read -r key allowed; do
    text=$(sed -n "s/^$key|//p" "$work/page")
    rest=${allowed#?}
    case $text in
    *"$rest."*) ;;
    *) echo "$key: $allowed" ;;
    esac
done < "$work/keys" > "$work/bad"
report "mmsim(7) tells what each key allows" "$work/bad"

grep -E '^[a-z]+\.' "$work/page" | sort > "$work/b"
comm -23 "$work/settings" "$work/b" > "$work/bad"
report "mmsim(7) has every setting as the table has it" "$work/bad"
comm -13 "$work/settings" "$work/b" > "$work/bad"
report "mmsim(7) has no setting that the table lacks" "$work/bad"
