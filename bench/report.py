"""Turns the figures into the text that run.py prints and the page it writes."""
import math
import os
import platform
import statistics
from operator import attrgetter

RSS_FLOOR_KIB = 8192  # a row whose peak under glibc is below this says nothing about live memory
SLOWER = 1.03         # a row above this is called slower

time_ratio = attrgetter("ratio")
peak_ratio = attrgetter("peak_ratio")


class Cell:
    """One row under one allocator: ratios to glibc, round by round."""

    def __init__(self, runs, baseline):
        self.ok = bool(runs) and bool(baseline) and None not in runs and None not in baseline
        if not self.ok:
            return
        ratios = [a.time / b.time for a, b in zip(runs, baseline)]
        self.ratio, self.low, self.high = statistics.median(ratios), min(ratios), max(ratios)
        self.time = statistics.median(f.time for f in runs)
        self.faults = statistics.median(f.faults for f in runs)
        self.fault_ratio = statistics.median(a.faults / b.faults for a, b in zip(runs, baseline))
        self.peak = statistics.median(f.peak for f in runs)
        self.peak_ratio = statistics.median(a.peak / b.peak for a, b in zip(runs, baseline))


class Results:
    """Figures by row and allocator; None stands for a run that failed."""

    def __init__(self, rows, allocators):
        self.rows = rows
        self.allocators = allocators
        self.runs = {(r.name, a.name): [] for r in rows for a in allocators}
        self.failures = []
        self.kernel = []  # the tables of the simulated kernel
        self.live = []    # and of live memory

    def add(self, row, allocator, figures):
        self.runs[row.name, allocator.name].append(figures)

    def fail(self, row, allocator, why):
        line = f"{row.name} under {allocator.name}: {why}"
        if line not in self.failures:
            self.failures.append(line)
        self.add(row, allocator, None)

    def cell(self, row, name):
        return Cell(self.runs[row.name, name], self.runs[row.name, "glibc"])

    def of_kind(self, kind):
        return [r for r in self.rows if r.kind == kind]

    def names(self):
        return [a.name for a in self.allocators]

    def others(self):
        return [n for n in self.names() if n != "glibc"]

    def with_live_memory(self, rows):
        cells = [(r, self.cell(r, "glibc")) for r in rows]
        return [r for r, c in cells if c.ok and c.peak >= RSS_FLOOR_KIB]


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values)) if values else None


def time_text(kind, value):
    if kind == "real":
        return f"{value:.2f} s"
    if value < 1e4:
        return f"{value:.1f} ns"
    return f"{value / 1e3:.1f} us" if value < 1e7 else f"{value / 1e6:.1f} ms"


def ratio_text(cell):
    return f"{cell.ratio:.2f} [{cell.low:.2f}..{cell.high:.2f}]" if cell.ok else "failed"


def time_line(results, row):
    base = results.cell(row, "glibc")
    return ([row.name, time_text(row.kind, base.time) if base.ok else "failed"]
            + [ratio_text(results.cell(row, n)) for n in results.others()])


def time_table(results, kind):
    head = ["micro, time an operation" if kind == "micro" else "real programs, user + system", "glibc"]
    return [head + results.others()] + [time_line(results, r) for r in results.of_kind(kind)]


def memory_lines(results, rows, quantity, ratio, show):
    lines = []
    for row in rows:
        base = results.cell(row, "glibc")
        if base.ok:
            cells = [results.cell(row, n) for n in results.others()]
            lines.append([row.name, show(quantity(base))] + [f"{ratio(c):.2f}" if c.ok else "failed" for c in cells])
    return lines


def peak_table(results):
    rows = results.with_live_memory(results.of_kind("micro")) + results.of_kind("real")
    return ([["peak RSS", "glibc"] + results.others()]
            + memory_lines(results, rows, attrgetter("peak"), peak_ratio, lambda kib: f"{kib / 1024:.1f} MB"))


def fault_table(results):
    return ([["page faults", "glibc"] + results.others()]
            + memory_lines(results, results.of_kind("real"), attrgetter("faults"), attrgetter("fault_ratio"),
                           lambda count: f"{count:.0f}"))


def mean(results, rows, name, ratio):
    cells = [results.cell(r, name) for r in rows]
    return geometric_mean([ratio(c) for c in cells if c.ok])


def mean_text(results, rows, name, ratio):
    """The mean, with the number of rows behind it when some failed."""
    figures = sum(results.cell(r, name).ok for r in rows)
    if not figures:
        return "failed"
    return f"{mean(results, rows, name, ratio):.3f}" + (f" ({figures} rows)" if figures < len(rows) else "")


def summary_table(results):
    micro, real = results.of_kind("micro"), results.of_kind("real")
    live = results.with_live_memory(micro)
    wanted = (  # title, rows, ratio
        ("time, micro rows", micro, time_ratio),
        ("time, real programs", real, time_ratio),
        ("peak RSS, micro rows with live memory", live, peak_ratio),
        ("peak RSS, real programs", real, peak_ratio),
        ("peak RSS, both", live + real, peak_ratio),
    )
    table = [["geometric means, glibc = 1", "rows"] + results.others()]
    for title, rows, ratio in wanted:
        if rows:
            table.append([title, str(len(rows))] + [mean_text(results, rows, n, ratio) for n in results.others()])
    return table


def against_glibc(results, kind):
    """How many rows of mmsim are slower than glibc's, and the worst of them."""
    cells = [(results.cell(r, "mmsim"), r) for r in results.of_kind(kind)]
    good = sorted(((c.ratio, r.name) for c, r in cells if c.ok), reverse=True)
    if not good:
        return []
    slower = [f"{name} {ratio:.2f}" for ratio, name in good if ratio > SLOWER]
    lines = [f"mmsim against glibc, {kind}: worst row {good[0][1]} at {good[0][0]:.2f}; "
             + (f"{len(slower)} of {len(good)} rows slower by more than 3%: " + ", ".join(slower) if slower
                else f"none of {len(good)} rows slower by more than 3%")]
    if len(good) < len(cells):
        lines.append(f"mmsim against glibc, {kind}: {len(cells) - len(good)} rows without a figure")
    return lines


def against_peers(results, kind):
    """mmsim's geometric mean beside the best peer's, and row by row against the best of each row."""
    peers = [n for n in results.others() if n != "mmsim"]
    rows = [r for r in results.of_kind(kind) if all(results.cell(r, n).ok for n in ["mmsim"] + peers)]
    if not peers or not rows:
        return []
    ours = mean(results, rows, "mmsim", time_ratio)
    best_mean, best_name = min((mean(results, rows, n, time_ratio), n) for n in peers)
    beaten = []
    for row in rows:
        peer_ratio, peer = min((results.cell(row, n).ratio, n) for n in peers)
        beaten.append((results.cell(row, "mmsim").ratio / peer_ratio, row.name, peer))
    beaten.sort(reverse=True)
    worst = ", ".join(f"{name} {ratio:.2f} x {peer}" for ratio, name, peer in beaten[:5])
    return [f"mmsim against the best peer, {kind}: geometric mean {ours:.3f}, {best_name} {best_mean:.3f} "
            f"({ours / best_mean:.2f} of it); worst rows: {worst}"]


def comparison_lines(results):
    if "mmsim" not in results.names():
        return []
    lines = []
    for kind in ("micro", "real"):
        lines += against_glibc(results, kind) + against_peers(results, kind)
    return lines


def as_text(table):
    """Columns as wide as their widest cell; the first to the left, figures to the right."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_markdown(table):
    lines = ["| " + " | ".join(row) + " |" for row in table]
    lines.insert(1, "|---|" + "---:|" * (len(table[0]) - 1))
    return "\n".join(lines)


def as_list(lines):
    return "\n".join("* " + line for line in lines)


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def machine_line():
    return (f"{cpu_model()}, {os.cpu_count()} cores, Linux {platform.release()} ({platform.machine()}), "
            f"glibc {os.confstr('CS_GNU_LIBC_VERSION').split()[-1]}")


def tables(results, counts):
    all_tables = [time_table(results, k) for k in ("micro", "real") if results.of_kind(k)]
    if results.rows:
        all_tables.append(summary_table(results))
    if results.with_live_memory(results.rows):
        all_tables.append(peak_table(results))
    if results.of_kind("real"):
        all_tables.append(fault_table(results))
    if counts:
        all_tables.append(counts)
    return all_tables


def text(results, counts, notes):
    parts = [as_text(t) for t in tables(results, counts)]
    parts += [as_text(t) for t in results.kernel + results.live]
    for lines in (comparison_lines(results), ["failed: " + f for f in results.failures], ["note: " + n for n in notes]):
        if lines:
            parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def section(how, tables_of_it):
    """A page's section: how it was measured, and the tables, if there are any."""
    return "\n\n".join([how] + [as_markdown(t) for t in tables_of_it]) if tables_of_it else ""


def markdown(results, counts, notes, command, how, kernel_how, live_how):
    parts = ["# Results", f"Machine: {machine_line()}.", f"Command: `{command}`"]
    if results.rows:
        parts += [how] + [as_markdown(t) for t in tables(results, counts)]
    sections = (("Comparison", as_list(comparison_lines(results))),
                ("The simulated kernel", section(kernel_how, results.kernel)),
                ("Live memory", section(live_how, results.live)),
                ("Failed rows", as_list(results.failures)), ("Notes", as_list(notes)))
    parts += [f"## {title}\n\n{body}" for title, body in sections if body]
    return "\n\n".join(parts) + "\n"
