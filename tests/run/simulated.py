"""simulated.py: what the tests of programs on simulated machines share.

simulate() runs a command under `mmsim run` and gives back what it said, how it
ended and its report.  Sizes of machines are worked out from what the same
program needed on an ample one, so that they fit on every host.
"""

import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "blackbox"))
from tap import check, environment, run  # noqa: E402,F401

MMSIM = os.path.abspath(os.environ.get("MMSIM", "mmsim"))
PROGRAMS = os.path.abspath(
    os.path.join(os.environ.get("top_builddir", "."), "tests", "run"))
PAGE_KB = 4
OOM_STATUS = 137


def program(name, package):
    path = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin")
    check(path, f"{name} is missing: install the Debian package {package}")
    return path


def own(name):
    """A program of this directory, built by make."""
    return os.path.join(PROGRAMS, name)


class Process:
    """One process of a report: a figure by its name, in whatever group."""

    def __init__(self, record):
        self.record = record

    def __getattr__(self, name):
        if name in self.record:
            return self.record[name]
        for group in self.record.values():
            if isinstance(group, dict) and name in group:
                return group[name]
        raise AttributeError(name)

    def figures(self):
        """All that two equal runs have in common."""
        return {k: v for k, v in self.record.items()
                if k not in ("pid", "ppid")}


class Done:
    """A program that has run: its output, and its machine's report."""

    def __init__(self, report="report.json", status=None, out="", err=""):
        with open(report, encoding="utf-8") as f:
            self.report = json.load(f)
        self.status, self.out, self.err = status, out, err
        self.processes = [Process(p) for p in self.report["processes"]]

    @property
    def first(self):
        return self.processes[0]

    def named(self, comm):
        """The process of this name with the largest heap."""
        found = [p for p in self.processes if p.comm == comm]
        check(found, f"no process is called {comm}")
        return max(found, key=lambda p: p.peak_rss_kb)


def command_line(command, machine, report="report.json", options=()):
    return [MMSIM, "run", "--machine", machine, "--report", report, *options,
            "--", *command]


def simulate(command, machine, status=0, options=(), **more):
    """Runs the command on the machine; it has to end with this status."""
    if os.path.exists("report.json"):
        os.unlink("report.json")
    done = run(command_line(command, machine, options=options), preload=False,
               **more)
    check(done.returncode == status,
          f"{command[0]} on {machine}: status {done.returncode}, not {status}"
          f"\n{done.stderr[-3000:]}")
    return Done("report.json", done.returncode, done.stdout, done.stderr)


def check_killed(done, process):
    """The OOM killer took the process, and its report is there."""
    check(process.end == "oom-kill", f"ended: {process.end}")
    check(process.oom_report and process.oom_kills == 1, "no OOM report")
    for text in ("invoked oom-killer", "Out of memory: Killed process",
                 f"({process.comm})"):
        check(text in done.err, f"not on standard error: {text}\n"
              f"{done.err[-2000:]}")


def check_swapped(process):
    check(process.pswpout > 0 and process.pswpin > 0 and
          process.maj_flt > 0 and process.peak_swap_kb > 0,
          f"nothing was swapped: {process.record['swap']}")


def check_bounds(process):
    """What no run can break, whatever the program did."""
    p = process
    check(p.peak_rss_kb >= p.rss_kb and p.peak_swap_kb >= p.swap_kb,
          "a final figure is above its peak")
    check(p.peak_rss_kb <= p.mem_total_kb, "more is resident than there is")
    check(p.pgsteal_kswapd + p.pgsteal_direct <=
          p.pgscan_kswapd + p.pgscan_direct, "more is stolen than scanned")
    check(p.swap_kb <= p.swap_total_kb, "more is in swap than fits")
    # A page that is resident or in swap came by a fault, or with a fork.
    if not p.is_fork:
        check(p.peak_rss_kb <= (p.min_flt + p.maj_flt + p.pswpin) * PAGE_KB,
              f"{p.peak_rss_kb} kB resident after {p.min_flt} faults")
