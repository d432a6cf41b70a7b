"""What run.py and peers.py have in common: options, notes, the way they end."""
import argparse
import os
import re
import shlex
import signal
import sys

import allocators
import measuring
import page

PLACES = ("--mmsim", "--bin", "--csv", "--text", "--reasons")  # options that a page need not tell
MADE = ("--svg", "peers.svg")  # nor this, which make adds
BUSY = 0.5  # of the CPUs: a load above this is told
HERE = os.path.dirname(os.path.abspath(__file__))


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def factor(text):
    number = float(text)
    if not 0 < number <= 100:
        raise ValueError
    return number


def regex(text):
    try:
        return re.compile(text)
    except re.error as why:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {why}") from None


def names(text):
    wanted = [n for n in text.split(",") if n]
    for name in wanted:
        if name not in allocators.KNOWN:
            raise argparse.ArgumentTypeError(f"no allocator {name!r}; there are {', '.join(allocators.KNOWN)} "
                                             "(another library is named by its path)")
    return wanted


def out_file(text):
    """A file that will be written at the end: whether that can be is told before the long work."""
    try:
        with open(text, "a", encoding="utf-8"):
            pass
    except OSError as why:
        raise argparse.ArgumentTypeError(f"cannot write {text}: {why.strerror}") from None
    return text


def page_file(text):
    """A page of results whose sections can be rewritten."""
    out_file(text)
    try:
        page.read(text)
    except ValueError as why:
        raise argparse.ArgumentTypeError(f"{text}: {why}") from None
    return text


positive.__name__, factor.__name__ = "number, 1 or more:", "number above 0, at most 100:"  # for argparse's messages


def parser(description, built, quick):
    p = argparse.ArgumentParser(description=description)
    p.add_argument("libraries", nargs="*", metavar="[NAME=]LIBRARY.so", help="more libraries to preload")
    p.add_argument("--mmsim", default=".libs/libmmsim.so", help="path of libmmsim.so (default: %(default)s)")
    p.add_argument("--bin", default=HERE, metavar="DIR", help=f"where {built} are built")
    p.add_argument("--rows", default=regex(""), type=regex, metavar="REGEX",
                   help="only rows whose name matches, e.g. '^pair|redis'")
    p.add_argument("--rounds", type=positive, metavar="N", help="rounds a row (default 5, quick 3)")
    p.add_argument("--allocators", default=[], type=names, metavar="LIST",
                   help="comma-separated names, e.g. mmsim,glibc,jemalloc; glibc is always there")
    p.add_argument("--quick", action="store_true", help=quick)
    p.add_argument("--markdown", type=page_file, metavar="FILE",
                   help="rewrite the sections of this page that the rows belong to")
    p.add_argument("--list", action="store_true", help="print the names of the rows and end")
    return p


class Session:
    """One call of a program: its options, and what it has to say."""

    def __init__(self, options, make_target):
        self.options = options
        self.program = os.path.basename(sys.argv[0])
        self.make_target = make_target
        self.notes = []
        self.rounds = options.rounds or (3 if options.quick else 5)
        self.scale = 0.2 if options.quick else 1.0

    def note(self, line):
        self.notes.append(line)
        self.tell("note: " + line)

    @staticmethod
    def tell(line):
        print(line, file=sys.stderr, flush=True)

    def give_up(self, why):
        sys.exit(f"{self.program}: {why}")

    def binary(self, name):
        return os.path.join(os.path.abspath(self.options.bin), name)

    def wanted(self, rows):
        return [r for r in rows if self.options.rows.search(r.name)]

    def choose(self):
        """The allocators; mmsim must be among them, unless --allocators leaves it out."""
        wanted = self.options.allocators
        chosen = allocators.choose(self.options.mmsim, self.options.libraries, wanted, self.note)
        if chosen[0].name != "mmsim" and (not wanted or "mmsim" in wanted):
            self.give_up("there is no mmsim to compare; --allocators can leave it out")
        if not os.path.exists(self.binary("measure")):
            self.give_up(f"{self.binary('measure')} is not built (see --bin)")
        load = os.getloadavg()[0]
        if load > BUSY * (os.cpu_count() or 1):
            self.note(f"the machine was busy when this began (load average {load:.1f}): look at the ranges")
        return chosen

    def head(self):
        """The lines of a page's section that say where its figures come from."""
        flags = shlex.join(self.shown_arguments())
        command = f"make {self.make_target}" + (f" BENCH_FLAGS={shlex.quote(flags)}" if flags else "")
        return page.machine_line() + "\n\n" + page.command_line([command])

    def shown_arguments(self):
        """The arguments without places that say nothing of the figures."""
        words, shown = sys.argv[1:], []
        while words:
            place = words[0] in PLACES or tuple(words[:2]) == MADE
            if not place:
                shown.append(words[0])
            words = words[2 if place else 1:]
        return shown


def main(body):
    """An interrupt ends what runs; a plain exit then lets the scratch directory go."""
    def interrupted(number, _):
        measuring.end_all()
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGINT, interrupted)
    sys.exit(body())
