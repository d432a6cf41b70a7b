#!/bin/bash
# work.bash: arrays, strings, functions, subshells and here documents.
# The argument is the amount of work; the output depends on nothing else.
set -eu
n=$1
declare -a list
declare -A table

for ((i = 0; i < n; i++)); do
    word="word$((i * 7919 % 1009))"
    list[i]="$word-${word^^}-$i"
    table[$word]="${table[$word]:-}$i,"
done

sum=0
for key in "${!table[@]}"; do
    sum=$((sum + ${#table[$key]}))
done
echo "keys ${#table[@]} length $sum"

text=$(printf '%s\n' "${list[@]}")
echo "text ${#text}"
text=${text//word/WORD}
echo "text ${text:100:40}"

count_lines() {
    local line lines=0
    while IFS= read -r line; do
        [[ $line =~ ^WORD([0-9]+)- ]] && lines=$((lines + BASH_REMATCH[1]))
    done
    echo "$lines"
}
echo "lines $(count_lines <<< "$text")"

for ((i = 0; i < 30; i++)); do
    got=$(echo "$i" | while read -r x; do echo $((x * x)); done)
    list[i]=$got
done
unset 'list[5]'
echo "squares ${list[*]:0:20}"

cat << END
done ${#list[@]}
END
