"""The passes beside the timed rounds: memory after a pause, and instructions.

Neither measures a time, so several rows run at once, each in a thread that goes
through the allocators.
"""
import os
from concurrent.futures import ThreadPoolExecutor

import callgrind
from measuring import Failure, Figures

PAUSING = (os.cpu_count() or 1) + 1  # most of a pausing row's time is sleep


def each_row(rows, workers, one, what, tell):
    """Calls one(row) for all rows in a few threads; ends them early when one of them raises."""
    pool = ThreadPoolExecutor(workers)
    try:
        for number, row in enumerate(pool.map(lambda row: (one(row), row)[1], rows)):
            tell(f"[{what}: {number + 1}/{len(rows)}] {row.name}")
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

    each_row([r for r in rows if r.counted], os.cpu_count() or 1, one, "instructions", tell)
