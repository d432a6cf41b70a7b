"""A table is a list of rows of strings, the first its head; here it becomes text or Markdown."""


def as_text(table):
    """Columns as wide as their widest cell; the first to the left, figures to the right."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_markdown(table, columns="---:|"):
    """`columns` are those after the first: figures to the right, unless it says otherwise."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
    lines.insert(1, "|---|" + columns * (len(table[0]) - 1))
    return "\n".join(lines)


def as_list(lines):
    return "\n".join("* " + line for line in lines)


def megabytes(kib):
    return f"{kib / 1024:.1f} MB"


def seconds(value):
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1e3:.1f} ms"


def nanoseconds(value):
    if value < 1e4:
        return f"{value:.1f} ns"
    return f"{value / 1e3:.1f} us" if value < 1e7 else f"{value / 1e6:.1f} ms"


def count(value):
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.1f} {unit}"
    return f"{value:.0f}"
