"""Counts the instructions of a whole program, its children too, with valgrind's callgrind."""
import glob
import os
import re
import shutil
import tempfile

from measuring import Failure, clean_environment, describe, run_apart

COUNT_SECONDS = 180
PACKAGE = "valgrind"


def is_there():
    return shutil.which("valgrind") is not None


def total(path):
    """The figure of one process's file."""
    with open(path, encoding="utf-8", errors="replace") as f:
        found = re.search(r"^(?:totals|summary): (\d+)", f.read(), re.M)
    return int(found[1]) if found else 0


def count(row, library, scratch):
    """The instructions of one run of row.counted."""
    row.prepare()
    env = clean_environment(**row.env, **({"LD_PRELOAD": library} if library else {}))
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        argv = ["valgrind", "--tool=callgrind", f"--trace-children={row.counts_children}", f"--callgrind-out-file={directory}/out.%p",
                f"--log-file={directory}/log.%p", *row.counted]
        status, _, errors = run_apart(argv, COUNT_SECONDS, env, row.stdin or os.devnull)
        if status:
            raise Failure(describe(status, errors))
        instructions = sum(total(path) for path in glob.glob(os.path.join(directory, "out.*")))
    if not instructions:
        raise Failure("callgrind wrote no total")
    return instructions
