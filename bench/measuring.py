"""Runs one command under one allocator through the program `measure`."""
import contextlib
import itertools
import os
import signal
import subprocess

TIMEOUT = 120  # seconds; a run that takes longer has failed


class Failure(Exception):
    """The command did not do its work; the text says why."""


class Figures:
    """What one run cost; None where a row does not measure it.

    `time` is what the row compares: seconds, or nanoseconds an operation.
    """

    def __init__(self, time=None, wall=None, faults=None, peak=None):
        self.time = time
        self.wall = wall             # seconds
        self.faults = faults         # minor and major
        self.peak = peak             # the largest RSS, KiB
        self.end = None              # RSS when everything was just freed, KiB
        self.pause = None            # RSS after a pause, KiB
        self.pause_peak = None       # the largest RSS of the run that paused, KiB
        self.base = None             # RSS of the same program before its work, KiB
        self.ops = None              # operations done
        self.instructions = None     # of the whole process
        self.output = None           # what all allocators must agree on


def clean_environment(**more):
    """The caller's environment without anything that steers a malloc."""
    env = {k: v for k, v in os.environ.items()
           if k != "LD_PRELOAD" and not k.startswith(("MALLOC_", "MMSIM_", "MIMALLOC_", "TCMALLOC_", "GLIBC_TUNABLES"))}
    env.update(LC_ALL="C", GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")
    env.update(more)
    return env


def built_name(program):
    """A built program as it is called in the build directory, bench/NAME: pages of results have no place of a machine."""
    return os.path.join(os.path.basename(os.path.dirname(program)), os.path.basename(program))


def describe(status, errors):
    lines = [line for line in errors.strip().splitlines() if line.strip()]
    how = f"signal {status - 128}, {signal.strsignal(status - 128)}" if status > 128 else f"exit status {status}"
    return how + (": " + lines[-1][:160] if lines else "")


class Live:
    """The processes that are running, each the leader of a group, so that an interrupt can end them."""

    processes = set()
    ended = False


def start_apart(argv, env, stdin=subprocess.DEVNULL):
    if Live.ended:
        raise Failure("ended by a signal")
    process = subprocess.Popen(argv, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               errors="replace", start_new_session=True)
    Live.processes.add(process)
    return process


def end_group(process):
    """Ends a run that is still going: a timeout, or the user's interrupt."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    Live.processes.discard(process)


def end_all():
    """Ends what runs, in whichever thread, and lets nothing start."""
    Live.ended = True
    for process in list(Live.processes):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(process, timeout):
    """(status as a shell has it, output, errors); the group ends with it."""
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failure(f"not done after {timeout} s") from None
    finally:
        end_group(process)
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return status, output, errors


def run_apart(argv, timeout, env, stdin=os.devnull):
    with open(stdin, "rb") as f:
        return wait_for(start_apart(argv, env, f), timeout)


class Run:
    """One command on its way, and the file that gets its figures."""

    def __init__(self, argv, figures, env):
        self.figures = figures
        self.process = start_apart(argv, env)

    def end(self):
        end_group(self.process)

    def finish(self, timeout):
        """Waits for the end; its Figures and its standard output."""
        _, output, errors = wait_for(self.process, timeout)
        try:
            with open(self.figures, encoding="ascii") as f:
                status, user, system, wall, minor, major, peak = f.read().split()
            os.unlink(self.figures)
        except (OSError, ValueError):
            raise Failure(errors.strip() or "no figures") from None
        if int(status):
            raise Failure(describe(int(status), errors))
        return Figures(float(user) + float(system), float(wall), int(minor) + int(major), int(peak)), output


class Measure:
    """Holds the path of `measure`, a scratch directory, the simulated machine of what it runs, and how long it may."""

    def __init__(self, program, scratch, machine=None, timeout=TIMEOUT):
        self.program = program
        self.scratch = scratch
        self.machine = machine
        self.timeout = timeout
        self.numbers = itertools.count()

    def start(self, argv, library, stdin=None, want_output=False, env=None):
        """Starts a command; the caller finishes or ends the Run."""
        figures = os.path.join(self.scratch, f"figures.{id(self)}.{next(self.numbers)}")
        options = ["-o", figures]
        if library:
            options += ["-p", library]
        if self.machine:
            options += ["-m", self.machine]
        if stdin:
            options += ["-i", stdin]
        if want_output:
            options += ["-k"]
        return Run([self.program] + options + argv, figures, env or clean_environment())

    def run(self, argv, library, stdin=None, want_output=False, env=None, pauses=0):
        """Runs to the end, of which it may sleep some seconds; returns its Figures and its standard output."""
        return self.start(argv, library, stdin, want_output, env).finish(self.timeout + pauses)
