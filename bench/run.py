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

TITLES = {"micro": "Calls, one by one", "kernel": "The simulated kernel", "live": "Live memory"}  # of the sections


class Bench(entry.Session):
    """The rows that are wanted, and what comes of them: {section: (how, tables, lines, failures)}."""

    def __init__(self, options, scratch):
        super().__init__(options, "bench")
        self.scratch = scratch
        self.failures = []
        self.sections = {}
        self.partial = set()  # the sections of which some rows are left out
        self.kept = set()     # those which the page keeps for that reason
        self.missing = {name: [] for name in TITLES}  # why rows of a section cannot be run
        binary = self.binary
        self.micro = self.part("micro", micro_rows(binary("microbench"), 0.02 if options.quick else 0.1, self.noting("micro")))
        self.kernel = self.part("kernel", kernel_rows(binary("kernel_faults"), binary("kernel_reclaim"), options.quick,
                                                      self.noting("kernel")))
        self.programs = self.part("live", live_programs(binary("measure"), binary("cxxmap"), scratch, self.scale,
                                                        self.noting("live")))
        self.live = self.part("live", live_figures(binary("live_faults"), binary("live_reclaim"), self.noting("live")))

    def noting(self, section):
        """What notes that rows of a section cannot be run."""
        def note(line, *_):
            self.tell("note: " + line)
            self.missing[section].append(line)
            self.partial.add(section)
        return note

    def part(self, section, rows):
        """The wanted rows of a section."""
        wanted = self.wanted(rows)
        if len(wanted) < len(rows):
            self.partial.add(section)
        return wanted

    def check_page(self):
        """A section that the page has is not replaced by a part of one: it stays, which is told before the work."""
        path = self.options.markdown
        measured = {"micro": self.micro, "kernel": self.kernel, "live": self.programs + self.live}
        self.kept = {s for s in self.partial if path and measured[s] and page.section_text(path, s)}
        for section in sorted(self.kept):
            self.tell(f"note: the section {section} of {path} stays as it is: --rows leaves out some of its rows, or they "
                      "cannot be run")

    def rows(self):
        return self.micro + self.kernel + self.programs + self.live

    def add(self, name, how, found, lines, failures):
        """A section that was run: its tables, and lines about them and about what failed."""
        self.failures += failures
        self.sections[name] = (how, found, lines, failures)

    def run_micro(self, chosen):
        results = run_rows(self.micro, chosen, self.rounds, Measure(self.binary("measure"), self.scratch),
                           Results(self.micro, chosen), self.tell)
        counts = micro_report.instruction_counts(self.binary("icount"), chosen, self.note)
        self.add("micro", HOW.format(rounds=self.rounds), micro_report.micro_tables(results, counts),
                 micro_report.comparison_lines(results), results.failures())

    def run_kernel(self):
        failures = []
        table = run_kernel_rows("simulated kernel, one core", self.kernel, self.rounds, failures, self.tell)
        self.add("kernel", KERNEL_HOW.format(rounds=self.rounds), [table], [], failures)

    def run_live(self):
        found, failures = [], []
        if self.programs:
            inputs.generate(self.scratch, self.scale)
            found.append(run_live_programs(self.programs, os.path.abspath(self.options.mmsim), self.rounds, failures, self.tell))
        if self.live:
            found.append(run_kernel_rows("live memory, one CPU", self.live, self.rounds, failures, self.tell))
        self.add("live", LIVE_HOW.format(rounds=self.rounds, machine=MACHINE), found, [], failures)

    def text(self):
        parts = []
        for _, found, lines, _ in self.sections.values():
            parts += [tables.as_text(t) for t in found] + (["\n".join(lines)] if lines else [])
        notes = self.notes + [line for name in self.sections for line in self.missing[name]]
        for what, lines in (("failed", self.failures), ("note", notes)):
            if lines:
                parts.append("\n".join(f"{what}: {line}" for line in lines))
        return "\n\n".join(parts)

    def page_sections(self):
        """The text of each section that was run and may take its place; the notes about the run stand in the first."""
        bodies = {}
        for name, (how, found, lines, failures) in self.sections.items():
            if name in self.kept:
                continue
            parts = [f"## {TITLES[name]}", self.head(), how] + [tables.as_markdown(t) for t in found]
            said = lines + ["failed: " + f for f in failures] + self.missing[name] + ([] if bodies else self.notes)
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
        bench.check_page()
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
