"""The figures of bench-peers as CSV: a line for each row, allocator and measure.

    row,kind,threads,allocator,measure,unit,median,lowest,highest,runs,status,reason

`kind` is threaded, single or real; `threads` is empty for real programs.  A
measure that a row does not have has no line; one that failed has a line without
figures, the status "failed" and the reason.

What is read back has the same medians and ranges; the single rounds are lost.
"""
import csv
import statistics

from measuring import Figures
from results import PHASES, TIMED, Results

HEAD = ("row", "kind", "threads", "allocator", "measure", "unit", "median", "lowest", "highest", "runs", "status", "reason")
MEASURES = (("time", "s"), ("wall", "s"), ("peak", "KiB"), ("end", "KiB"), ("pause", "KiB"), ("pause_peak", "KiB"),
            ("base", "KiB"), ("faults", "faults"),
            ("operations", "operations"), ("instructions", "instructions"))
ATTRIBUTES = {"operations": "ops"}


def plain(value):
    return f"{value:.9g}" if isinstance(value, float) and value < 1e6 else f"{value:.0f}"


def lines(results):
    for row in results.rows:
        for measure, unit in MEASURES:
            attribute = ATTRIBUTES.get(measure, measure)
            if not any(results.values(row, n, attribute) for n in results.names) and measure != "time":
                continue
            for name in results.names:
                values = results.values(row, name, attribute)
                head = [row.name, row.kind, row.threads or "", name, measure, unit]
                if values:
                    figures = [plain(statistics.median(values)), plain(min(values)), plain(max(values))]
                    yield head + figures + [len(values), "ok", ""]
                else:
                    yield head + ["", "", "", 0, "failed", results.why_not(row, name, attribute) or "no figure"]


def write(path, results):
    with open(path, "w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(HEAD)
        writer.writerows(lines(results))


class Row:
    """A row, and nothing to run it with."""

    def __init__(self, name, kind, threads):
        self.name, self.kind, self.threads = name, kind, threads


class Allocator:
    """Its name; where the library was is not told."""

    def __init__(self, name):
        self.name = name


def read(path):
    """The Results of a file; ValueError when it is not what write() makes."""
    with open(path, encoding="utf-8", newline="") as f:
        reader = csv.DictReader(f)
        try:
            found, head = list(reader), tuple(reader.fieldnames or ())
        except csv.Error as why:
            raise ValueError(f"line {reader.line_num + 1}: not CSV: {why}") from None
    if head != HEAD or not found:
        raise ValueError(f"not figures of bench-peers: the first line is not {','.join(HEAD)}, or none follows")
    kinds = {line["row"]: (line["kind"], line["threads"]) for line in found}
    names = dict.fromkeys(line["allocator"] for line in found)
    results = Results([Row(name, *kind) for name, kind in kinds.items()], [Allocator(name) for name in names])
    rows = {row.name: row for row in results.rows}
    for number, line in enumerate(found, 2):
        try:
            take(results, rows[line["row"]], line)
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"line {number}: no figure, and no failure") from None
    return results


def take(results, row, line):
    """One line: lowest, median and highest stand for the runs."""
    attribute = ATTRIBUTES.get(line["measure"], line["measure"])
    if line["measure"] not in dict(MEASURES):
        raise KeyError(line["measure"])
    if line["status"] != "ok":
        results.fail(row, line["allocator"], line["reason"], PHASES.get(attribute, TIMED))
        return
    values = [float(line[column]) for column in ("lowest", "median", "highest")]
    if not 0 <= values[0] <= values[1] <= values[2]:
        raise ValueError
    for value in values:
        figures = Figures()
        setattr(figures, attribute, value)
        results.add(row, line["allocator"], figures)
