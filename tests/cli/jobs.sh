#!/bin/sh
# jobs.sh: many runs at once: the line that tells how far they are, their CPUs,
# and what becomes of them when mmsim is ended.
set -eu
# shellcheck source=tests/cli/cli.sh
. "${srcdir:?}/tests/cli/cli.sh"
build_heap
cp "$(command -v sleep)" "$work/sleeper"

# until COMMAND...: waits for it to be true, but not for ever.
until_true()
{
    for _ in $(seq 200); do
        if "$@"; then
            return 0
        fi
        sleep 0.1
    done
    return 1
}

nobody_runs()
{
    ! pgrep -f "^$work/sleeper" > "$work/pids"
}

somebody_runs()
{
    pgrep -f "^$work/sleeper" > "$work/pids"
}

# --- the line ---

# Each run takes longer than there is between two lines.
script -qec "'$MMSIM' tune --set M_TOP_PAD=0,1 --jobs 1 -- '$work/sleeper' 0.3" \
    "$work/typescript" > "$work/out" < /dev/null
ok "on a terminal a line tells how far it is" prints "mmsim tune: run 1 of 3"
ok "it goes away" prints "$(printf '\r\033[K')"
ok "and the table follows" prints "least memory: "

# --- CPUs ---

cat > "$work/cpu.c" << 'END'
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* Appends its CPU to the file, and waits until there is a second line. */
int main(int argc, char **argv)
{
	char *line = malloc(100);
	FILE *file = fopen(argv[argc - 1], "a");
	int lines = 0, c;

	fprintf(file, "%d\n", sched_getcpu());
	fclose(file);
	for (int i = 0; i < 1000 && lines < 2; i++) {
		usleep(10000);
		lines = 0;
		file = fopen(argv[argc - 1], "r");
		while ((c = getc(file)) != EOF)
			lines += c == '\n';
		fclose(file);
	}
	free(line);
	return lines < 2;
}
END
${CC:-cc} -o "$work/cpu" "$work/cpu.c"
run tune --set M_TOP_PAD=0 --jobs 2 -- "$work/cpu" "$work/cpus"
ok "two run at once" has_status 0
expected=$(nproc)
[ "$expected" -le 2 ] || expected=2
ok "on CPUs of their own" \
    [ "$(head -n 2 "$work/cpus" | sort -u | wc -l)" -eq "$expected" ]

# --- the end of mmsim ---

for signal in TERM INT; do
    # A shell's background job ignores SIGINT, which python gives back.
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], ["mmsim"] + sys.argv[2:])' "$MMSIM" fit -- \
        "$work/sleeper" 1000 > "$work/out" 2> "$work/err" &
    mmsim=$!
    ok "SIG$signal: programs run" until_true somebody_runs
    kill -"$signal" "$mmsim"
    status=0
    wait "$mmsim" || status=$?
    ok "mmsim ends by it" [ "$(kill -l "$status")" = "$signal" ]
    ok "and so do the programs" until_true nobody_runs
    ok "nothing was found" prints_nothing
done
# A script leaves SIGINT ignored in its background jobs, and nohup SIGHUP.
(
    trap '' INT
    exec "$MMSIM" fit -- "$work/sleeper" 0.5
) > "$work/out" 2> "$work/err" &
mmsim=$!
ok "SIGINT ignored: programs run" until_true somebody_runs
kill -INT "$mmsim"
status=0
wait "$mmsim" || status=$?
ok "mmsim goes on" has_status 0
ok "to the end" prints "container limit"

# On the host: it reaches the run there when all on machines are done.
cat > "$work/host.sh" << END
#!/bin/sh
[ -z "\$MMSIM_MACHINE" ] || exit 0
"$work/sleeper" 1000
exit
END
chmod +x "$work/host.sh"
"$MMSIM" fit -- "$work/host.sh" > "$work/out" 2> "$work/err" &
mmsim=$!
ok "on the host: programs run" until_true somebody_runs
kill -TERM "$mmsim"
status=0
wait "$mmsim" || status=$?
ok "SIGTERM: mmsim ends by it" has_status 143
ok "and so does the program's child" until_true nobody_runs
# --- daemons ---

cat > "$work/daemon.sh" << END
#!/bin/sh
setsid "$work/sleeper" 1000 &
until pgrep -f "^$work/sleeper" > "$work/started"; do
    sleep 0.02
done
END
chmod +x "$work/daemon.sh"
run tune --set M_TOP_PAD=0 --jobs 1 -- "$work/daemon.sh"
ok "a program that starts a daemon" has_status 0
ok "which ran" [ -s "$work/started" ]
ok "and ended with it" nobody_runs
plan
