"""The workload rows: one process of the program `workloads` for each row and run.

A row with one thread is timed by CPU time, one with more by the wall; both are
the time of the work itself, without the program's start.
"""
import os
import re

import tables
from measuring import Failure, built_name, clean_environment, describe, run_apart

LIST_SECONDS = 10
TRIAL_SECONDS = 20
PAUSE_SECONDS = 2


class WorkloadRow:
    """One workload; `threads` as `workloads --list` has it."""

    time_text = staticmethod(tables.seconds)
    env = {}
    stdin = None
    has_pause = True
    counts_children = "no"  # the process that unpacks a trace

    def __init__(self, program, name, threads, scale, counted_scale):
        self.program = program
        self.name = name
        self.threads = threads
        self.kind = "single" if threads == 1 else "threaded"
        self.scale = scale
        self.trial = [program, name, "--scale", "0.01"]
        self.counted = [program, name, "--scale", f"{counted_scale:g}"] if threads == 1 else None

    def run(self, measure, library):
        return self.measured(measure, library)

    def pause(self, measure, library):
        figures = self.measured(measure, library, "--pause", pauses=PAUSE_SECONDS)
        if figures.pause is None:
            raise Failure("no pause_kb in the output")
        figures.base = measure.run([self.program, "--list"], library)[0].peak
        return figures

    def prepare(self):
        """Nothing to do before a run."""

    def measured(self, measure, library, *more, pauses=0):
        argv = [self.program, self.name, "--scale", f"{self.scale:g}", *more]
        figures, output = measure.run(argv, library, want_output=True, pauses=pauses)
        found = fields(self.name, output)
        figures.wall = found["wall_ns"] / 1e9
        figures.time = figures.wall if self.kind == "threaded" else found["cpu_ns"] / 1e9
        figures.peak, figures.end, figures.pause = found["peak_kb"], found["end_kb"], found.get("pause_kb")
        figures.ops, figures.faults = found["ops"], found["faults"]
        figures.output = f"{found['ops']} operations"
        if figures.time <= 0 or figures.peak <= 0:
            raise Failure(f"an impossible figure in the output: {output.strip()[:160]}")
        return figures


def fields(name, output):
    """The figures of the line that a workload prints."""
    lines = output.splitlines()
    found = dict(re.findall(r" (\w+)=(\d+)(?= |$)", lines[0])) if len(lines) == 1 else {}
    missing = [f for f in ("wall_ns", "cpu_ns", "faults", "ops", "peak_kb", "end_kb") if f not in found]
    if missing or lines[0].split(" ")[0] != name:
        raise Failure(f"wrong output: {output.strip()[:160]!r}")
    return {field: int(value) for field, value in found.items()}


def workload_rows(program, scale, counted_scale, note):
    if not os.path.exists(program):
        note(f"{built_name(program)} is not built; none of its rows")
        return []
    status, output, errors = run_apart([program, "--list"], LIST_SECONDS, clean_environment())
    if status:
        raise Failure(f"{program} --list: {describe(status, errors)}")
    rows = [line.split() for line in output.splitlines()]
    rows = [WorkloadRow(program, name, int(threads), scale, counted_scale) for name, threads in rows]
    return without_traces(rows, note)


def without_traces(rows, note):
    """Leaves the rows that replay traces out when traces cannot be read: a build without zstd."""
    traces = [r for r in rows if r.name.startswith("trace/")]
    if traces:
        try:
            status, _, errors = run_apart(traces[0].trial, TRIAL_SECONDS, clean_environment())
            why = describe(status, errors) if status else None
        except Failure as failure:
            why = str(failure)
        if why:
            note(f"no traces: {why} (apt install libzstd-dev, then configure and build again)", *(r.name for r in traces))
            return [r for r in rows if r not in traces]
    return rows
