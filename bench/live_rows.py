"""The live rows: real memory whose faults a simulated kernel serves.

Real programs run on a machine with room for all they have, beside plain mmsim,
one right after the other; the machine's server counts.  And two programs
measure single faults and swapping.
"""
import os
import statistics

from kernel_rows import KernelRow
from measuring import Failure, Measure, built_name
from real_rows import RealRow, real_rows

MACHINE = "ram=512M"
PROGRAMS = ("sqlite3 :memory:", "python3", "redis")
LONG_ROUNDS = 10  # of the same work as the row python3, in the same memory


class LiveRow:
    """A real row on a machine and without one."""

    def __init__(self, row, plain, live):
        self.row = row
        self.sides = [plain, live]
        self.name = "live/" + row.name
        self.runs = []

    def run(self, library, number):
        """One round: the sides take turns in going first."""
        figures = [None, None]
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            figures[side] = self.row.run(self.sides[side], library)
        self.runs.append(figures)

    def line(self):
        ratios = [live.time / plain.time for plain, live in self.runs]
        median = [[statistics.median(f[side].time for f in self.runs),
                   statistics.median(f[side].faults for f in self.runs)] for side in (0, 1)]
        return [self.row.name, f"{median[0][0]:.2f} s", f"{median[1][0]:.2f} s",
                f"{statistics.median(ratios):.2f} [{min(ratios):.2f}..{max(ratios):.2f}]",
                f"{median[0][1]:.0f}", f"{median[1][1]:.0f}"]


def live_programs(measure, cxxmap, directory, scale, note):
    """The rows of real programs."""
    def missing(line, name):
        if name in PROGRAMS:
            note(line)

    machine = Measure(measure, directory, MACHINE)
    plain = Measure(measure, directory)
    rows = [r for r in real_rows(cxxmap, directory, scale, missing) if r.name in PROGRAMS]
    rows += [RealRow(f"python3, {LONG_ROUNDS} rounds", r.argv + [str(LONG_ROUNDS)], env=r.env)
             for r in rows if r.name == "python3"]
    return [LiveRow(r, plain, machine) for r in rows]


def live_figures(faults, reclaim, note):
    """The rows of live_faults and live_reclaim."""
    rows = []
    for name, program in (("live/faults", faults), ("live/reclaim", reclaim)):
        if os.path.exists(program):
            rows.append(KernelRow(name, program))
        else:
            note(f"{built_name(program)} is not built; none of its rows")
    return rows


def run_live_programs(rows, library, rounds, failures, progress):
    """All rounds of each row; the table."""
    table = [["on a machine with " + MACHINE, "without", "with", "ratio", "host's faults without", "with"]]
    for done, row in enumerate(rows):
        try:
            for number in range(rounds):
                row.run(library, number)
            table.append(row.line())
            progress(f"[live programs: {done + 1}/{len(rows)}] " + "  ".join(table[-1]))
        except Failure as why:
            failures.append(f"{row.name}: {why}")
    return table
