#!/usr/bin/env python3
"""behind.py: rows in which mmsim is behind get the reasons that a file has for
them, rows without one are named, and a file that cannot be right is refused."""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "blackbox"))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench"))
from tap import case, check, main  # noqa: E402
import peers_behind  # noqa: E402
import peers_csv  # noqa: E402
import reasons  # noqa: E402

SUITE = {"time": ["x/1", "x/2", "y", "z"], "peak": ["x/1", "x/2", "y", "z"], "scaling": ["x"]}
TIMES = {"x/1": 1.2, "x/2": 1.5, "y": 1.3, "z": 1.0}  # of mmsim; glibc's is 1
GOOD = '''
[[time]]
rows = ["x/*"]
why = """The first
    reason."""
takes = "a | b"

[[time]]
rows = ["z"]
why = "The second reason."
'''


def written(text):
    with open("reasons.toml", "w", encoding="utf-8") as f:
        f.write(text)
    return "reasons.toml"


def loaded(text):
    by_measure = reasons.load(written(text))
    reasons.check(by_measure, SUITE)
    return by_measure


def measured(times=None, peak=1000):
    """Results of one round: operations of x make two threads 1.6 times as fast as one, and 2 times under glibc."""
    lines = [",".join(peers_csv.HEAD)]
    for row, time in (times or TIMES).items():
        kind = "threaded" if row.endswith("/2") else "single"
        for name, seconds in (("mmsim", time), ("glibc", 1)):
            wall = {"x/1": 2, "x/2": 1.25 if name == "mmsim" else 1}.get(row, 1)
            for measure, value in (("time", seconds), ("wall", wall), ("peak", peak), ("operations", 100)):
                lines.append(f"{row},{kind},1,{name},{measure},s,{value},{value},{value * (1 + (measure == 'time'))},3,ok,")
    with open("csv", "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    return peers_csv.read("csv")


def is_refused(text, *words):
    try:
        loaded(text)
    except ValueError as why:
        check(all(word in str(why) for word in words), f"{why} has not all of {words}")
        return
    check(False, f"accepted: {text!r}")


@case
def rows_are_grouped_by_their_reason_and_those_without_one_come_first():
    groups = peers_behind.each_group(measured(), loaded(GOOD))
    measure, found = groups[0]
    check(measure == "time" and len(found) == 2, str(groups))
    check(found[0] == (None, "y 1.30 [1.30..2.60] x glibc"), str(found[0]))
    check(found[1][0].why == "The first reason.", found[1][0].why)
    check(found[1][1] == "x/2 1.50 [1.50..3.00] x glibc, x/1 1.20 [1.20..2.40] x glibc", found[1][1])


@case
def a_measure_without_losses_is_left_out():
    groups = [measure for measure, _ in peers_behind.each_group(measured(), loaded(GOOD))]
    check(groups == ["time", "scaling"], str(groups))
    groups = [measure for measure, _ in peers_behind.each_group(measured({"y": 1.05}), loaded(GOOD))]
    check(not groups, str(groups))
    check("There is none." in peers_behind.as_markdown(measured({"y": 1.05}), loaded(GOOD)), "the page says so")


@case
def rows_without_a_reason_are_named():
    said = peers_behind.unexplained(measured(), loaded(GOOD))
    check(said == ["time above 1.10 of the best peer, and no reason is written: y 1.30 [1.30..2.60] x glibc",
                   "2 threads against 1, below the best peer, and no reason is written: x 1.60, glibc 2.00"], str(said))
    everything = GOOD.replace('"z"', '"[yz]"') + '[[scaling]]\nrows = ["x"]\nwhy = "a third"\n'
    said = peers_behind.unexplained(measured(), loaded(everything))
    check(not said, str(said))


@case
def the_page_and_the_text_have_figures_and_reasons():
    results, by_measure = measured(), loaded(GOOD)
    page = peers_behind.as_markdown(results, by_measure)
    for line in ("| time | the reason | what it would take |",
                 "| y 1.30 [1.30..2.60] x glibc | **no reason is written** |  |",
                 "| x/2 1.50 [1.50..3.00] x glibc, x/1 1.20 [1.20..2.40] x glibc | The first reason. | a \\| b |"):
        check(line in page.split("\n"), f"{line}\n{page}")
    text = peers_behind.as_text(results, by_measure)
    for line in ("time above 1.10 of the best peer:", "      why: The first reason.", "      it would take: a | b",
                 "      no reason is written"):
        check(line in text.split("\n"), f"{line}\n{text}")


@case
def an_empty_file_has_no_reasons():
    check(loaded("") == {"time": [], "peak": [], "scaling": []}, "entries of nothing")


@case
def every_pattern_names_a_row():
    is_refused('[[time]]\nrows = ["x/1", "x/4"]\nwhy = "w"\n', "time entry 1", "'x/4' names no row", "x/1, x/2, y, z")
    is_refused('[[scaling]]\nrows = ["x/2"]\nwhy = "w"\n', "scaling entry 1", "'x/2' names no row", "there are x")


@case
def a_row_has_one_reason():
    is_refused('[[peak]]\nrows = ["y"]\nwhy = "w"\n[[peak]]\nrows = ["*"]\nwhy = "w"\n', "peak: y is in the entries 1 and 2")


@case
def entries_are_complete_and_have_nothing_else():
    is_refused("[[time]\n", "not TOML", "line 1")
    is_refused("[[speed]]\nrows = []\n", "speed: allowed are entries [[time]], [[peak]], [[scaling]]")
    is_refused('[time]\nrows = ["y"]\nwhy = "w"\n', "time: allowed are entries")
    is_refused("time = [1]\n", "time entry 1: not a table")
    is_refused('[[time]]\nwhy = "w"\n', "time entry 1 has no rows", "allowed are rows, why, takes")
    is_refused('[[time]]\nrows = ["y"]\n', "has no why")
    is_refused('[[time]]\nrows = ["y"]\nwhy = "w"\nwho = "me"\n', "has who")
    for rows in ("[]", '"y"', "[1]"):
        is_refused(f'[[time]]\nrows = {rows}\nwhy = "w"\n', "time entry 1: rows is a list of names")
    is_refused('[[time]]\nrows = ["y"]\nwhy = " "\n', "why is a text, and not empty")
    is_refused('[[time]]\nrows = ["y"]\nwhy = "w"\ntakes = 1\n', "takes is a text")


@case
def figures_are_read_back_as_they_were_written():
    results = measured()
    ratio = results.ratio(results.rows[0], "mmsim", "glibc")
    check((ratio.value, ratio.low, ratio.high) == (1.2, 1.2, 2.4), str(ratio))
    check(results.rows[1].kind == "threaded", results.rows[1].kind)
    peers_csv.write("again", results)
    again = peers_csv.read("again")
    check(peers_behind.line(again, "time") == peers_behind.line(results, "time"), peers_behind.line(again, "time"))


@case
def a_failure_is_read_back_too():
    head = ",".join(peers_csv.HEAD)
    with open("csv", "w", encoding="utf-8") as f:
        f.write(f"{head}\ny,single,1,mmsim,time,s,,,,0,failed,a crash\ny,single,1,glibc,time,s,1,1,1,3,ok,\n")
    results = peers_csv.read("csv")
    check(results.failures() == ["y under mmsim: a crash"], str(results.failures()))
    check(peers_behind.line(results, "time") == "time above 1.10 of the best peer: none of 0 rows", "a figure of nothing")


def read_back(text):
    """What is said of a file that is no figures; "" when it is read."""
    with open("csv", "w", encoding="utf-8") as f:
        f.write(text)
    try:
        peers_csv.read("csv")
    except ValueError as why:
        return str(why)
    return ""


@case
def other_files_are_no_figures():
    head = ",".join(peers_csv.HEAD)
    for text in ("", head + "\n", "a,b\n1,2\n"):
        check("not figures of bench-peers" in read_back(text), f"{text!r}: {read_back(text)!r}")
    for line in ("y,single,1,mmsim,time,s,2,3,4,3,ok,", "y,single,1,mmsim,speed,s,1,1,1,3,ok,", "y,single,1,mmsim,time,s,,,,3,ok,",
                 "y,single,1"):
        check("line 2: no figure" in read_back(f"{head}\n{line}\n"), line)
    check("line 2: not CSV" in read_back(f"{head}\n{'y' * 200000}\n"), "a line without end")


main()
