#!/usr/bin/env python3
"""programs.py: real programs on mmsim.

Each program runs twice, with the library preloaded and without, on the same
input, and has to give the same output and the same exit status.  That the
library really is its malloc is seen from MMSIM_STATS=1: the process prints its
statistics when it ends, and there is memory in use in them.  Where that would
disturb the program, the dynamic linker tells where its malloc comes from.  A
program that is missing fails its case, and the case names the Debian package.
"""

import glob
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "blackbox"))
from tap import (  # noqa: E402
    LIBRARY, build, case, check, environment, long_run, main, succeed)
from large_c import large_c_file  # noqa: E402

SCALE = 4 if long_run() else 1


def program(name, package):
    path = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin")
    check(path, f"{name} is missing: install the Debian package {package}")
    return path


def script(name):
    return os.path.join(HERE, name)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def in_use(stats):
    """Whether malloc_stats was printed, with memory that was allocated."""
    found = re.findall(r"^(?:in use|cached) bytes *= *(\d+)", stats, re.M)
    return any(int(n) > 0 for n in found)


def bound(command, **options):
    """Checks with LD_DEBUG that the command's malloc is the library's."""
    env = {**options.pop("env", {}), "LD_DEBUG": "bindings",
           "LD_DEBUG_OUTPUT": os.path.abspath("bound")}
    succeed(command, env=env, **options)
    text = ""
    for name in glob.glob("bound.*"):
        with open(name, encoding="utf-8", errors="replace") as f:
            text += f.read()
        os.unlink(name)
    if LIBRARY:
        check(re.search(r"binding file \S+ \[0\] to " + re.escape(LIBRARY) +
                        r" \[0\]: normal symbol `malloc'", text),
              f"{command[0]}: malloc is not the library's")


def same(command, files=(), clean=None, env=None, stats=True, **options):
    """Runs the command on both; output, status and files have to agree."""
    seen = []
    for preload in (False, True):
        if clean:
            clean()
        more = {"MMSIM_STATS": "1"} if preload and stats else {}
        done = succeed(command, preload=preload, env={**(env or {}), **more},
                       **options)
        seen.append([done.stdout] + [digest(f) for f in files])
        if preload and stats and LIBRARY:
            check(in_use(done.stderr),
                  f"no statistics on standard error: {done.stderr[-2000:]}")
    check(seen[0] == seen[1], "the output differs:\n"
          f"{seen[0][0][-1500:]}\n--- with the library:\n{seen[1][0][-1500:]}")
    return seen[0][0]


@case
def bash():
    out = same([program("bash", "bash"), script("work.bash"),
                str(3000 * SCALE)])
    check("done" in out, out)


@case
def coreutils_sort():
    sort = program("sort", "coreutils")
    rng = random.Random(1)
    with open("lines", "w", encoding="ascii") as f:
        for _ in range(600000 * SCALE):
            f.write(f"{rng.getrandbits(60):x} {'x' * rng.randrange(20)}\n")
    bound([sort, "lines", "-o", "sorted"])
    for options in (["--parallel=2"], ["-r", "-k2", "-S", "8M"], ["-n", "-u"]):
        # sort closes standard error before libraries have their end.
        same([sort, *options, "-o", "sorted", "lines"], files=["sorted"],
             stats=False)
        check(os.path.getsize("sorted") > 1000, "nothing was sorted")


@case
def python3():
    # Debian's own: another python may come without the test modules.
    python = "/usr/bin/python3"
    check(os.path.exists(python), "install the Debian package python3")
    names = ["dict", "list", "re", "json", "threading"]
    for name in names:
        check(glob.glob(f"/usr/lib/python3*/test/test_{name}*"),
              f"test_{name} is missing: install the Debian package "
              "libpython3.11-testsuite")
    bound([python, "-c", "import json"], env={"PYTHONMALLOC": "malloc"})
    for name in names:
        counts = []
        for preload in (False, True):
            done = succeed([python, "-m", "unittest", f"test.test_{name}"],
                           preload=preload, timeout=200,
                           env={"PYTHONMALLOC": "malloc"})
            ran = re.search(r"^Ran (\d+) tests? in", done.stderr, re.M)
            verdict = re.search(r"^OK.*$", done.stderr, re.M)
            check(ran and int(ran.group(1)) > 10 and verdict,
                  done.stderr[-2000:])
            counts.append((ran.group(1), verdict.group()))
        check(counts[0] == counts[1], f"test_{name}: {counts}")


@case
def python3_script():
    python = "/usr/bin/python3"
    check(os.path.exists(python), "install the Debian package python3")
    same([python, script("work.py"), str(60000 * SCALE)],
         env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "1"})


@case
def perl():
    same([program("perl", "perl"), script("work.pl"), str(60000 * SCALE)],
         env={"PERL_HASH_SEED": "0"})


def git_history(commits):
    """A stream for git fast-import: many files, changed many times."""
    rng = random.Random(2)
    parts = []
    for n in range(1, commits + 1):
        message = f"commit {n}"
        parts.append(f"commit refs/heads/main\nmark :{n}\n"
                     f"committer A U Thor <a@example.org> {1600000000 + n} "
                     f"+0000\ndata {len(message)}\n{message}\n")
        if n > 1:
            parts.append(f"from :{n - 1}\n")
        for _ in range(5):
            name = f"dir{rng.randrange(20)}/file{rng.randrange(40)}"
            text = "\n".join(f"line {rng.randrange(1000)}"
                             for _ in range(rng.randrange(10, 300)))
            parts.append(f"M 100644 inline {name}\n"
                         f"data {len(text)}\n{text}\n")
    return "".join(parts)


@case
def git():
    tool = program("git", "git")
    write("history", git_history(400 * SCALE))
    write("work.sh", f"""set -eu
        export GIT_CONFIG_NOSYSTEM=1 HOME=$PWD
        rm -rf first second
        '{tool}' init -q -b main first
        '{tool}' -C first fast-import --quiet < history
        '{tool}' -C first reset -q --hard main
        '{tool}' clone -q --no-local first second
        '{tool}' -C second gc -q --aggressive --prune=now
        '{tool}' -C second fsck --full --strict
        '{tool}' -C second log --stat | sha256sum
        '{tool}' -C second rev-list --objects --all | sort | sha256sum
        '{tool}' -C second count-objects -v | grep -v size
        """)
    out = same(["/bin/sh", "work.sh"])
    check("in-pack" in out, out)


@case
def gcc():
    write("large.c", large_c_file(300 * SCALE))
    same([program("gcc", "gcc"), "-O2", "-g", "-frandom-seed=1", "-c",
          "large.c", "-o", "large.o"], files=["large.o"], timeout=300)
    check(os.path.getsize("large.o") > 100000, "the object file is small")


@case
def sqlite3():
    rows = 20000 * SCALE
    write("work.sql", f"""
        CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, value REAL);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
            WHERE i < {rows})
        INSERT INTO t SELECT i, 'name ' || (i * 7919 % 10007),
            i * 1.5 FROM n;
        CREATE INDEX by_name ON t (name);
        SELECT count(*), sum(value), max(name) FROM t;
        SELECT name, count(*) AS c, group_concat(id) FROM t GROUP BY name
            ORDER BY c DESC, name LIMIT 50;
        UPDATE t SET name = upper(name) || id WHERE id % 3 = 0;
        DELETE FROM t WHERE id % 5 = 0;
        SELECT count(*), sum(length(name)) FROM t;
        SELECT a.id, b.id FROM t a JOIN t b ON a.name = b.name
            AND a.id < b.id ORDER BY 1, 2 LIMIT 100;
        VACUUM;
        PRAGMA integrity_check;
        """)
    tool = program("sqlite3", "sqlite3")
    for database in (":memory:", "file.db"):
        out = same([tool, "-batch", database, ".read work.sql"],
                   clean=lambda: os.path.exists("file.db")
                   and os.unlink("file.db"))
        check(out.rstrip().endswith("ok"), out[-500:])


def c_library():
    """The libc.so.6 that programs here are linked with."""
    text = succeed(["ldd", "/bin/sh"], preload=False).stdout
    return re.search(r"libc\.so\.6 => (\S+)", text).group(1)


class Redis:
    """A server on a unix socket in the current directory."""

    def __init__(self, preload, server, client):
        self.client = client
        self.socket = os.path.abspath("redis.sock")
        self.log = open("redis.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [server, "--save", "", "--port", "0", "--unixsocket",
             self.socket], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self.log, env=environment(preload, MMSIM_STATS="1"))

    def call(self, *words):
        return succeed([self.client, "-s", self.socket, *words],
                       preload=False).stdout

    def wait_until_up(self):
        for _ in range(400):
            if self.process.poll() is not None:
                break
            if os.path.exists(self.socket) and self.call("ping") == "PONG\n":
                return
            time.sleep(0.05)
        check(False, "redis-server does not answer")

    def maps(self):
        with open(f"/proc/{self.process.pid}/maps", encoding="utf-8") as f:
            return f.read()

    def stop(self):
        self.call("shutdown", "nosave")
        status = self.process.wait(timeout=30)
        self.log.seek(0)
        return status, self.log.read()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


def redis_session(preload):
    server = program("redis-server", "redis-server")
    client = program("redis-cli", "redis-tools")
    benchmark = program("redis-benchmark", "redis-tools")
    redis = Redis(preload, server, client)
    try:
        redis.wait_until_up()
        if preload is True and LIBRARY:
            check(LIBRARY in redis.maps(), "the library is not mapped")
        done = succeed([benchmark, "-s", redis.socket, "-q", "-n",
                        str(20000 * SCALE), "-r", "5000", "-d", "200", "-t",
                        "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100"],
                       preload=preload, env={"MMSIM_STATS": "0"})
        tests = re.findall(r"([A-Z_]+)[^:\r\n]*: [\d.]+ requests per second",
                           done.stdout)
        redis.call("flushall")
        for n in range(50):
            redis.call("rpush", f"list{n % 7}", *[f"v{n}.{k}" * 20
                                                  for k in range(50)])
        answer = [redis.call("lrange", f"list{n}", "0", "-1")
                  for n in range(7)]
        answer.append(redis.call("eval", "local s = 0 for i = 1, 100000 do "
                                 "s = s + #tostring(i) end return s", "0"))
        status, log = redis.stop()
        check(status == 0, f"redis-server ended with {status}\n{log}")
        if preload is True and LIBRARY:
            check(in_use(log), f"no statistics: {log[-2000:]}")
        return sorted(set(tests)), answer
    finally:
        redis.end()


@case
def redis():
    # Debian's server is linked with jemalloc: libc's malloc has to be
    # preloaded as well to compare with.
    plain = redis_session(c_library())
    check(len(plain[0]) >= 9, f"tests that ran: {plain[0]}")
    check(plain == redis_session(True), "the answers differ")


@case
def node():
    same([program("node", "nodejs"), script("work.js"), str(60000 * SCALE)],
         timeout=200)


@case
def cxx_with_threads():
    tool = build("work_cxx", script("work.cc"), "-std=c++17", "-O2",
                 "-pthread", language="c++")
    same([tool, str(20000 * SCALE)])


if __name__ == "__main__":
    main()
