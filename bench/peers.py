#!/usr/bin/env python3
"""peers.py: workloads and real programs under mmsim, glibc, jemalloc, mimalloc, tcmalloc and others.

Three passes over the rows: timed rounds, the allocators taking turns; one run
that pauses for two seconds after everything is freed; and one under callgrind
for the single-threaded rows, smaller, which counts instructions.  A row with
threads is timed by the wall, the others by CPU time.  "Peers" are all but
mmsim, and the best peer is that of each row.

The exit status is 1 when mmsim or glibc failed in some row.  A peer's failure is
shown in the tables, the CSV and a list, but it is not ours.
"""
import os
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source directory may be read-only

import callgrind
import entry
import inputs
import page
import passes
import peers_behind
import peers_csv
import peers_report
import peers_svg
import reasons
import tables
from measuring import Failure, Measure
from real_rows import real_rows
from results import GLIBC, MMSIM, Results
from rounds import run_rows
from workload_rows import workload_rows

HOW = ("Medians of {rounds} interleaved rounds and [lowest..highest], lower is better. Rows with threads are timed by the "
       "wall, single-threaded workloads by the CPU time of their work, real programs by user + system time. The best peer "
       "is the best of all but mmsim, row by row. Memory after the pause: two seconds after everything is freed, and one "
       "more call; of redis, after FLUSHALL. Instructions: of the whole program on smaller input, by callgrind.")
COUNTED = 0.05  # of the full scale: callgrind is some fifty times slower


def parse():
    p = entry.parser("Compare mmsim with other allocators in workloads and real programs.",
                     "workloads, measure and cxxmap", "less work, fewer rounds, no instructions: under five minutes")
    p.add_argument("--scale", type=entry.factor, metavar="X", help="of the work (default 1, quick 0.2)")
    p.add_argument("--timeout", type=entry.positive, default=60, metavar="SECONDS",
                   help="a run that takes longer has failed (default: %(default)s)")
    p.add_argument("--skip", default=[], type=skipped, metavar="LIST", help="passes to leave out: pause, instructions")
    p.add_argument("--text", type=entry.out_file, metavar="FILE", help="the tables, in place of standard output")
    p.add_argument("--csv", type=entry.out_file, metavar="FILE", help="all figures (columns: bench/README)")
    p.add_argument("--svg", type=entry.out_file, metavar="FILE", help="a picture, drawn by gnuplot")
    p.add_argument("--reasons", type=reasons_file, default=reasons.FILE, metavar="FILE",
                   help="why mmsim is behind in which rows (default: reasons.toml beside this program)")
    p.add_argument("--from", dest="source", type=csv_file, metavar="CSV",
                   help="measure nothing: write where mmsim is behind, and why, from the figures of an earlier run; of the "
                        "other options --rows, --markdown, --text and --reasons count")
    return p.parse_args()


def reasons_file(path):
    """A file of reasons and its entries; whether they name rows is seen when the rows are known."""
    try:
        return path, reasons.load(path)
    except OSError as why:
        raise entry.argparse.ArgumentTypeError(f"cannot read {path}: {why.strerror}") from None
    except ValueError as why:
        raise entry.argparse.ArgumentTypeError(f"{path}: {why}") from None


def csv_file(path):
    try:
        return path, peers_csv.read(path)
    except OSError as why:
        raise entry.argparse.ArgumentTypeError(f"cannot read {path}: {why.strerror}") from None
    except ValueError as why:
        raise entry.argparse.ArgumentTypeError(f"{path}: {why}") from None


def skipped(text):
    wanted = [n for n in text.split(",") if n]
    if not set(wanted) <= {"pause", "instructions"}:
        raise entry.argparse.ArgumentTypeError(f"{text!r}: there are pause and instructions")
    return wanted


class Peers(entry.Session):
    """The rows that are wanted, and their passes."""

    def __init__(self, options, scratch):
        super().__init__(options, "bench-peers")
        self.scratch = scratch
        self.scale = options.scale or self.scale
        self.small = os.path.join(scratch, "small")
        self.absent = []  # rows of the suite that cannot be run here
        self.reasons_path, self.reasons = options.reasons
        cxxmap = self.binary("cxxmap")
        try:
            rows = workload_rows(self.binary("workloads"), self.scale, self.scale * COUNTED, self.leave_out)
        except Failure as why:
            self.give_up(why)
        complete = bool(rows)
        rows += real_rows(cxxmap, scratch, self.scale, self.leave_out)
        self.suite = [r.name for r in rows] + self.absent if complete else []
        self.rows = self.wanted(rows)
        self.left_out = [r.name for r in rows if r not in self.rows]
        self.counted = {r.name: r for r in real_rows(cxxmap, self.small, self.scale * COUNTED, lambda *_: None)}

    def leave_out(self, line, *names):
        self.note(line)
        self.absent += names

    def check_reasons(self):
        """Each entry of the reasons has rows of the suite, also of its parts that are missing here."""
        if not self.suite:  # its names are not known
            return
        try:
            reasons.check(self.reasons, {"time": self.suite, "peak": self.suite,
                                         "scaling": peers_behind.doubled(self.suite)})
        except ValueError as why:
            self.give_up(f"--reasons {self.reasons_path}: {why}")

    def check_page(self):
        """The means of a page's section are of all its rows: a part of them cannot take its place."""
        path = self.options.markdown
        lost = page.rows_among(path, "peers", self.left_out) if path else []
        if lost:
            self.give_up(f"--rows {self.options.rows.pattern} with --markdown {path}: that page has {len(lost)} rows more "
                         f"({', '.join(lost[:3])}{', ...' if len(lost) > 3 else ''}), and its section is written as a "
                         "whole; allowed are --rows that match all of these, or another page")

    def run(self, chosen):
        """All passes; the Results."""
        real = [r for r in self.rows if r.kind == "real"]
        measure = Measure(self.binary("measure"), self.scratch, timeout=self.options.timeout)
        results = Results(self.rows, chosen)
        if real:
            inputs.generate(self.scratch, self.scale)
        run_rows(self.rows, chosen, self.rounds, measure, results, self.tell)
        if "pause" not in self.options.skip:
            passes.run_pauses(self.rows, chosen, measure, results, self.tell)
        if "instructions" not in self.options.skip and not self.options.quick:
            if callgrind.is_there():
                os.mkdir(self.small)
                if real:
                    inputs.generate(self.small, self.scale * COUNTED)
                small = [self.counted.get(r.name, r) for r in self.rows]
                passes.count_instructions(small, chosen, self.scratch, results, self.tell)
            else:
                self.note(f"valgrind is missing; no instructions (apt install {callgrind.PACKAGE})")
        return results

    def explains(self, results):
        """Whether there is something to say of rows that are behind."""
        return MMSIM in results.names and len(results.names) > 1

    def tell_unexplained(self, results):
        for line in peers_behind.unexplained(results, self.reasons) if self.explains(results) else ():
            self.tell(f"{line} ({self.reasons_path})")

    def how(self):
        return HOW.format(rounds=self.rounds) + (f" The work is {self.scale:g} of the full one." if self.scale != 1 else "")

    def text(self, results):
        parts = [page.machine_line(), self.how()]
        parts += [tables.as_text(t) for t in peers_report.means_tables(results)]
        parts += [tables.as_text(t) for t in peers_report.row_tables(results)]
        parts += [peers_behind.as_text(results, self.reasons)] if self.explains(results) else []
        for lines in (peers_report.lists(results), ["failed: " + f for f in results.failures()],
                      ["note: " + n for n in self.notes]):
            if lines:
                parts.append("\n".join(lines))
        return "\n\n".join(p for p in parts if p)

    def page_section(self, results):
        parts = ["## Workloads and real programs", self.head(), self.how()]
        parts += [tables.as_markdown(t) for t in peers_report.means_tables(results)]
        parts.append(tables.as_list(peers_report.lists(results)))
        svg = self.options.svg
        if svg and os.path.getsize(svg):
            link = os.path.relpath(svg, os.path.dirname(os.path.abspath(self.options.markdown)))
            parts.append(f"![Bars for each row, glibc = 1]({link})")
        parts += [tables.as_markdown(t) for t in peers_report.row_tables(results)]
        parts.append(tables.as_list(["failed: " + f for f in results.failures()] + self.notes))
        return "\n\n".join(p for p in parts if p)

    def write(self, results):
        """Everything that was asked for; the picture first, because the page shows it, and the text last, because
        who reads it may not read it to the end."""
        if self.options.svg:
            peers_svg.write(self.options.svg, results, self.note)
        if self.options.markdown:
            sections = {"peers": self.page_section(results)}
            if self.explains(results):
                sections["behind"] = peers_behind.as_markdown(results, self.reasons)
            page.write_sections(self.options.markdown, sections)
        if self.options.csv:
            peers_csv.write(self.options.csv, results)
        self.write_text(self.text(results))
        self.tell_unexplained(results)

    def write_text(self, text):
        if self.options.text:
            with open(self.options.text, "w", encoding="utf-8") as f:
                f.write(text + "\n")
        else:
            print(text, flush=True)

    def write_from(self, path, results):
        """The section "behind" alone, into a page or as text."""
        results.rows = self.wanted(results.rows)
        if not self.explains(results) or not results.rows:
            self.give_up(f"--from {path}: there are no figures of mmsim and a peer in these rows")
        target = self.options.markdown
        if target:
            self.check_same_run(path, target, results)
            page.write_sections(target, {"behind": peers_behind.as_markdown(results, self.reasons)})
        else:
            self.write_text(peers_behind.as_text(results, self.reasons))
        self.tell_unexplained(results)

    def check_same_run(self, path, target, results):
        """What is said of rows that are behind belongs to the tables of the page."""
        tables_there = page.section_text(target, "peers")
        if not all(line in tables_there for line in peers_report.lists(results)):
            self.give_up(f"--from {path} with --markdown {target}: the tables of that page are not of these figures; allowed "
                         "is the CSV of the run that wrote them")


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="mmsim-bench-", ignore_cleanup_errors=True) as scratch:
        peers = Peers(options, scratch)
        if options.list:
            print("\n".join(r.name for r in peers.rows))
            return 0
        peers.check_reasons()
        if options.source:
            put(peers, peers.write_from, *options.source)
            return 0
        if not peers.rows:
            peers.give_up("no row matches --rows")
        peers.check_page()
        begin = time.monotonic()
        results = peers.run(peers.choose())
        peers.tell(f"[{len(peers.rows)} rows in {(time.monotonic() - begin) / 60:.1f} minutes]")
    put(peers, peers.write, results)
    return 1 if results.failures([MMSIM, GLIBC]) else 0


def put(peers, write, *what):
    """Writes; what cannot be written is told."""
    try:
        write(*what)
    except OSError as why:
        peers.give_up(f"{why.filename or 'standard output'}: {why.strerror}")


if __name__ == "__main__":
    entry.main(main)
