"""The micro rows: one process of the Google Benchmark program for each row and run."""
import json
import os
import re
import subprocess

import tables
from measuring import Failure, built_name


class MicroRow:
    """One benchmark; its time is nanoseconds an operation."""

    time_text = staticmethod(tables.nanoseconds)

    def __init__(self, program, full_name, min_time):
        self.program = program
        self.full_name = full_name
        self.min_time = min_time
        self.name = tidy(full_name)

    def run(self, measure, library):
        figures, output = measure.run(
            [self.program, "--benchmark_filter=^%s$" % re.escape(self.full_name).replace("\\/", "/"),
             "--benchmark_min_time=%g" % self.min_time, "--benchmark_format=json"], library, want_output=True)
        try:
            figures.time = 1e9 / json.loads(output)["benchmarks"][0]["items_per_second"]
        except (ValueError, LookupError):
            raise Failure("no result in the output") from None
        return figures


def tidy(name):
    """pair/64/real_time/threads:4 is shown as pair/64 x4."""
    name = re.sub(r"/real_time|/iterations:\d+", "", name)
    return re.sub(r"/threads:(\d+)", r" x\1", name)


def micro_rows(program, min_time, note):
    if not os.path.exists(program):
        note(f"{built_name(program)} is not built; no micro rows (apt install libbenchmark-dev, then build it)")
        return []
    listing = subprocess.run([program, "--benchmark_list_tests"], capture_output=True, text=True, check=True).stdout
    return [MicroRow(program, name, min_time) for name in listing.split()]
