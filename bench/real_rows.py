"""The real programs: each row runs one on generated input and times user + system."""
import os
import shutil
import subprocess
import sys
import time

from measuring import Failure, clean_environment, end_group

HERE = os.path.dirname(os.path.abspath(__file__))
REDIS_START_SECONDS = 10
REDIS_ANSWER_SECONDS = 20


class RealRow:
    """A program run from start to end."""

    kind = "real"

    def __init__(self, name, argv, stdin=None, env=None):
        self.name = name
        self.argv = argv
        self.stdin = stdin
        self.env = env or {}

    def run(self, measure, library):
        return measure.run(self.argv, library, stdin=self.stdin, env=clean_environment(**self.env))[0]


class GitRow(RealRow):
    """git gc changes its repository, so each run gets a fresh copy."""

    def __init__(self, repository, scratch):
        self.source = repository
        self.copy = os.path.join(scratch, "copy.git")
        super().__init__("git gc", ["git", "-C", self.copy, "-c", "pack.threads=1", "gc", "--quiet", "--prune=now"])

    def run(self, measure, library):
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.source, self.copy)
        return super().run(measure, library)


class RedisRow:
    """redis-server under the allocator, driven by redis-benchmark over a unix socket.

    Debian's redis-server links jemalloc; preloading libc.so.6 makes glibc its baseline.
    Only the server is measured.
    """

    kind = "real"
    name = "redis"

    def __init__(self, scratch, requests):
        self.socket = os.path.join(scratch, "redis.sock")
        self.requests = requests

    def drive(self, server):
        deadline = time.monotonic() + REDIS_START_SECONDS
        while subprocess.run(["redis-cli", "-s", self.socket, "ping"], capture_output=True, check=False,
                             timeout=REDIS_ANSWER_SECONDS).returncode:
            if server.poll() is not None or time.monotonic() > deadline:
                return
            time.sleep(0.02)
        for tests, keys in (("set,get,lpush,lpop", 1000), ("set,hset,sadd,zadd", 100000)):
            subprocess.run(["redis-benchmark", "-s", self.socket, "-q", "-n", str(self.requests), "-r", str(keys),
                            "-d", "100", "-P", "16", "-c", "20", "-t", tests],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60)
        subprocess.run(["redis-cli", "-s", self.socket, "shutdown", "nosave"], capture_output=True, check=False,
                       timeout=REDIS_ANSWER_SECONDS)

    def run(self, measure, library):
        argv = ["redis-server", "--save", "", "--appendonly", "no", "--port", "0", "--unixsocket", self.socket,
                "--daemonize", "no", "--dir", os.path.dirname(self.socket)]
        server = subprocess.Popen(measure.command(argv, library or "libc.so.6"), env=clean_environment(),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            self.drive(server)
            errors = server.communicate(timeout=10)[1]
        except subprocess.TimeoutExpired:
            raise Failure("the server did not answer") from None
        finally:
            end_group(server)
        return measure.read(errors)


def system_python():
    """Debian's python3 rather than a wrapper script that stands before it in PATH."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


def real_rows(cxxmap, directory, scale, note):
    """The rows whose programs exist; inputs.generate makes their inputs in `directory`."""
    def path(name):
        return os.path.join(directory, name)

    def script(name):
        return os.path.join(HERE, "programs", name)

    candidates = (  # program, package, row
        ("sqlite3", "sqlite3", RealRow("sqlite3 :memory:", ["sqlite3", ":memory:"], stdin=path("work.sql"))),
        (system_python(), "python3", RealRow("python3", [system_python(), script("work.py"), str(scale)],
                                             env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"})),
        ("gcc", "gcc", RealRow("gcc -O2", ["gcc", "-O2", "-c", path("big.c"), "-o", path("big.o")])),
        ("redis-server", "redis-server", RedisRow(directory, int(100000 * scale))),
        ("perl", "perl", RealRow("perl", ["perl", script("work.pl"), str(scale)], env={"PERL_HASH_SEED": "0"})),
        ("git", "git", GitRow(path("repo.git"), directory)),
        ("sort", "coreutils", RealRow("sort", ["sort", "-o", path("sorted.txt"), path("lines.txt")])),
        ("node", "nodejs", RealRow("node", ["node", script("work.js"), str(scale)])),
        (cxxmap, None, RealRow("c++ maps", [cxxmap, str(scale)])),
    )
    rows = []
    for program, package, row in candidates:
        if shutil.which(program):
            rows.append(row)
        else:
            note(f"{row.name}: {program} is missing; left out"
                 + (f" (apt install {package})" if package else " (build it)"))
    return rows
