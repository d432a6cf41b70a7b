#!/usr/bin/env python3
"""programs.py: real programs with their heap on a simulated machine.

Each runs as it is, on a machine with ample memory, on one with memory for half
of its heap and swap, on that one without swap, and on one that promises too
little (overcommit_memory=2).  On the first two its output has to be the same
as without mmsim; on the third it is killed; on the fourth it sees ENOMEM, and
says so in its own words.
"""

import hashlib
import os
import re
import signal
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from simulated import (  # noqa: E402
    OOM_STATUS, check, check_bounds, check_killed, check_swapped, program,
    simulate)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "programs"))
from large_c import large_c_file  # noqa: E402
from redis_server import Redis  # noqa: E402
from tap import case, main, succeed  # noqa: E402

AMPLE = "ram=1G"
PYTHON = "/usr/bin/python3"


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def half(process):
    """The size of a machine with memory for half of what it needed."""
    return f"{process.peak_rss_kb // 8 * 4 + 1024}K"


def strict(process):
    """A machine that promises three quarters of what it was promised."""
    return (f"ram=1G,vm.overcommit_memory=2,"
            f"vm.overcommit_kbytes={process.peak_committed_kb * 3 // 4}")


def check_refused(process):
    check(process.overcommit_memory == 2 and process.nr_refused > 0 and
          process.refusals[0]["rule"] == "commit-limit" and
          process.refusals[0]["errno"] == "ENOMEM",
          f"refusals: {process.refusals}")


def four_machines(command, plain, result, comm=None, killed=OOM_STATUS,
                  env=None, **strict_case):
    """The four cases of a program that runs to its end.

    `plain` is what result(done) gives without mmsim; `comm` names the process
    that has the heap, if it is not the first one; `killed` is the program's
    status when that process is killed.
    """
    def heap_of(done):
        return done.named(comm) if comm else done.first

    ample = simulate(command, AMPLE, env=env)
    check(result(ample) == plain, f"another output:\n{ample.out[-2000:]}")
    heap = heap_of(ample)
    check(heap.pswpout == 0 and heap.maj_flt == 0, "swapped without need")
    for process in ample.processes:
        check_bounds(process)

    scarce = simulate(command, f"ram={half(heap)},swap=1G", env=env,
                      timeout=300)
    check(result(scarce) == plain,
          f"another output with swap:\n{scarce.out[-2000:]}")
    check_swapped(heap_of(scarce))
    for process in scarce.processes:
        check_bounds(process)

    dead = simulate(command, f"ram={half(heap)}", status=killed, env=env)
    check_killed(dead, heap_of(dead))

    done = simulate(command, strict(heap), env=env, **strict_case)
    check_refused(heap_of(done))
    return ample, scarce, done


def without(command, env=None):
    return succeed(command, preload=False, env=env)


BASH = r"""
n=$1
declare -a list
for ((i = 0; i < n; i++)); do
    printf -v list[i] '%0100d' "$i"
done
sum=0
for ((i = 0; i < n; i += 7)); do
    sum=$((sum + 10#${list[i]}))
done
echo "$n entries, sum $sum, last ${list[n - 1]}"
child=$(echo "${#list[@]} in a subshell, ${list[n / 2]}")
echo "$child"
"""


@case
def bash():
    write("work.bash", BASH)
    command = [program("bash", "bash"), "work.bash", "60000"]
    plain = without(command).stdout
    _, _, done = four_machines(command, plain, lambda done: done.out, status=2)
    check("cannot allocate" in done.err, done.err)


PYTHON_WORK = r"""
import hashlib

def build(nr_mb):
    # 1000 bytes and 24 of the allocator's and Python's own
    return [str(i).encode().zfill(1000 - 57) for i in range(nr_mb * 1000)]

for turn in range(2):
    objects = build(MB)
    print(len(objects), sum(int(o[-3:]) for o in objects),
          hashlib.sha256(b"".join(objects[::100])).hexdigest())
    del objects
"""

PYTHON_ENOMEM = r"""
blocks = []
try:
    while True:
        blocks.append(bytearray(1 << 20))
except MemoryError:
    nr = len(blocks)
    del blocks
print("MemoryError after", nr, "MB")
print("carries on", sum(len(bytearray(1 << 20)) for _ in range(nr)) >> 20)
"""


@case
def python3():
    check(os.path.exists(PYTHON), "install the Debian package python3")
    env = {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}
    write("work.py", PYTHON_WORK.replace("MB)", "200)"))
    command = [PYTHON, "work.py"]
    plain = without(command, env=env).stdout
    ample, _, done = four_machines(command, plain, lambda done: done.out,
                                   env=env, status=1)
    check("MemoryError" in done.err, done.err)
    check(200e6 < ample.first.peak_rss_kb * 1024 < 225e6,
          f"{ample.first.peak_rss_kb} kB for 200 MB of objects")


@case
def python3_goes_on_after_memory_error():
    write("enomem.py", PYTHON_ENOMEM)
    done = simulate([PYTHON, "enomem.py"], "ram=64M,vm.overcommit_memory=2,"
                    "vm.overcommit_kbytes=50000",
                    env={"PYTHONMALLOC": "malloc"})
    found = re.match(r"MemoryError after (\d+) MB\ncarries on (\d+)\n$",
                     done.out)
    check(found and found.group(1) == found.group(2), done.out)
    # 50000 kB less what the reserve and the program itself need
    check(25 < int(found.group(1)) < 49, done.out)
    check_refused(done.first)


SQL = """
    CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, value BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
        WHERE i < 20000)
    INSERT INTO t SELECT i, printf('name %010d %0500d', i * 7919 % 20011, i),
        i * 1.5 FROM n;
    CREATE INDEX by_name ON t (name);
    SELECT count(*), sum(value), max(name), sum(length(name)) FROM t;
    UPDATE t SET name = upper(name) || id WHERE id % 3 = 0;
    DELETE FROM t WHERE id % 5 = 0;
    SELECT count(*), sum(length(name)), min(name) FROM t;
    SELECT id, name FROM t ORDER BY name DESC LIMIT 50;
    PRAGMA integrity_check;
    """


@case
def sqlite3():
    write("work.sql", SQL)
    command = [program("sqlite3", "sqlite3"), "-batch", "-bail", ":memory:",
               ".read work.sql"]
    plain = without(command).stdout
    check(plain.rstrip().endswith("ok"), plain[-500:])
    _, _, done = four_machines(command, plain, lambda done: done.out, status=1)
    check("out of memory" in done.err, done.err)


@case
def gcc():
    write("large.c", large_c_file(150))
    # All figures are those of the compiler proper, which gcc starts.
    command = [program("gcc", "gcc"), "-O2", "-g", "-S", "-frandom-seed=1",
               "large.c", "-o", "large.s"]
    without(command)

    def result(_):
        return digest("large.s")

    _, _, done = four_machines(command, result(None), result, comm="cc1",
                               killed=1, status=1)
    check("out of memory allocating" in done.err, done.err)


def redis_session(machine):
    """(answers, status, what was said, report) of one server's life."""
    # Its report of a crash needs memory, too.
    with Redis(machine, "--crash-log-enabled", "no") as redis:
        redis.benchmark("-n", "2000", "-c", "10", "-r", "3000", "-d", "500",
                        "-t", "set,get,lpush,lrange_100,hset")
        answers = [redis.call("flushall")]
        for script in (
                "for i = 1, 10000 do redis.call('set', 'key' .. i, "
                "string.rep(i, 800 / #tostring(i))) end return 'filled'",
                "local s = '' for i = 1, 10000 do s = redis.sha1hex(s .. "
                "redis.call('get', 'key' .. i)) end return s"):
            answers.append(redis.call("eval", script, "0"))
        answers.append(redis.call("dbsize"))
        status = redis.stop()
        return answers, status, redis.said(), machine and redis.done()


@case
def redis():
    plain, status, _, _ = redis_session(None)
    check(status == 0 and plain[-1] == "10000\n", f"{plain}")

    answers, status, said, done = redis_session(AMPLE)
    check(status == 0 and answers == plain, f"{answers}\n{said[-2000:]}")
    heap = done.first
    check_bounds(heap)
    check(heap.pswpout == 0, "swapped without need")
    check(heap.peak_rss_kb > 10000 * 800 // 1024, "not in the simulated heap")

    answers, status, said, done = redis_session(f"ram={half(heap)},swap=1G")
    check(status == 0 and answers == plain, f"{answers}\n{said[-2000:]}")
    check_swapped(done.first)

    _, status, said, done = redis_session(f"ram={half(heap)}")
    check(status == OOM_STATUS, f"status {status}")
    check_killed(done, done.first)

    _, status, said, done = redis_session(strict(heap))
    check("Out Of Memory allocating" in said, said[-2000:])
    check(status == 128 + signal.SIGABRT, f"status {status}")
    check_refused(done.first)


if __name__ == "__main__":
    main()
