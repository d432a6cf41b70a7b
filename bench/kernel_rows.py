"""The kernel rows: the simulated kernel's speed, and what its machines cost the host.

They have no allocators to compare: each row is one run of kernel_faults or
kernel_reclaim, in a process of its own, and gives one figure or two.
"""
import os
import statistics

from measuring import TIMEOUT, Failure, built_name, clean_environment, describe, run_apart


class KernelRow:
    """One run of a program: a kind of work, and the size of the machine, where that is open."""

    def __init__(self, name, program, *work):
        self.argv = [program, *work]
        self.name = name

    def run(self):
        """[(name, value, unit)]"""
        status, output, errors = run_apart(self.argv, TIMEOUT, clean_environment())
        if status:
            raise Failure(describe(status, errors))
        lines = [line.split("\t") for line in output.splitlines()]
        return [(name, float(value), unit) for name, value, unit in lines]


def kernel_rows(faults, reclaim, quick, note):
    """The rows of both programs."""
    large = "8G" if quick else "64G"
    work = {
        faults: [("faults", "1G"), ("faults", "64G"), ("faults", "1T"), ("hits", "1G"), ("boot", "1T"), ("fill", large)],
        reclaim: [("cache",), ("swapout",), ("swapped", large), ("read",)],
    }
    rows = []
    for program, works in work.items():
        if os.path.exists(program):
            rows += [KernelRow("/".join(("kernel", *what)), program, *what) for what in works]
        else:
            note(f"{built_name(program)} is not built; none of its rows")
    return rows


def run_kernel_rows(title, rows, rounds, failures, progress):
    """All rows in turn, `rounds` times; the table: each figure's median and its range."""
    figures, units, broken = {}, {}, set()
    for number in range(rounds):
        for row in rows:
            if row.name in broken:
                continue
            try:
                for name, value, unit in row.run():
                    figures.setdefault(name, []).append(value)
                    units[name] = unit
            except Failure as why:
                failures.append(f"{row.name}: {why}")
                broken.add(row.name)
        progress(f"[{title}: round {number + 1}/{rounds}]")
    table = [[title, "median", "lowest..highest"]]
    for name, values in figures.items():
        table.append([name, f"{shown(statistics.median(values))} {units[name]}",
                      f"{shown(min(values))}..{shown(max(values))}"])
    return table


def shown(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
