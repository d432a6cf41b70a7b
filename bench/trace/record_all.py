#!/usr/bin/env python3
"""record_all.py: records the programs of bench/traces anew.

    record_all.py [--bin DIR] [--out DIR] [NAME...]

DIR of --bin has the recorder and tracetool (default: bench of a build in the
source directory), that of --out gets NAME.trace (default: bench/traces).  The
names are gcc, git, python3, redis and sqlite3; all of them unless some are
named.  Inputs come from bench/inputs.py.  Where a program starts others, the
process that allocated most is kept: cc1 of gcc, pack-objects of git gc.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.dirname(HERE)
sys.path.insert(0, BENCH)
import inputs  # noqa: E402

EVENTS = 8000000  # more than any of them has
REDIS_START_SECONDS = 10


def environment(**more):
    """What every program gets, recorded or not."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR")}
    return dict(kept, LC_ALL="C", GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", **more)


def recorded(recorder, place, **more):
    """The environment of a program that is recorded into the directory `place`."""
    return environment(LD_PRELOAD=recorder, MMSIM_RECORD=os.path.join(place, "raw.%p"),
                       MMSIM_RECORD_EVENTS=str(EVENTS), **more)


def record_gcc(recorder, place):
    source = os.path.join(place, "big.c")
    inputs.write_c(source, 0.3)
    subprocess.run(["gcc", "-O2", "-c", source, "-o", os.path.join(place, "big.o")], check=True,
                   env=recorded(recorder, place))


def record_git(recorder, place):
    repository = os.path.join(place, "repo.git")
    inputs.write_repository(repository, 1.5)
    subprocess.run(["git", "-C", repository, "-c", "pack.threads=1", "gc", "--quiet", "--prune=now"], check=True,
                   env=recorded(recorder, place))


def record_python3(recorder, place):
    subprocess.run(["/usr/bin/python3", os.path.join(BENCH, "programs", "work.py"), "0.3", "1"], check=True,
                   stdout=subprocess.DEVNULL, env=recorded(recorder, place, PYTHONMALLOC="malloc", PYTHONHASHSEED="0"))


def record_sqlite3(recorder, place):
    script = os.path.join(place, "work.sql")
    inputs.write_sql(script, 0.6)
    with open(script, "rb") as f:
        subprocess.run(["sqlite3", ":memory:"], check=True, stdin=f, stdout=subprocess.DEVNULL,
                       env=recorded(recorder, place))


def answers(socket):
    return subprocess.run(["redis-cli", "-s", socket, "ping"], capture_output=True, check=False,
                          env=environment()).returncode == 0


def record_redis(recorder, place):
    """The server under mixed commands, first on few keys, then on many."""
    socket = os.path.join(place, "redis.sock")
    with subprocess.Popen(["redis-server", "--save", "", "--appendonly", "no", "--port", "0", "--unixsocket", socket,
                           "--daemonize", "no", "--dir", place], stdout=subprocess.DEVNULL,
                          env=recorded(recorder, place)) as server:
        deadline = time.monotonic() + REDIS_START_SECONDS
        while not answers(socket):
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                sys.exit("record_all.py: redis-server does not answer")
            time.sleep(0.02)
        for tests, keys in (("set,get,lpush,lpop", 1000), ("set,hset,sadd,zadd", 100000)):
            subprocess.run(["redis-benchmark", "-s", socket, "-q", "-n", "20000", "-r", str(keys), "-d", "100",
                            "-P", "16", "-c", "20", "-t", tests], stdout=subprocess.DEVNULL, check=True,
                           env=environment())
        subprocess.run(["redis-cli", "-s", socket, "shutdown", "nosave"], check=True, env=environment())
        if server.wait():
            sys.exit("record_all.py: redis-server ended badly")


PROGRAMS = {  # name: the program, its Debian package, how it is recorded
    "gcc": ("gcc", "gcc", record_gcc),
    "git": ("git", "git", record_git),
    "python3": ("/usr/bin/python3", "python3", record_python3),
    "redis": ("redis-benchmark", "redis-server and redis-tools", record_redis),
    "sqlite3": ("sqlite3", "sqlite3", record_sqlite3),
}


def pack(tool, place, name, out):
    """Packs every recording in `place` and keeps the longest."""
    best = None
    for raw in sorted(f for f in os.listdir(place) if f.startswith("raw.")):
        trace = os.path.join(place, f"{raw}.trace")
        said = subprocess.run([tool, "pack", os.path.join(place, raw), trace], check=True, capture_output=True,
                              text=True).stdout
        operations = int(said.rsplit(": ", 1)[1].split()[0])
        if best is None or operations > best[0]:
            best = (operations, trace)
    if best is None:
        sys.exit(f"record_all.py: {name} left no recording")
    kept = os.path.join(out, f"{name}.trace")
    shutil.copyfile(best[1], kept)
    subprocess.run([tool, "info", kept], check=True)


def options():
    parser = argparse.ArgumentParser(description="Records the programs of bench/traces anew.")
    parser.add_argument("--bin", default=BENCH, metavar="DIR", help="where tracetool and .libs/libmmsim-record.so are")
    parser.add_argument("--out", default=os.path.join(BENCH, "traces"), metavar="DIR", help="gets NAME.trace")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(sorted(PROGRAMS))}; default: all")
    chosen = parser.parse_args()
    for name in chosen.names:
        if name not in PROGRAMS:
            parser.error(f"there is no program '{name}'; allowed are {', '.join(sorted(PROGRAMS))}")
    return chosen


def main():
    chosen = options()
    tool = os.path.abspath(os.path.join(chosen.bin, "tracetool"))
    recorder = os.path.abspath(os.path.join(chosen.bin, ".libs", "libmmsim-record.so"))
    for path in (tool, recorder):
        if not os.path.exists(path):
            sys.exit(f"record_all.py: {path} is missing: make bench/tracetool bench/libmmsim-record.la, or --bin DIR")
    os.makedirs(chosen.out, exist_ok=True)
    for name in chosen.names or sorted(PROGRAMS):
        program, package, record = PROGRAMS[name]
        if not shutil.which(program):
            sys.exit(f"record_all.py: {program} is missing (Debian: {package})")
        with tempfile.TemporaryDirectory(prefix="mmsim-record-") as place:
            record(recorder, place)
            pack(tool, place, name, chosen.out)


if __name__ == "__main__":
    main()
