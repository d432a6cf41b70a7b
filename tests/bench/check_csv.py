"""check_csv.py CSV TEXT MEASURE: the geometric means of a measure, computed anew
from the CSV, stand in the text's line "MEASURE, all rows" (or its only group)."""
import csv
import math
import sys

BEST_WORDS = len("best peer of each row".split())  # the last column
TITLES = {"time": "time", "peak": "peak RSS", "pause": "RSS after the pause"}


def from_csv(path, measure):
    figures = {}
    with open(path, encoding="utf-8", newline="") as f:
        for line in csv.DictReader(f):
            if line["measure"] == measure and line["status"] == "ok":
                figures[line["row"], line["allocator"]] = float(line["median"])
    names = list(dict.fromkeys(name for _, name in figures if name != "glibc"))
    means = {}
    for name in names:
        rows = [row for row, who in figures if who == name and (row, "glibc") in figures]
        product = math.prod(figures[row, name] / figures[row, "glibc"] for row in rows)
        means[name] = f"{product ** (1 / len(rows)):.3f}"
    return means


def from_text(path, measure):
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    head = next(line for line in lines if line.startswith("geometric means, glibc = 1")).split("rows", 1)[1].split()
    line = next(line for line in lines if line.startswith(TITLES[measure] + ", "))
    cells = line.removeprefix(line[:len(line) - len(line.lstrip())]).split("  ")
    cells = [c.split()[0] for c in cells if c.strip()][2:]
    return {name: cell for name, cell in zip(head[:-BEST_WORDS], cells) if cell != "failed"}


computed, shown = from_csv(sys.argv[1], sys.argv[3]), from_text(sys.argv[2], sys.argv[3])
if computed != shown or not computed:
    print(f"# {sys.argv[3]}: from the CSV {computed}, in the text {shown}")
    sys.exit(1)
