"""The real programs: each row runs one on generated input and times user + system."""
import hashlib
import os
import shutil
import subprocess
import sys
import time

import tables
from measuring import Failure, built_name, clean_environment

HERE = os.path.dirname(os.path.abspath(__file__))
REDIS_START_SECONDS = 10
REDIS_ANSWER_SECONDS = 20
REDIS_DRIVE_SECONDS = 60
END_SECONDS = 5     # from the end of a server to its figures
PAUSE_SECONDS = 2


def digest(data):
    return hashlib.sha256(data).hexdigest()[:12]


class RealRow:
    """A program run from start to end.  What it prints, or the file it makes, must always be the same."""

    kind = "real"
    threads = None
    time_text = staticmethod(tables.seconds)
    has_pause = False  # it ends by itself, and its memory with it
    counts_children = "yes"  # gcc's parts and git's are programs of their own

    def __init__(self, name, argv, stdin=None, env=None, result=None, counted=True):
        self.name = name
        self.argv = argv
        self.stdin = stdin
        self.env = env or {}
        self.result = result
        self.counted = argv if counted else None

    def prepare(self):
        """Makes what a run needs afresh."""

    def result_digest(self, output):
        if not self.result:
            return digest(output.encode())
        try:
            with open(self.result, "rb") as f:
                return digest(f.read())
        except OSError as why:
            raise Failure(f"no result: {why.strerror}") from None

    def run(self, measure, library):
        self.prepare()
        figures, output = measure.run(self.argv, library, stdin=self.stdin, want_output=not self.result,
                                      env=clean_environment(**self.env))
        figures.output = self.result_digest(output)
        return figures


class GitRow(RealRow):
    """git gc changes its repository, so each run gets a fresh copy."""

    def __init__(self, repository, scratch):
        self.source = repository
        self.copy = os.path.join(scratch, "copy.git")
        super().__init__("git gc", ["git", "-C", self.copy, "-c", "pack.threads=1", "gc", "--quiet", "--prune=now"],
                         counted=False)  # most would be the starts of its parts

    def prepare(self):
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.source, self.copy)

    def result_digest(self, output):
        """All objects that can still be reached."""
        done = subprocess.run(["git", "-C", self.copy, "rev-list", "--objects", "--all"], capture_output=True,
                              env=clean_environment(), check=False)
        return digest(done.stdout) if done.returncode == 0 else "a damaged repository"


class RedisRow:
    """redis-server under the allocator, driven by redis-benchmark over a unix socket.

    Debian's redis-server links jemalloc; preloading libc.so.6 makes glibc its baseline.
    Only the server is measured.
    """

    kind = "real"
    name = "redis"
    threads = None
    time_text = staticmethod(tables.seconds)
    has_pause = True
    counted = None  # it serves until it is told to end

    def __init__(self, scratch, requests):
        self.socket = os.path.join(scratch, "redis.sock")
        self.requests = requests

    def ask(self, *words):
        """One command to the server; its answer."""
        done = subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, text=True, check=False,
                              timeout=REDIS_ANSWER_SECONDS)
        return done.stdout.strip() if done.returncode == 0 else None

    def start(self, measure, library):
        argv = ["redis-server", "--save", "", "--appendonly", "no", "--port", "0", "--unixsocket", self.socket,
                "--daemonize", "no", "--dir", os.path.dirname(self.socket)]
        return measure.start(argv, library or "libc.so.6")

    def await_start(self, server):
        deadline = time.monotonic() + REDIS_START_SECONDS
        while self.ask("ping") != "PONG":
            if server.process.poll() is not None:
                server.finish(END_SECONDS)  # says how it ended
                raise Failure("the server ended at once")
            if time.monotonic() > deadline:
                raise Failure("the server did not start")
            time.sleep(0.02)

    def load(self, server):
        for tests, keys in (("set,get,lpush,lpop", 1000), ("set,hset,sadd,zadd", 100000)):
            done = subprocess.run(["redis-benchmark", "-s", self.socket, "-q", "-n", str(self.requests), "-r", str(keys),
                                   "-d", "100", "-P", "16", "-c", "20", "-t", tests], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, check=False, timeout=REDIS_DRIVE_SECONDS)
            if server.process.poll() is not None:
                server.finish(END_SECONDS)
            if done.returncode:
                raise Failure(f"redis-benchmark ended with {done.returncode}")

    def rest(self):
        """Drops all data, waits, and calls once: the RSS that is kept."""
        if self.ask("flushall", "sync") != "OK":
            raise Failure("FLUSHALL failed")
        time.sleep(PAUSE_SECONDS)
        if self.ask("ping") != "PONG":
            raise Failure("no answer after the pause")
        return self.resident()

    def resident(self):
        """The server's RSS in KiB."""
        info = dict(line.split(":", 1) for line in (self.ask("info", "server") or "").splitlines() if ":" in line)
        try:
            with open(f"/proc/{int(info['process_id'])}/status", encoding="ascii") as f:
                return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
        except (OSError, LookupError):
            raise Failure("the server is gone") from None

    def serve(self, measure, library, and_rest):
        server = self.start(measure, library)
        try:
            self.await_start(server)
            base = self.resident() if and_rest else None
            self.load(server)
            kept = self.rest() if and_rest else None
            self.ask("shutdown", "nosave")
            figures, _ = server.finish(REDIS_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure("the server did not answer") from None
        finally:
            server.end()
        figures.base, figures.pause = base, kept
        return figures

    def run(self, measure, library):
        return self.serve(measure, library, False)

    def pause(self, measure, library):
        return self.serve(measure, library, True)


def system_python():
    """Debian's python3 rather than a wrapper script that stands before it in PATH."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


def real_rows(cxxmap, directory, scale, note):
    """The rows whose programs exist; inputs.generate makes their inputs in `directory`.

    note(line, name) is told which row is left out, and why.
    """
    def path(name):
        return os.path.join(directory, name)

    def script(name):
        return os.path.join(HERE, "programs", name)

    candidates = (  # program, package, row
        ("sqlite3", "sqlite3", RealRow("sqlite3 :memory:", ["sqlite3", ":memory:"], stdin=path("work.sql"))),
        (system_python(), "python3", RealRow("python3", [system_python(), script("work.py"), str(scale)],
                                             env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"})),
        ("gcc", "gcc", RealRow("gcc -O2", ["gcc", "-O2", "-c", path("big.c"), "-o", path("big.o")], result=path("big.o"))),
        ("redis-server", "redis-server", RedisRow(directory, int(100000 * scale))),
        ("perl", "perl", RealRow("perl", ["perl", script("work.pl"), str(scale)], env={"PERL_HASH_SEED": "0"})),
        ("git", "git", GitRow(path("repo.git"), directory)),
        ("sort", "coreutils", RealRow("sort", ["sort", "-o", path("sorted.txt"), path("lines.txt")],
                                      result=path("sorted.txt"))),
        ("node", "nodejs", RealRow("node", ["node", script("work.js"), str(scale)], counted=False)),  # compiles in threads
        (cxxmap, None, RealRow("c++ maps", [cxxmap, str(scale)])),
    )
    rows = []
    for program, package, row in candidates:
        if not shutil.which(program):
            note(f"{row.name}: {program} is missing; left out (apt install {package})" if package else
                 f"{row.name}: {built_name(program)} is not built; left out", row.name)
        elif row.name == "redis" and not shutil.which("redis-benchmark"):
            note("redis: redis-benchmark is missing; left out (apt install redis-tools)", row.name)
        else:
            rows.append(row)
    return rows
