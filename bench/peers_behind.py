"""Where mmsim is behind the best peer of a row, and why: the rows, grouped by the reasons of reasons.toml.

A row that is behind and has no reason comes first, and plainly so: either
somebody finds the reason and writes it down, or it is a fault to mend.
"""
import textwrap

import reasons
import tables
from results import MMSIM

BEHIND = 1.10  # a row above this times the best peer is listed
WIDTH = 100    # of the text
TITLES = {"time": f"time above {BEHIND:.2f} of the best peer", "peak": f"peak RSS above {BEHIND:.2f} of the best peer",
          "scaling": "2 threads against 1, below the best peer"}
HEADS = {"time": "time", "peak": "peak RSS", "scaling": "2 threads against 1"}
SEPARATORS = {"scaling": "; "}
NO_REASON = "no reason is written"
HOW = (f"The rows of the tables above in which mmsim is above {BEHIND:.2f} of the best peer, and those in which a second "
       "thread brings less than under the best peer, by reason; the reasons are in bench/reasons.toml. A range that "
       "reaches down to 1 is near a tie.")


class Loss:
    """A row that is behind: by how much, for sorting, and its figure in words, with the range where there is one."""

    def __init__(self, row, worse, figure, ranged=None):
        self.row, self.worse, self.figure, self.ranged = row, worse, figure, ranged or figure


def rate(results, row, name):
    """Operations a second of the wall, or None."""
    ops, wall = results.median(row, name, "ops"), results.median(row, name, "wall")
    return ops / wall if ops and wall else None


def doubled(names):
    """The names that have a row with one thread and one with two."""
    return [name[:-2] for name in names if name.endswith("/2") and name[:-2] + "/1" in names]


def speedups(results):
    """[(name, {allocator: how much more two threads do in a second than one})], for rows NAME/1 and NAME/2."""
    by_name = {r.name: r for r in results.rows if r.kind != "real"}
    found = []
    for name in doubled(by_name):
        one, two = by_name[name + "/1"], by_name[name + "/2"]
        rates = {n: (rate(results, one, n), rate(results, two, n)) for n in results.names}
        found.append((name, {n: fast / slow for n, (slow, fast) in rates.items() if slow and fast}))
    return found


def above(results, measure):
    """The losses in a measure, and how many rows have it."""
    losses, count = [], 0
    for row in results.rows:
        ratio = results.ratio(row, MMSIM, None, measure)
        count += ratio is not None
        if ratio and ratio.value > BEHIND:
            peer = results.best_peer(row, measure)[1]
            ranged = f"{ratio} x {peer}" if measure == "time" and ratio.low < ratio.high else None
            losses.append(Loss(row.name, ratio.value, f"{ratio.value:.2f} x {peer}", ranged))
    return losses, count


def below(results):
    """The losses in scaling, and how many rows have it."""
    losses, count = [], 0
    for name, by in speedups(results):
        peers = [(by[n], n) for n in by if n != MMSIM]
        if MMSIM in by and peers:
            count += 1
            best, peer = max(peers)
            if by[MMSIM] < best:
                losses.append(Loss(name, best / by[MMSIM], f"{by[MMSIM]:.2f}, {peer} {best:.2f}"))
    return losses, count


def losses_of(results, measure):
    """The worst first."""
    losses, count = below(results) if measure == "scaling" else above(results, measure)
    return sorted(losses, key=lambda loss: -loss.worse), count


def line(results, measure):
    """All losses of a measure in one line."""
    losses, count = losses_of(results, measure)
    listed = SEPARATORS.get(measure, ", ").join(f"{loss.row} {loss.figure}" for loss in losses)
    return f"{TITLES[measure]}: {len(losses) or 'none'} of {count} rows" + (": " if listed else "") + listed


def grouped(losses, entries):
    """[(Reason or None, losses)]: those without a reason first, then the group with the worst row."""
    groups = {}
    for loss in losses:
        reason = reasons.of_row(entries, loss.row)
        groups.setdefault(id(reason), (reason, []))[1].append(loss)
    return sorted(groups.values(), key=lambda group: group[0] is not None)


def each_group(results, by_measure):
    """[(measure, [(Reason or None, the rows with their figures)])] of the measures with losses."""
    found = []
    for measure in reasons.MEASURES:
        groups = grouped(losses_of(results, measure)[0], by_measure[measure])
        join = SEPARATORS.get(measure, ", ").join
        if groups:
            found.append((measure, [(why, join(f"{loss.row} {loss.ranged}" for loss in members)) for why, members in groups]))
    return found


def unexplained(results, by_measure):
    """A line for each measure that has rows without a reason."""
    return [f"{TITLES[measure]}, and {NO_REASON}: {rows}"
            for measure, groups in each_group(results, by_measure) for why, rows in groups if why is None]


def as_markdown(results, by_measure):
    """The section of the page."""
    parts = ["## Where mmsim is behind, and why", HOW]
    for measure, groups in each_group(results, by_measure):
        table = [[HEADS[measure], "the reason", "what it would take"]]
        table += [[rows, why.why, why.takes] if why else [rows, f"**{NO_REASON}**", ""] for why, rows in groups]
        parts.append(tables.as_markdown(table, "---|"))
    parts += ["There is none."] if len(parts) == 2 else []
    return "\n\n".join(parts)


def as_text(results, by_measure):
    """The same, in lines."""
    lines = []
    for measure, groups in each_group(results, by_measure):
        lines.append(TITLES[measure] + ":")
        for why, rows in groups:
            lines += wrapped(rows, "  ")
            lines += wrapped("why: " + why.why, "      ") if why else [f"      {NO_REASON}"]
            lines += wrapped("it would take: " + why.takes, "      ") if why and why.takes else []
    return "\n".join(lines)


def wrapped(text, indent):
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False,
                         break_long_words=False)
