"""The figures of bench-peers as a picture, drawn by gnuplot: bars for each row, the geometric mean last."""
import os
import shutil
import subprocess
import tempfile

from results import GLIBC

PACKAGE = "gnuplot-nox"
TOP = 2.0  # a longer bar is cut off here and bears its figure
COLOURS = ("#1f5fbf", "#e08214", "#5aae61", "#9970ab", "#c51b7d", "#80796b", "#35978f")
PANELS = (("time", "time"), ("peak", "peak RSS"), ("pause", "RSS two seconds after everything is freed"))
BAR_PIXELS, MARGIN_PIXELS, LEAST_PIXELS, PANEL_PIXELS = 8, 200, 800, 400

SCRIPT = """set terminal svg size {width},{height} dynamic font 'sans-serif,12' background '#ffffff'
set output '{output}'
set style data histogram
set style histogram clustered gap 1
set style fill solid 1
set xtics rotate by -40 nomirror scale 0
set ytics 0.25 nomirror
set yrange [0:{top}]
set grid ytics lc rgb '#dddddd'
set border 3
set key outside top right horizontal samplen 1
set lmargin 8
set rmargin 12
set bmargin 8
set multiplot layout {panels},1
"""
PANEL = """set title '{title}, glibc = 1'
plot {bars}, 1 with lines lc rgb '#000000' notitle
"""
BARS = "'{data}' using {column}{labels} title {name} lc rgb '{colour}'"
CUT = ("'{data}' using ($0+{shift}):(${column} > {top} ? {top}-0.02 : 1/0):(sprintf('%.1f', ${column})) with labels "
       "rotate by 90 right font ',9' tc rgb '#ffffff' notitle")


def quoted(text):
    """A string in gnuplot's double quotes, its own markup switched off."""
    return '"' + "".join("\\\\" + c if c in "_^@&~{}" else c for c in text.replace("\\", "/").replace('"', "'")) + '"'


def panel_data(results, rows, names, measure):
    """A line for each row and one for the means: the label and a figure for each allocator, ? for none."""
    lines = []
    for row in rows:
        ratios = [results.ratio(row, n, GLIBC, measure) for n in names]
        lines.append([quoted(row.name)] + [f"{r.value:.4f}" if r else "?" for r in ratios])
    means = [results.mean(rows, n, GLIBC, measure) for n in names]
    lines.append([quoted("geometric mean")] + [f"{m.value:.4f}" if m else "?" for m in means])
    return "".join(" ".join(line) + "\n" for line in lines)


def panel_script(title, data, names):
    """Bars, and the figures of those that are cut off."""
    plots = []
    for number, name in enumerate(names):
        column = {"data": data, "column": number + 2, "top": TOP}
        plots.append(BARS.format(**column, labels="" if number else ":xtic(1)", name=quoted(name),
                                 colour=COLOURS[number % len(COLOURS)]))
        plots.append(CUT.format(**column, shift=(number - (len(names) - 1) / 2) / (len(names) + 1)))
    return PANEL.format(title=title, bars=", ".join(plots))


def panels_of(results):
    """[(title, rows, measure)] of all measures that have something to compare."""
    found = []
    for measure, title in PANELS:
        rows = [r for r in results.rows if any(results.ratio(r, n, GLIBC, measure) for n in results.others(GLIBC))]
        if rows:
            found.append((title, rows, measure))
    return found


def draw(scratch, results, panels):
    """Runs gnuplot; the picture's path, and what it said."""
    names = results.others(GLIBC)
    drawn = os.path.join(scratch, "drawn.svg")
    bars = (max(len(rows) for _, rows, _ in panels) + 1) * (len(names) + 1)
    script = SCRIPT.format(width=max(LEAST_PIXELS, MARGIN_PIXELS + bars * BAR_PIXELS), height=PANEL_PIXELS * len(panels),
                           output=drawn, panels=len(panels), top=TOP)
    for number, (title, rows, measure) in enumerate(panels):
        data = os.path.join(scratch, f"panel{number}")
        with open(data, "w", encoding="utf-8") as f:
            f.write(panel_data(results, rows, names, measure))
        script += panel_script(title, data, names)
    done = subprocess.run(["gnuplot"], input=script + "unset multiplot\n", capture_output=True, text=True, check=False)
    return (drawn if done.returncode == 0 and os.path.exists(drawn) else None), done.stderr


def write(path, results, note):
    """Draws the picture; says why when it cannot."""
    panels = panels_of(results)
    if not shutil.which("gnuplot"):
        note(f"gnuplot is missing; no {os.path.basename(path)} (apt install {PACKAGE})")
    elif not panels:
        note(f"no {os.path.basename(path)}: there is nothing to compare with glibc")
    else:
        with tempfile.TemporaryDirectory() as scratch:
            drawn, said = draw(scratch, results, panels)
            if drawn:
                shutil.copyfile(drawn, path)
            else:
                note(f"gnuplot drew nothing: {said.strip()[-300:]}")
