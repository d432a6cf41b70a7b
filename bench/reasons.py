"""Why mmsim is behind in a row: the file reasons.toml, and which of its entries a row has.

    [[time]]                                a table for each measure: time, peak, scaling
    rows = ["trace/git", "larson/*"]        names, or patterns as a shell has them
    why = "what makes mmsim slower there"
    takes = "what would change that"        may be left out

A row has one entry in a measure, and an entry has rows of the suite: two entries
for one row, or a pattern for none, would hide that a reason has become wrong.
"""
import fnmatch
import os

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "reasons.toml")
MEASURES = ("time", "peak", "scaling")
NEEDED, ALLOWED = {"rows", "why"}, ("rows", "why", "takes")
SHOWN = 5  # names of rows in a message


class Reason:
    """One entry; `rows` are its patterns."""

    def __init__(self, rows, why, takes=""):
        self.rows, self.why, self.takes = rows, " ".join(why.split()), " ".join(takes.split())

    def names(self, row):
        return any(fnmatch.fnmatchcase(row, pattern) for pattern in self.rows)


def entry(place, table):
    """The Reason of one [[...]]; ValueError when something is missing, unknown or of a wrong kind."""
    if not isinstance(table, dict):
        raise ValueError(f"{place}: not a table; allowed are {', '.join(ALLOWED)} below a line [[{place.split()[0]}]]")
    unknown, missing = set(table) - set(ALLOWED), NEEDED - set(table)
    if unknown or missing:
        said = [f"has {', '.join(sorted(unknown))}"] * bool(unknown) + [f"has no {', '.join(sorted(missing))}"] * bool(missing)
        raise ValueError(f"{place} {' and '.join(said)}; allowed are {', '.join(ALLOWED)}, of which rows and why are needed")
    rows = table["rows"]
    if not isinstance(rows, list) or not rows or not all(isinstance(r, str) for r in rows):
        raise ValueError(f"{place}: rows is a list of names, at least one")
    for key in ("why", "takes"):
        if not isinstance(table.get(key, ""), str) or not table.get(key, "-").strip():
            raise ValueError(f"{place}: {key} is a text, and not empty")
    return Reason(rows, table["why"], table.get("takes", ""))


def load(path):
    """{measure: [Reason, ...]}; ValueError or OSError when the file cannot be used."""
    try:
        import tomllib  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise ValueError("Python 3.11 or later is needed to read it") from None
    with open(path, "rb") as f:
        try:
            tables = tomllib.load(f)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
            raise ValueError(f"not TOML: {why}") from None
    found = {measure: [] for measure in MEASURES}
    for measure, entries in tables.items():
        if measure not in found or not isinstance(entries, list):
            raise ValueError(f"{measure}: allowed are entries {', '.join(f'[[{m}]]' for m in MEASURES)}")
        found[measure] = [entry(f"{measure} entry {i + 1}", e) for i, e in enumerate(entries)]
    return found


def check(reasons, suite):
    """ValueError unless each pattern names a row of the suite, {measure: names}, and no row has two entries."""
    for measure, entries in reasons.items():
        names = suite[measure]
        for number, reason in enumerate(entries):
            for pattern in reason.rows:
                if not fnmatch.filter(names, pattern):
                    raise ValueError(f"{measure} entry {number + 1}: {pattern!r} names no row of the suite; there are "
                                     f"{', '.join(names[:SHOWN])}{', ... (--list)' if len(names) > SHOWN else ''}")
        for name in names:
            having = [str(i + 1) for i, reason in enumerate(entries) if reason.names(name)]
            if len(having) > 1:
                raise ValueError(f"{measure}: {name} is in the entries {' and '.join(having)}; a row has one")


def of_row(entries, row):
    """The Reason of a row, or None."""
    return next((reason for reason in entries if reason.names(row)), None)
