"""The figures of bench-peers as CSV: a line for each row, allocator and measure.

    row,kind,threads,allocator,measure,unit,median,lowest,highest,runs,status,reason

`kind` is threaded, single or real; `threads` is empty for real programs.  A
measure that a row does not have has no line; one that failed has a line without
figures, the status "failed" and the reason.
"""
import csv
import statistics

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
