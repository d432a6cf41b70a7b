"""The tables of bench-peers: geometric means, each row beside its best peer and glibc, and what is left to do."""
import peers_behind
import tables
from results import GLIBC, MMSIM

KEPT = 0.10            # a row in which mmsim keeps more of its peak than this is listed
KEPT_FLOOR_KIB = 8192  # less than that says nothing about live memory
KINDS = (("threaded", "threaded rows"), ("single", "single-threaded rows"), ("real", "real programs"))
MEASURES = (("time", "time"), ("peak", "peak RSS"), ("pause", "RSS after the pause"))


def has(results, row, measure):
    return any(results.values(row, n, measure) for n in results.names)


def groups(results, measure):
    """[(title, rows)]: all rows with the measure, then each kind of them."""
    rows = [r for r in results.rows if has(results, r, measure)]
    found = [("all rows", rows)] + [(title, [r for r in rows if r.kind == kind]) for kind, title in KINDS]
    sizes = {len(members) for _, members in found[1:]}
    return [(title, members) for title, members in found[0 if sizes - {0, len(rows)} else 1:] if members]


def mean_cell(mean, rows, spread):
    """A mean and its range from round to round, with the number of rows behind it when some are missing."""
    if mean is None:
        return "failed"
    text = f"{mean.value:.3f}"
    if spread and mean.low < mean.high:
        text += f" [{mean.low:.3f}..{mean.high:.3f}]"
    return text + (f" ({mean.rows} rows)" if mean.rows < rows else "")


def table_of_means(results, head, others, mean):
    """A line for each measure and group of rows; mean(rows, other, measure), where None is the best peer of each row."""
    table = [[head, "rows"] + others + ["best peer of each row"]]
    for measure, what in MEASURES:
        for title, rows in groups(results, measure):
            means = [mean(rows, other, measure) for other in others + [None]]
            table.append([f"{what}, {title}", str(len(rows))] + [mean_cell(m, len(rows), measure == "time") for m in means])
    return table


def means_table(results):
    return table_of_means(results, "geometric means, glibc = 1", results.others(GLIBC),
                          lambda rows, other, measure: results.mean(rows, other, GLIBC, measure))


def versus_table(results):
    """mmsim relative to each other allocator, over the rows that both have, and to the best peer of each row."""
    return table_of_means(results, "geometric means of mmsim / another", results.others(MMSIM),
                          lambda rows, other, measure: results.mean(rows, MMSIM, other, measure))


def cell(results, row, name, base, measure, spread):
    ratio = results.ratio(row, name, base, measure)
    if ratio:
        return str(ratio) if spread and ratio.low < ratio.high else f"{ratio.value:.2f}"
    return "failed" if results.why_not(row, name, measure) else "-"


def peers_table(results, head, measure, show, spread=False):
    """Every allocator relative to the best peer of each row."""
    table = [[head, "best peer", "its figure"] + results.names]
    for row in (r for r in results.rows if has(results, r, measure)):
        figure, best = results.best_peer(row, measure)
        table.append([row.name] + ([best, show(figure)] if best else ["failed", "-"])
                     + [cell(results, row, n, None, measure, spread) for n in results.names])
    return table


def glibc_table(results, head, measure, show, spread=False):
    others = results.others(GLIBC)
    table = [[head, GLIBC] + others]
    for row in (r for r in results.rows if has(results, r, measure)):
        figure = results.median(row, GLIBC, measure)
        table.append([row.name, "failed" if figure is None else show(figure)]
                     + [cell(results, row, n, GLIBC, measure, spread) for n in others])
    return table


def kept(results, row, name):
    """The part of its peak that an allocator keeps, and whether that is too much; None without figures.

    Both without what the program has with glibc before its work.
    """
    base = results.median(row, GLIBC, "base") or 0
    pause, peak = results.median(row, name, "pause"), results.median(row, name, "pause_peak")
    if pause is None or peak <= base:
        return None
    part = max(0, pause - base) / (peak - base)
    return part, part > KEPT and peak - base >= KEPT_FLOOR_KIB


def kept_table(results):
    table = [["kept after the pause, part of the peak", "peak of glibc"] + results.names]
    for row in (r for r in results.rows if has(results, r, "pause")):
        peak = results.median(row, GLIBC, "peak")
        line = [row.name, tables.megabytes(peak) if peak else "failed"]
        for name in results.names:
            part = kept(results, row, name)
            line.append(f"{'! ' if part[1] else ''}{part[0] * 100:.0f}%" if part else "failed")
        table.append(line)
    return table


def scaling_table(results):
    return ([["operations a second, 2 threads to 1"] + results.names]
            + [[name] + [f"{by[n]:.2f}" if n in by else "failed" for n in results.names] for name, by in peers_behind.speedups(results)])


def kept_line(results):
    parts = [(kept(results, r, MMSIM), r.name) for r in results.rows]
    parts = sorted(((part, name) for part, name in parts if part), reverse=True)
    too_much = [f"{name} {part * 100:.0f}%" for (part, marked), name in parts if marked]
    return (f"memory of mmsim above a tenth of the peak after the pause: {len(too_much) or 'none'} of "
            f"{len(parts)} rows" + (": " if too_much else "") + ", ".join(too_much))


def lists(results):
    """What is left to do, as lines."""
    if MMSIM not in results.names or len(results.names) < 2:
        return []
    lines = [peers_behind.line(results, "time"), peers_behind.line(results, "peak")]
    if any(has(results, r, "pause") for r in results.rows):
        lines.append(kept_line(results))
    return lines + ([peers_behind.line(results, "scaling")] if peers_behind.speedups(results) else [])


def means_tables(results):
    found = [means_table(results)]
    if MMSIM in results.names and len(results.names) > 1:
        found.append(versus_table(results))
    return found


def row_tables(results):
    found = [peers_table(results, "time, best peer = 1", "time", tables.seconds, True),
             glibc_table(results, "time, glibc = 1", "time", tables.seconds),
             peers_table(results, "peak RSS, best peer = 1", "peak", tables.megabytes),
             glibc_table(results, "peak RSS, glibc = 1", "peak", tables.megabytes),
             kept_table(results),
             scaling_table(results),
             glibc_table(results, "page faults, glibc = 1", "faults", tables.count),
             peers_table(results, "instructions, best peer = 1", "instructions", tables.count)]
    return [t for t in found if len(t) > 1]
