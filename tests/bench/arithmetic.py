#!/usr/bin/env python3
"""arithmetic.py: medians, ratios and means of bench/results.py, and the lists
and pages made of them, on figures whose results are known beforehand.

    row    time of    mmsim      glibc      peer       other
    a                 2, 3, 4    6, 6, 6    2, 2, 5    failed
    b                 1, 1, 1    2, 4, 3    4, 4, 4    1, 2, 3
"""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "blackbox"))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench"))
from tap import case, check, main  # noqa: E402
import page  # noqa: E402
import peers_behind  # noqa: E402
import peers_report  # noqa: E402
from measuring import Failure, Figures  # noqa: E402
from results import Results  # noqa: E402
from rounds import run_row  # noqa: E402

TIMES = {
    "a": {"mmsim": (2, 3, 4), "glibc": (6, 6, 6), "peer": (2, 2, 5)},
    "b": {"mmsim": (1, 1, 1), "glibc": (2, 4, 3), "peer": (4, 4, 4), "other": (1, 2, 3)},
}
NAMES = ("mmsim", "glibc", "peer", "other")


class Row:
    """A row that gives one figure after the other; None is a failure."""

    def __init__(self, name, figures, kind="single", measure="time"):
        self.name, self.kind, self.measure = name, kind, measure
        self.left = {who: list(values) for who, values in figures.items()}
        self.order = []

    def run(self, _, library):
        self.order.append(library)
        value = self.left.get(library, [None]).pop(0)
        if value is None:
            raise Failure("a crash")
        figures = Figures()
        setattr(figures, self.measure, value)
        figures.output = "three" if library == "liar" else "four"
        return figures


class Allocator:
    def __init__(self, name):
        self.name = self.library = name


def measured(rows, names=NAMES):
    chosen = [Allocator(n) for n in names]
    results = Results(rows, chosen)
    for row in rows:
        run_row(row, chosen, 3, None, results)
    return results


def known():
    return measured([Row(name, figures) for name, figures in TIMES.items()])


def near(value, expected, what):
    check(abs(value - expected) < 1e-9, f"{what}: {value}, not {expected}")


@case
def ratios_are_medians_divided_and_their_ranges():
    results = known()
    ratio = results.ratio(results.rows[0], "mmsim", "glibc")
    near(ratio.value, 0.5, "median")
    near(ratio.low, 2 / 6, "lowest")
    near(ratio.high, 4 / 6, "highest")
    near(results.ratio(results.rows[0], "mmsim", None).value, 1.5, "to the best peer")


@case
def the_best_peer_is_never_mmsim():
    results = known()
    check(results.best_peer(results.rows[0]) == (2, "peer"), "row a")
    check(results.best_peer(results.rows[1]) == (2, "other"), "row b")


@case
def a_failure_has_no_ratio_and_is_told():
    results = known()
    check(results.ratio(results.rows[0], "other", "glibc") is None, "a ratio of nothing")
    check(results.failures() == ["a under other: a crash"], str(results.failures()))
    check(not results.failures(["mmsim", "glibc"]), "ours")


@case
def means_are_over_the_rows_that_both_have():
    results = known()
    mean = results.mean(results.rows, "mmsim", "glibc")
    near(mean.value, (0.5 * (1 / 3)) ** 0.5, "mmsim to glibc")
    check(mean.rows == 2, "two rows")
    mean = results.mean(results.rows, "mmsim", "other")
    near(mean.value, 0.5, "mmsim to other")
    check(mean.rows == 1, "one row")
    check(results.mean(results.rows[:1], "mmsim", "other") is None, "a mean of nothing")


@case
def the_best_peer_of_each_row_has_a_mean_too():
    results = known()
    near(results.mean(results.rows, None, "glibc").value, (2 / 6 * 2 / 3) ** 0.5, "peer in a, other in b")
    near(results.mean(results.rows, "mmsim", None).value, (3 / 2 * 1 / 2) ** 0.5, "mmsim to it")


@case
def the_range_of_a_mean_is_that_of_its_rounds():
    results = known()
    mean = results.mean(results.rows, "mmsim", "glibc")
    rounds = [(2 / 6 * 1 / 2) ** 0.5, (3 / 6 * 1 / 4) ** 0.5, (4 / 6 * 1 / 3) ** 0.5]
    near(mean.low, min(rounds), "lowest")
    near(mean.high, max(rounds), "highest")


@case
def allocators_take_turns_in_going_first():
    row = Row("a", {n: (1, 1, 1) for n in NAMES})
    measured([row])
    firsts = row.order[0::len(NAMES)]
    check(firsts == ["mmsim", "glibc", "peer"], f"first: {firsts}")
    check(sorted(row.order) == sorted(NAMES * 3), "each as often")


@case
def who_prints_something_else_than_glibc_has_failed():
    results = measured([Row("a", {n: (1, 1, 1) for n in ("mmsim", "glibc", "liar")})], ("mmsim", "glibc", "liar"))
    check(results.failures() == ["a under liar: wrong output: three instead of four"], str(results.failures()))


@case
def memory_that_is_kept_is_without_the_program():
    results = Results([Row("a", {})], [Allocator("mmsim"), Allocator("glibc")])
    for name, base, peak, pause in (("mmsim", 1500, 21000, 3000), ("glibc", 1000, 21000, 21000)):
        figures = Figures()
        figures.base, figures.pause_peak, figures.pause = base, peak, pause
        results.add(results.rows[0], name, figures)
    part, too_much = peers_report.kept(results, results.rows[0], "mmsim")
    near(part, 0.1, "mmsim's part")
    check(not too_much, "a tenth is not too much")
    check(peers_report.kept(results, results.rows[0], "glibc") == (1, True), "all of it is")


@case
def two_threads_are_compared_by_their_rates():
    results = Results([Row("x/1", {}), Row("x/2", {}, "threaded")], [Allocator("mmsim"), Allocator("glibc")])
    for row, name, ops, wall in ((0, "mmsim", 100, 1), (1, "mmsim", 200, 1), (0, "glibc", 100, 2), (1, "glibc", 100, 1.6)):
        figures = Figures(wall=wall)
        figures.ops = ops
        results.add(results.rows[row], name, figures)
    check(peers_behind.speedups(results) == [("x", {"mmsim": 2, "glibc": 1.25})], str(peers_behind.speedups(results)))


@case
def rows_behind_the_best_peer_are_listed_worst_first():
    results = measured([Row("x", {"mmsim": (12,) * 3, "glibc": (10,) * 3}), Row("y", {"mmsim": (15,) * 3, "glibc": (10,) * 3}),
                        Row("z", {"mmsim": (11,) * 3, "glibc": (10,) * 3})], ("mmsim", "glibc"))
    line = peers_behind.line(results, "time")
    check(line == "time above 1.10 of the best peer: 2 of 3 rows: y 1.50 x glibc, x 1.20 x glibc", line)


@case
def a_new_section_has_its_place():
    text = page.put_section(page.TITLE, "kernel", "k")
    text = page.put_section(text, "peers", "p")
    text = page.put_section(text, "live", "l")
    places = [text.index(f"<!-- {n} -->") for n in ("peers", "kernel", "live")]
    check(places == sorted(places), text)
    check(page.put_section(text, "kernel", "k") == text, "the same text again changes nothing")


@case
def broken_sections_are_refused():
    for text in ("<!-- peers -->\n", "<!-- /peers -->\n<!-- peers -->\n",
                 "<!-- peers -->\n<!-- peers -->\n<!-- /peers -->\n"):
        try:
            page.put_section(text, "peers", "p")
        except ValueError:
            continue
        check(False, f"accepted: {text!r}")


main()
