#!/usr/bin/env python3
"""demo.py: real programs with glibc's malloc and with mmsim, in one short table.

    demo.py BUILD-DIRECTORY

Each program runs ROUNDS times under each of the two, in turn, and the medians
are shown.  The figures come from `measure` (wait4(2)); redis is the server
alone, driven by redis-benchmark, and its glibc line preloads libc because
Debian links redis-server with jemalloc.
"""
import os
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True  # the source directory may be read-only

import inputs
from measuring import Failure, Figures, Measure
from real_rows import real_rows

ROUNDS = 5
SCALE = 0.4
SHOWN = ("sqlite3 :memory:", "python3", "redis", "c++ maps")


def run_alternately(row, measure, libraries):
    """The samples of each library, in the order of `libraries`."""
    samples = [[] for _ in libraries]
    for number in range(ROUNDS):
        order = range(len(libraries)) if number % 2 == 0 else reversed(range(len(libraries)))
        for i in order:
            samples[i].append(row.run(measure, libraries[i]))
    return samples


def medians(runs):
    """Wall seconds, page faults, peak RSS in KiB."""
    return Figures(wall=statistics.median(f.wall for f in runs), faults=statistics.median(f.faults for f in runs),
                   peak=statistics.median(f.peak for f in runs))


def change(before, after):
    return f"{(after / before - 1) * 100:+.0f}%"


def print_row(name, glibc, mmsim):
    print(f"{name:16} {glibc.wall:9.2f} {mmsim.wall:7.2f} {change(glibc.wall, mmsim.wall):>6}"
          f" {glibc.peak / 1024:9.1f} {mmsim.peak / 1024:7.1f} {change(glibc.peak, mmsim.peak):>6}"
          f" {glibc.faults:9.0f} {mmsim.faults:7.0f} {change(glibc.faults, mmsim.faults):>6}", flush=True)


def note(text, name):
    """real_rows says which programs are missing; only those of the table matter."""
    if name in SHOWN:
        print(text, file=sys.stderr)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: demo.py BUILD-DIRECTORY")
    build = os.path.abspath(sys.argv[1])
    library = os.path.join(build, ".libs", "libmmsim.so")
    print(f"\nLD_PRELOAD={os.path.relpath(library)} PROGRAM, beside glibc's malloc (medians of {ROUNDS} runs)\n")
    print(f"{'':16} {'wall time, s':>20} {'peak memory, MiB':>27} {'page faults':>22}")
    columns = f"{'glibc':>9} {'mmsim':>7} {'':>6}"
    print(f"{'program':16} {columns} {columns} {columns.rstrip()}", flush=True)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        measure = Measure(os.path.join(build, "bench", "measure"), scratch)
        inputs.write_sql(os.path.join(scratch, "work.sql"), SCALE)
        rows = real_rows(os.path.join(build, "bench", "cxxmap"), scratch, SCALE, note)
        for row in (r for r in rows if r.name in SHOWN):
            try:
                glibc, mmsim = map(medians, run_alternately(row, measure, (None, library)))
                print_row(row.name, glibc, mmsim)
            except Failure as why:
                failed = True
                print(f"{row.name:16} failed: {why}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
