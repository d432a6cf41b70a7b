"""The passes beside the timed rounds: memory after a pause, and instructions.

Neither measures a time, so several rows run at once, each in a thread that goes
through the allocators.
"""
import os
from concurrent.futures import ThreadPoolExecutor, as_completed

import callgrind
from measuring import Failure, Figures

CPUS = os.cpu_count() or 1
PAUSING = 2 * CPUS  # most of a pausing row's time is sleep


def each_row(rows, workers, one, what, tell):
    """Calls one(row) for all rows in a few threads, the last and longest first; an error ends them early."""
    pool = ThreadPoolExecutor(workers)
    try:
        names = {pool.submit(one, row): row.name for row in rows[::-1]}
        for number, done in enumerate(as_completed(names)):
            done.result()
            tell(f"[{what}: {number + 1}/{len(rows)}] {names[done]}")
    finally:
        pool.shutdown(cancel_futures=True)


def run_pauses(rows, chosen, measure, results, tell):
    """The RSS of each row two seconds after it has freed everything."""
    def one(row):
        for allocator in chosen:
            if results.why_not(row, allocator.name):
                continue
            try:
                done, figures = row.pause(measure, allocator.library), Figures()
                figures.pause, figures.pause_peak, figures.base = done.pause, max(done.peak, done.pause), done.base
                results.add(row, allocator.name, figures)
            except Failure as why:
                results.fail(row, allocator.name, str(why), "pause")

    each_row([r for r in rows if r.has_pause], PAUSING, one, "pause", tell)


def count_instructions(rows, chosen, scratch, results, tell):
    """The instructions of each row that can be counted."""
    def one(row):
        for allocator in chosen:
            if results.why_not(row, allocator.name):
                continue
            try:
                figures = Figures()
                figures.instructions = callgrind.count(row, allocator.library, scratch)
                results.add(row, allocator.name, figures)
            except Failure as why:
                results.fail(row, allocator.name, str(why), "instructions")

    each_row([r for r in rows if r.counted], CPUS, one, "instructions", tell)
