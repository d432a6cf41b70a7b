#!/usr/bin/env python3
"""run.py: mmsim beside glibc and other allocators, and its simulated kernel.

Each row (a micro benchmark, or a real program on generated input) is run under
each allocator in turn, A B C D, A B C D ..., so that a change of the machine's
mood hits all of them.  A round's time is divided by glibc's time in the same
round; the table shows the median of these ratios and their range.  Real
programs are timed by user + system time, micro rows with threads by the wall.
Peak RSS and page faults come from wait4(2).  A row that crashes is shown as
failed, and so is every figure that needs it.  The kernel rows measure the
simulated kernel by itself, the live rows real memory that it serves.
"""
import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the source directory may be read-only
HERE = os.path.dirname(os.path.abspath(__file__))

import allocators
import inputs
import report
from kernel_rows import kernel_rows, run_kernel_rows
from live_rows import MACHINE, live_figures, live_programs, run_live_programs
from measuring import Failure, Measure, clean_environment
from micro_rows import micro_rows
from real_rows import real_rows

ICOUNT_SECONDS = 60
HOW = ("Ratios of time to glibc's, the median of {rounds} interleaved rounds and [lowest..highest]; lower is better. "
       "Micro rows with xN have N threads and are timed by the wall. A real program's time is user + system.")
KERNEL_HOW = ("Rates by CPU time on one core, the median of {rounds} rounds and lowest..highest; each round is a process "
              "of its own.")

LIVE_HOW = ("User + system time of real programs on a machine with {machine}, that of its server included, beside plain mmsim: "
            "the median of {rounds} interleaved rounds and [lowest..highest]. The other figures are CPU time of a program "
            "and its server, which share one CPU.")


def parse():
    p = argparse.ArgumentParser(description="Compare mmsim with glibc and other allocators.")
    p.add_argument("libraries", nargs="*", metavar="LIBRARY.so", help="more libraries to preload")
    p.add_argument("--mmsim", default=".libs/libmmsim.so", help="path of libmmsim.so (default: %(default)s)")
    p.add_argument("--bin", default=HERE, metavar="DIR", help="where microbench, icount, measure, cxxmap, and the kernel_ and live_ programs are built")
    p.add_argument("--rows", default="", metavar="REGEX", help="only rows whose name matches, e.g. '^pair|redis'")
    p.add_argument("--rounds", type=int, help="rounds a row (default 5, quick 3)")
    p.add_argument("--allocators", default="", metavar="LIST", help="comma-separated names, e.g. mmsim,glibc,jemalloc")
    p.add_argument("--quick", action="store_true", help="smaller inputs and fewer rounds: about two minutes")
    p.add_argument("--markdown", metavar="FILE", help="write the tables as a page too")
    p.add_argument("--list", action="store_true", help="print the names of the rows and end")
    return p.parse_args()


def instruction_counts(program, chosen, note):
    """Runs icount under each allocator; a table of functions by allocators."""
    if not os.path.exists(program):
        note(f"{program} is not built; no instruction counts")
        return None
    columns, names = {}, []
    for allocator in chosen:
        env = clean_environment()
        if allocator.library:
            env["LD_PRELOAD"] = allocator.library
        columns[allocator.name] = {}
        try:
            done = subprocess.run([program], env=env, capture_output=True, text=True, check=False,
                                  timeout=ICOUNT_SECONDS)
        except subprocess.TimeoutExpired:
            note(f"icount under {allocator.name}: not done after {ICOUNT_SECONDS} s")
            continue
        found = re.findall(r"^(\w+\([\d,]+\))\s+(\d+)", done.stdout, re.M)
        if done.returncode:
            note(f"icount under {allocator.name}: {done.stderr.strip() or done.returncode}")
        elif not found:
            note(done.stdout.strip())
            return None
        columns[allocator.name] = dict(found)
        names = names or [name for name, _ in found]
    table = [["instructions of a warm call"] + [a.name for a in chosen]]
    return table + [[n] + [columns[a.name].get(n, "failed") for a in chosen] for n in names]


def run_row(row, chosen, rounds, measure, results):
    """All rounds of one row; each round starts with another allocator."""
    broken = set()
    for number in range(rounds):
        shift = number % len(chosen)
        for allocator in chosen[shift:] + chosen[:shift]:
            if allocator.name in broken:
                continue
            try:
                results.add(row, allocator, row.run(measure, allocator.library))
            except Failure as why:
                results.fail(row, allocator, str(why))
                broken.add(allocator.name)


def main():
    options = parse()
    notes = []

    def note(line):
        notes.append(line)
        print("note: " + line, file=sys.stderr)

    def tell(line):
        print(line, file=sys.stderr)

    def binary(name):
        return os.path.join(os.path.abspath(options.bin), name)

    if not os.path.exists(binary("measure")):
        sys.exit(f"run.py: {binary('measure')} is not built (see --bin)")
    rounds = options.rounds or (3 if options.quick else 5)
    scale = 0.2 if options.quick else 1.0
    wanted = [n for n in options.allocators.split(",") if n]
    chosen = allocators.choose(options.mmsim, options.libraries, wanted, note)
    with tempfile.TemporaryDirectory(prefix="mmsim-bench-", ignore_cleanup_errors=True) as scratch:
        rows = micro_rows(binary("microbench"), 0.02 if options.quick else 0.1, note)
        rows += real_rows(binary("cxxmap"), scratch, scale, note)
        rows = [r for r in rows if re.search(options.rows, r.name)]
        kernel = [r for r in kernel_rows(binary("kernel_faults"), binary("kernel_reclaim"), options.quick, note)
                  if re.search(options.rows, r.name)]
        programs = [r for r in live_programs(binary("measure"), binary("cxxmap"), scratch, scale)
                    if re.search(options.rows, r.name)]
        live = [r for r in live_figures(binary("live_faults"), binary("live_reclaim"), note)
                if re.search(options.rows, r.name)]
        if options.list:
            print("\n".join(r.name for r in rows + kernel + programs + live))
            return 0
        if not rows and not kernel and not programs and not live:
            sys.exit("run.py: no row matches --rows")
        if programs or any(r.kind == "real" for r in rows):
            inputs.generate(scratch, scale)
        measure = Measure(binary("measure"), scratch)
        results = report.Results(rows, chosen)
        for number, row in enumerate(rows):
            run_row(row, chosen, rounds, measure, results)
            print(f"[{number + 1}/{len(rows)}] " + "  ".join(report.time_line(results, row)), file=sys.stderr)
        counts = instruction_counts(binary("icount"), chosen, note) if rows else None
        if kernel:
            results.kernel.append(run_kernel_rows("simulated kernel, one core", kernel, rounds, results.failures, tell))
        if programs:
            results.live.append(run_live_programs(programs, os.path.abspath(options.mmsim), rounds, results.failures, tell))
        if live:
            results.live.append(run_kernel_rows("live memory, one CPU", live, rounds, results.failures, tell))
    print(report.text(results, counts, notes))
    if options.markdown:
        command = " ".join(["bench/run.py"] + [shlex.quote(a) for a in sys.argv[1:]])
        with open(options.markdown, "w", encoding="utf-8") as f:
            f.write(report.markdown(results, counts, notes, command, HOW.format(rounds=rounds),
                                    KERNEL_HOW.format(rounds=rounds),
                                    LIVE_HOW.format(rounds=rounds, machine=MACHINE)))
    return 1 if results.failures else 0


if __name__ == "__main__":
    # A plain exit lets the running program be ended and the scratch directory go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    sys.exit(main())
