"""Figures by row, allocator and measure: medians and ranges, ratios, geometric means.

    runs[row, allocator] = [Figures, ...]      one a round

A ratio is a median divided by another; the range beside it is that of the
runs, divided by the same.  A geometric mean is over the rows in which both
sides have figures, so it comes with their number.  None in place of a name is
the best peer of the row.
"""
import math
import statistics

GLIBC = "glibc"
MMSIM = "mmsim"
# The measures that do not come from the timed rounds.
PHASES = {"pause": "pause", "pause_peak": "pause", "base": "pause", "instructions": "instructions"}
TIMED = "time"


class Ratio:
    """A median and its range, relative to something else."""

    def __init__(self, values, base):
        self.value = statistics.median(values) / base
        self.low, self.high = min(values) / base, max(values) / base

    def __str__(self):
        return f"{self.value:.2f} [{self.low:.2f}..{self.high:.2f}]"


class Mean:
    """A geometric mean, the number of rows behind it, and its range from round to round."""

    def __init__(self, value, rows, low, high):
        self.value, self.rows, self.low, self.high = value, rows, low, high


class Results:
    """What was measured, and what failed and why."""

    def __init__(self, rows, allocators):
        self.rows = rows
        self.names = [a.name for a in allocators]
        self.runs = {}
        self.reasons = {}  # (row, allocator, phase): why there are no figures

    def add(self, row, name, figures):
        self.runs.setdefault((row.name, name), []).append(figures)

    def fail(self, row, name, why, phase=TIMED):
        self.reasons.setdefault((row.name, name, phase), why)

    def why_not(self, row, name, measure=TIMED):
        """The reason of a failure.  What fails in the timed rounds has no other figures either."""
        return (self.reasons.get((row.name, name, TIMED))
                or self.reasons.get((row.name, name, PHASES.get(measure, TIMED))))

    def values(self, row, name, measure=TIMED):
        if name is None:
            name = self.best_peer(row, measure)[1]
        if self.why_not(row, name, measure):
            return []
        values = [getattr(f, measure) for f in self.runs.get((row.name, name), [])]
        return [v for v in values if v is not None]

    def median(self, row, name, measure=TIMED):
        values = self.values(row, name, measure)
        return statistics.median(values) if values else None

    def check_outputs(self, row):
        """Whoever printed something else than glibc in its first round has failed."""
        expected = next((f.output for f in self.runs.get((row.name, GLIBC), [])), None)
        for name in self.names if expected else ():
            for figures in self.runs.get((row.name, name), []):
                if figures.output != expected:
                    self.fail(row, name, f"wrong output: {figures.output} instead of {expected}")

    def others(self, than):
        return [n for n in self.names if n != than]

    def best_peer(self, row, measure=TIMED):
        """(median, name) of the lowest of all but mmsim; (None, None) when none has figures."""
        medians = [(self.median(row, n, measure), n) for n in self.others(MMSIM)]
        return min((m for m in medians if m[0] is not None), default=(None, None))

    def ratio(self, row, name, base, measure=TIMED):
        """A Ratio to the figure of the allocator `base`, or None."""
        values, divisor = self.values(row, name, measure), self.median(row, base, measure)
        return Ratio(values, divisor) if values and divisor else None

    def mean(self, rows, name, base, measure=TIMED):
        """The Mean of `name` relative to `base`, or None."""
        pairs = [(r, self.ratio(r, name, base, measure)) for r in rows]
        pairs = [(r, ratio) for r, ratio in pairs if ratio]
        if not pairs:
            return None
        value = geometric_mean([ratio.value for _, ratio in pairs])
        around = [value] + self.round_means([r for r, _ in pairs], name, base, measure)
        return Mean(value, len(pairs), min(around), max(around))

    def round_means(self, rows, name, base, measure):
        """The mean in each round, the base taken from the same round."""
        means = []
        for number in range(min(len(self.values(r, name, measure)) for r in rows)):
            ratios = []
            for row in rows:
                ratios.append(self.values(row, name, measure)[number] / self.values(row, base, measure)[number])
            means.append(geometric_mean(ratios))
        return means

    def failures(self, names=None):
        """Lines about what failed, in the order of the rows."""
        order = {r.name: i for i, r in enumerate(self.rows)}
        found = sorted((order[row], self.names.index(name), f"{row} under {name}"
                        + ("" if phase == TIMED else f" ({phase})") + f": {why}")
                       for (row, name, phase), why in self.reasons.items() if names is None or name in names)
        return [line for _, _, line in found]


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))
