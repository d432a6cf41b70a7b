#!/usr/bin/env python3
"""demo_machines.py: one program on machines with less and less memory.

    demo_machines.py BUILD-DIRECTORY

Each line is one `mmsim run`, and its figures are those of the JSON report.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

WORK = "data = [bytes([i % 251]) * 4000 for i in range(10000)]; print(sum(map(sum, data)))"
MACHINES = (
    ("ample", ["--ram", "256M"]),
    ("half of it, and swap", ["--ram", "24M", "--swap", "128M"]),
    ("half of it", ["--ram", "24M"]),
    ("promises kept (mode 2)", ["--ram", "48M", "--overcommit", "2"]),
)


def run(command, options, report):
    argv = [command, "run", *options, "--report", report, "--", sys.executable, "-c", WORK]
    environ = dict(os.environ, PYTHONMALLOC="malloc")
    return subprocess.run(argv, env=environ, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def outcome(done):
    if done.returncode == 0:
        return "printed " + done.stdout.strip()
    if done.returncode == 128 + signal.SIGKILL:
        return "killed by the machine's OOM killer"
    return done.stderr.strip().splitlines()[-1]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: demo_machines.py BUILD-DIRECTORY")
    command = os.path.join(sys.argv[1], "mmsim")
    print("\nmmsim run: python3 with 40 MB of data on simulated machines\n")
    print(f"{'memory':24} {'RSS, MiB':>9} {'out, MiB':>9} {'in, MiB':>9} {'faults':>8}  outcome")
    with tempfile.TemporaryDirectory() as scratch:
        report = os.path.join(scratch, "report.json")
        for name, options in MACHINES:
            done = run(command, options, report)
            # 124 and 125 are mmsim's own: there was no machine.
            if done.returncode in (124, 125):
                sys.exit(done.stderr.strip())
            with open(report, encoding="utf-8") as f:
                first = json.load(f)["processes"][0]
            print_row(name, first, outcome(done))


def print_row(name, process, what):
    memory, faults, swap = process["memory"], process["faults"], process["swap"]
    print(f"{name:24} {memory['peak_rss_kb'] / 1024:9.1f} {swap['pswpout'] / 256:9.1f}"
          f" {swap['pswpin'] / 256:9.1f} {faults['min_flt'] + faults['maj_flt']:8}  {what}",
          flush=True)


if __name__ == "__main__":
    main()
