#!/usr/bin/env python3
"""run.py: mmsim's calls beside those of glibc and other allocators, and its simulated kernel.

The micro rows are run under each allocator in turn (rounds.py); a figure is the
median of the rounds relative to glibc's, with the range of the runs.  Rows with
threads are timed by the wall, the others by CPU time; peak RSS comes from
wait4(2).  icount counts the instructions of warm calls.  The kernel rows measure
the simulated kernel by itself, the live rows real memory that it serves.  A row
that crashes is shown as failed, and so is every figure that needs it; then the
exit status is 1.
"""
import os
import sys
import tempfile

sys.dont_write_bytecode = True  # the source directory may be read-only

import entry
import inputs
import micro_report
import page
import tables
from kernel_rows import kernel_rows, run_kernel_rows
from live_rows import MACHINE, live_figures, live_programs, run_live_programs
from measuring import Measure
from micro_rows import micro_rows
from results import Results
from rounds import run_rows

HOW = ("The median of {rounds} interleaved rounds relative to glibc's, and [lowest..highest]; lower is better. "
       "Rows with xN have N threads and are timed by the wall.")
KERNEL_HOW = ("Rates by CPU time on one core, the median of {rounds} rounds and lowest..highest; each round is a process "
              "of its own.")
LIVE_HOW = ("User + system time of real programs on a machine with {machine}, that of its server included, beside plain mmsim: "
            "the median of {rounds} interleaved rounds and [lowest..highest]. The other figures are CPU time of a program "
            "and its server, which share one CPU.")


class Bench(entry.Session):
    """The rows that are wanted, and what comes of them: {section: (how, tables, lines)}."""

    def __init__(self, options, scratch):
        super().__init__(options, "bench")
        self.scratch = scratch
        self.failures = []
        self.sections = {}
        binary = self.binary
        self.micro = self.wanted(micro_rows(binary("microbench"), 0.02 if options.quick else 0.1, self.note))
        self.kernel = self.wanted(kernel_rows(binary("kernel_faults"), binary("kernel_reclaim"), options.quick, self.note))
        self.programs = self.wanted(live_programs(binary("measure"), binary("cxxmap"), scratch, self.scale))
        self.live = self.wanted(live_figures(binary("live_faults"), binary("live_reclaim"), self.note))

    def rows(self):
        return self.micro + self.kernel + self.programs + self.live

    def run_micro(self, chosen):
        results = run_rows(self.micro, chosen, self.rounds, Measure(self.binary("measure"), self.scratch),
                           Results(self.micro, chosen), self.tell)
        counts = micro_report.instruction_counts(self.binary("icount"), chosen, self.note)
        self.failures += results.failures()
        self.sections["micro"] = ("Calls, one by one", HOW.format(rounds=self.rounds),
                                  micro_report.micro_tables(results, counts), micro_report.comparison_lines(results))

    def run_kernel(self):
        table = run_kernel_rows("simulated kernel, one core", self.kernel, self.rounds, self.failures, self.tell)
        self.sections["kernel"] = ("The simulated kernel", KERNEL_HOW.format(rounds=self.rounds), [table], [])

    def run_live(self):
        found = []
        if self.programs:
            inputs.generate(self.scratch, self.scale)
            found.append(run_live_programs(self.programs, os.path.abspath(self.options.mmsim), self.rounds, self.failures,
                                           self.tell))
        if self.live:
            found.append(run_kernel_rows("live memory, one CPU", self.live, self.rounds, self.failures, self.tell))
        self.sections["live"] = ("Live memory", LIVE_HOW.format(rounds=self.rounds, machine=MACHINE), found, [])

    def text(self):
        parts = []
        for _, _, found, lines in self.sections.values():
            parts += [tables.as_text(t) for t in found] + (["\n".join(lines)] if lines else [])
        for what, lines in (("failed", self.failures), ("note", self.notes)):
            if lines:
                parts.append("\n".join(f"{what}: {line}" for line in lines))
        return "\n\n".join(parts)

    def page_sections(self):
        """The text of each section that was run; what failed or is missing stands in the first of them."""
        bodies = {}
        for name, (title, how, found, lines) in self.sections.items():
            parts = [f"## {title}", self.head(), how] + [tables.as_markdown(t) for t in found]
            said = lines + ([] if bodies else ["failed: " + f for f in self.failures] + self.notes)
            bodies[name] = "\n\n".join(parts + ([tables.as_list(said)] if said else []))
        return bodies


def main():
    options = entry.parser("Compare mmsim's calls with those of glibc and other allocators.",
                           "microbench, icount, measure, and the kernel_ and live_ programs",
                           "smaller inputs and fewer rounds: about two minutes").parse_args()
    with tempfile.TemporaryDirectory(prefix="mmsim-bench-", ignore_cleanup_errors=True) as scratch:
        bench = Bench(options, scratch)
        if options.list:
            print("\n".join(r.name for r in bench.rows()))
            return 0
        if not bench.rows():
            bench.give_up("no row matches --rows")
        chosen = bench.choose() if bench.micro or bench.programs else []
        if bench.micro:
            bench.run_micro(chosen)
        if bench.kernel:
            bench.run_kernel()
        if bench.programs or bench.live:
            bench.run_live()
    print(bench.text())
    if options.markdown:
        page.write_sections(options.markdown, bench.page_sections())
    return 1 if bench.failures else 0


if __name__ == "__main__":
    entry.main(main)
