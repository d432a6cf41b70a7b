#!/usr/bin/env python3
"""repeat.py: the same program twice is the same, to the last figure.

With address randomisation off, which `mmsim run` sees to, a program with one
thread whose input is the same makes the same requests and the same faults in
the same order.  So all figures of its report are equal, the fingerprint over
requests and faults and the virtual time included.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated import check, check_swapped, own, program, simulate  # noqa: E402
from tap import case, main  # noqa: E402

SCARCE = "ram=6M,swap=256M"


def twice(command, machine, times=2, **more):
    """The reports of two runs: they are equal, and not empty."""
    runs = [simulate(command, machine, **more) for _ in range(times)]
    first = [p.figures() for p in runs[0].processes]
    check(int(runs[0].first.fingerprint, 16) != 0, "no fingerprint")
    for done in runs[1:]:
        check(done.out == runs[0].out, "the output differs")
        check(len(done.processes) == len(first), "other processes")
        for one, other in zip(first, done.processes):
            different = {k: (v, other.figures()[k]) for k, v in one.items()
                         if v != other.figures()[k]}
            check(not different, f"{other.comm}: {different}")
    return runs[0]


@case
def python3():
    text = ("d = {str(i) * 9: [i] * 9 for i in range(20000)}\n"
            "print(len(d), sum(map(sum, d.values())), id(d))\n"
            "print(sorted(d)[7], hash('text'))\n")
    env = {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"}
    twice(["/usr/bin/python3", "-c", text], "ram=256M", env=env)
    check_swapped(twice(["/usr/bin/python3", "-c", text], SCARCE,
                        env=env).first)


@case
def sqlite3():
    text = ("CREATE TABLE t (a, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
            "SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO t SELECT i, "
            "hex(i * 7919) || printf('%0200d', i) FROM n; CREATE INDEX x ON t "
            "(b); SELECT count(*), max(b) FROM t;")
    command = [program("sqlite3", "sqlite3"), ":memory:", text]
    twice(command, "ram=256M")
    check_swapped(twice(command, SCARCE).first)


@case
def bash():
    text = ("for ((i = 0; i < 20000; i++)); do printf -v a[i] '%0400d' $i; done;"
            "for ((i = 0; i < 20000; i += 100)); do s=$((s + ${#a[i]})); done;"
            "echo $s ${#a[@]}")
    command = [program("bash", "bash"), "--norc", "-c", text]
    twice(command, "ram=256M")
    check_swapped(twice(command, SCARCE).first)


@case
def another_seed_is_another_machine():
    """What the seed decides is chance: the heap's secrets, not what is done."""
    runs = [simulate([own("grow"), "20", "20", "0"],
                     f"ram=64M,seed={seed}").first for seed in (1, 1, 2)]
    check(runs[0].figures() == runs[1].figures(), "the same seed")
    check(runs[0].faults == runs[2].faults and runs[0].calls == runs[2].calls,
          "the program does the same")


if __name__ == "__main__":
    main()
