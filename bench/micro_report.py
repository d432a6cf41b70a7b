"""The tables of the micro rows, relative to glibc, and where mmsim stands among them."""
import re

import tables
from measuring import Failure, clean_environment, describe, run_apart
from results import GLIBC, MMSIM

RSS_FLOOR_KIB = 8192  # a row whose peak under glibc is below this says nothing about live memory
SLOWER = 1.03         # a row above this is called slower
WORST_SHOWN = 5
ICOUNT_SECONDS = 60


def instruction_counts(program, chosen, note):
    """Runs icount under each allocator; a table of functions by allocators."""
    columns, names = {}, []
    for allocator in chosen:
        preload = {"LD_PRELOAD": allocator.library} if allocator.library else {}
        columns[allocator.name] = {}
        try:
            status, output, errors = run_apart([program], ICOUNT_SECONDS, clean_environment(**preload))
        except (Failure, OSError) as why:
            note(f"icount under {allocator.name}: {why}")
            continue
        found = re.findall(r"^(\w+\([\d,]+\))\s+(\d+)", output, re.M)
        if status:
            note(f"icount under {allocator.name}: {describe(status, errors)}")
        elif not found:
            note(output.strip())
            return None
        columns[allocator.name] = dict(found)
        names = names or [name for name, _ in found]
    table = [["instructions of a warm call"] + [a.name for a in chosen]]
    return table + [[n] + [columns[a.name].get(n, "failed") for a in chosen] for n in names]


def with_live_memory(results):
    return [r for r in results.rows if (results.median(r, GLIBC, "peak") or 0) >= RSS_FLOOR_KIB]


def relative_table(results, head, rows, measure, show, spread):
    """glibc's figure, and the others relative to it."""
    others = results.others(GLIBC)
    table = [[head, GLIBC] + others]
    for row in rows:
        base = results.median(row, GLIBC, measure)
        cells = [results.ratio(row, n, GLIBC, measure) for n in others]
        table.append([row.name, "failed" if base is None else show(base)]
                     + [(str(c) if spread else f"{c.value:.2f}") if c else "failed" for c in cells])
    return table


def mean_text(mean, rows):
    """A mean, with the number of rows behind it when some failed."""
    if mean is None:
        return "failed"
    return f"{mean.value:.3f}" + (f" ({mean.rows} rows)" if mean.rows < rows else "")


def summary_table(results):
    others = results.others(GLIBC)
    table = [["geometric means, glibc = 1", "rows"] + others]
    for title, rows, measure in (("time", results.rows, "time"),
                                 ("peak RSS, rows with live memory", with_live_memory(results), "peak")):
        if rows:
            means = [results.mean(rows, n, GLIBC, measure) for n in others]
            table.append([title, str(len(rows))] + [mean_text(m, len(rows)) for m in means])
    return table


def micro_tables(results, counts):
    result = [relative_table(results, "micro, time an operation", results.rows, "time", tables.nanoseconds, True),
              summary_table(results)]
    live = with_live_memory(results)
    if live:
        result.append(relative_table(results, "peak RSS", live, "peak", tables.megabytes, False))
    return result + ([counts] if counts else [])


def against_glibc(results):
    """How many rows of mmsim are slower than glibc's, and the worst of them."""
    cells = [(results.ratio(r, MMSIM, GLIBC), r) for r in results.rows]
    good = sorted(((c.value, r.name) for c, r in cells if c), reverse=True)
    if not good:
        return []
    slower = [f"{name} {ratio:.2f}" for ratio, name in good if ratio > SLOWER]
    return [f"mmsim against glibc: worst row {good[0][1]} at {good[0][0]:.2f}; "
            f"{len(slower) or 'none'} of {len(good)} rows slower by more than 3%" + (": " if slower else "")
            + ", ".join(slower)]


def against_peers(results):
    """mmsim row by row against the best peer of each."""
    beaten = []
    for row in results.rows:
        ratio = results.ratio(row, MMSIM, None)
        if ratio:
            beaten.append((ratio.value, row.name, results.best_peer(row)[1]))
    beaten.sort(reverse=True)
    worst = ", ".join(f"{name} {ratio:.2f} x {peer}" for ratio, name, peer in beaten[:WORST_SHOWN])
    return ["mmsim against the best peer of each row: geometric mean "
            f"{results.mean(results.rows, MMSIM, None).value:.3f}; worst rows: {worst}"] if beaten else []


def comparison_lines(results):
    return against_glibc(results) + against_peers(results) if MMSIM in results.names else []
