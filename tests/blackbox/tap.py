"""TAP for the test scripts, and what they share.

@case makes a function a test case; main() runs them all, or those named as
arguments, each in a directory of its own that is removed afterwards.  A case
fails by raising, mostly through check(); skip() ends one that cannot be run
here.  Programs run with a clean
environment; run() preloads the library unless told not to.

MMSIM_LIB is the library, .libs/libmmsim.so unless given; "none" runs the
cases on libc's malloc.  CC and CXX build the helper programs.
"""

import atexit
import functools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
HELPERS = os.path.join(HERE, "helpers")
CASES = []
UNSET = (
    "GLIBC_TUNABLES", "MALLOC_CHECK_", "MALLOC_TOP_PAD_", "MALLOC_PERTURB_",
    "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_",
    "MALLOC_ARENA_MAX", "MALLOC_ARENA_TEST", "MMSIM_STATS", "LD_PRELOAD",
    "LIBRARY_PATH", "PYTHONMALLOC",
)


class Failed(Exception):
    """A check that did not hold."""


class Skipped(Exception):
    """What a case needs is not to be had here."""


def case(function):
    CASES.append(function)
    return function


def check(condition, message):
    if not condition:
        raise Failed(message)


def skip(why):
    raise Skipped(why)


def long_run():
    return os.environ.get("MMSIM_LONG", "0") not in ("", "0")


def library():
    """The path of the library under test, or None for libc's malloc."""
    path = os.environ.get("MMSIM_LIB", ".libs/libmmsim.so")
    if path == "none":
        return None
    if not os.path.exists(path):
        print("Bail out! no libmmsim.so: set MMSIM_LIB to its path")
        sys.exit(99)
    return os.path.realpath(path)


LIBRARY = library()

# A shell starts background jobs with SIGINT ignored, which the programs would
# inherit and some of their own tests do not expect.
signal.signal(signal.SIGINT, signal.default_int_handler)


def environment(preload=True, **more):
    """A clean environment, with `more` variables; None removes one."""
    env = {k: v for k, v in os.environ.items() if k not in UNSET}
    env["LC_ALL"] = "C.UTF-8"
    if preload is True and LIBRARY:
        env["LD_PRELOAD"] = LIBRARY
    elif isinstance(preload, str):
        env["LD_PRELOAD"] = preload
    for name, value in more.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return env


def run(command, preload=True, timeout=120, env=None, **options):
    """Runs a command and returns it with its output as text.

    It has a session of its own, and nothing of that outlives the timeout.
    """
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    with subprocess.Popen(
            command, encoding="utf-8", errors="replace",
            start_new_session=True, env=environment(preload, **(env or {})),
            **options) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(command, process.returncode, out,
                                           err)


def succeed(command, **options):
    """run(), and the command has to end well."""
    done = run(command, **options)
    check(done.returncode == 0,
          f"{shlex.join(command)}: status {done.returncode}\n{done.stderr}")
    return done


@functools.lru_cache(maxsize=None)
def build_place():
    """Where helper programs are built; it goes away with this process."""
    place = tempfile.mkdtemp(prefix="mmsim-build-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


@functools.lru_cache(maxsize=None)
def build(output, *arguments, language="c"):
    """Compiles helper sources once; the compiler runs on libc's malloc.

    Arguments that name a file of the helpers' directory are sources, the
    others are flags.
    """
    name, default = ("CXX", "c++") if language == "c++" else ("CC", "cc")
    compiler = shlex.split(os.environ.get(name, default))
    paths = [os.path.join(HELPERS, a) for a in arguments]
    paths = [p if os.path.exists(p) else a for p, a in zip(paths, arguments)]
    output = os.path.join(build_place(), output)
    succeed(compiler + ["-O1", "-g", "-fno-builtin", "-o", output, *paths],
            preload=False)
    return output


def run_case(function):
    home = os.getcwd()
    place = tempfile.mkdtemp(prefix="mmsim-test-")
    try:
        os.chdir(place)
        function()
        return None
    except Skipped:
        raise
    except Failed as failure:
        return str(failure)
    except subprocess.TimeoutExpired as late:
        return str(late)
    except Exception:  # any other end of a case is a failure as well
        return traceback.format_exc()
    finally:
        os.chdir(home)
        shutil.rmtree(place, ignore_errors=True)


def main():
    names = sys.argv[1:]
    if names and names[0] == "--long":
        os.environ["MMSIM_LONG"] = "1"
        names = names[1:]
    chosen = [c for c in CASES if not names or c.__name__ in names]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for number, function in enumerate(chosen, 1):
        directive = ""
        try:
            why = run_case(function)
        except Skipped as skipped:
            why = None
            directive = " # SKIP " + " ".join(str(skipped).split())
        for line in (why or "").splitlines():
            print("#", line)
        failed += why is not None
        verdict = "ok" if why is None else "not ok"
        print(f"{verdict} {number} - {function.__name__}{directive}",
              flush=True)
    sys.exit(1 if failed else 0)
