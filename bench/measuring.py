"""Runs one command under one allocator through the program `measure`."""
import os
import signal
import subprocess

TIMEOUT = 120  # seconds; a run that takes longer has failed


class Failure(Exception):
    """The command did not do its work; the text says why."""


class Figures:
    """What one run cost: seconds (or nanoseconds an operation), faults, peak RSS in KiB."""

    def __init__(self, time, faults, peak):
        self.time = time
        self.faults = faults
        self.peak = peak


def clean_environment(**more):
    """The caller's environment without anything that steers a malloc."""
    env = {k: v for k, v in os.environ.items()
           if k != "LD_PRELOAD" and not k.startswith(("MALLOC_", "MMSIM_", "MIMALLOC_", "TCMALLOC_", "GLIBC_TUNABLES"))}
    env.update(LC_ALL="C", GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")
    env.update(more)
    return env


def describe(status, errors):
    lines = [line for line in errors.strip().splitlines() if line.strip()]
    how = f"signal {status - 128}, {signal.strsignal(status - 128)}" if status > 128 else f"exit status {status}"
    return how + (": " + lines[-1][:160] if lines else "")


def end_group(process):
    """Ends a run that is still going: a timeout, or the user's interrupt."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


class Measure:
    """Holds the path of `measure`, a scratch directory, and the simulated machine of what it runs."""

    def __init__(self, program, scratch, machine=None):
        self.program = program
        self.scratch = scratch
        self.machine = machine

    def command(self, argv, library, stdin=None, keep_output=False):
        figures = os.path.join(self.scratch, "figures")
        if os.path.exists(figures):
            os.unlink(figures)
        options = ["-o", figures]
        if library:
            options += ["-p", library]
        if self.machine:
            options += ["-m", self.machine]
        if stdin:
            options += ["-i", stdin]
        if keep_output:
            options += ["-k"]
        return [self.program] + options + argv

    def read(self, errors):
        """The Figures of the run that just ended: CPU seconds, faults, peak."""
        try:
            with open(os.path.join(self.scratch, "figures"), encoding="ascii") as f:
                fields = f.read().split()
        except OSError:
            raise Failure(errors.strip() or "no figures") from None
        if int(fields[0]):
            raise Failure(describe(int(fields[0]), errors))
        return Figures(float(fields[1]) + float(fields[2]), int(fields[4]) + int(fields[5]), int(fields[6]))

    def run(self, argv, library, stdin=None, want_output=False, env=None):
        """Runs to the end; returns its Figures and its standard output."""
        process = subprocess.Popen(self.command(argv, library, stdin, want_output), env=env or clean_environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            output, errors = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Failure(f"not done after {TIMEOUT} s") from None
        finally:
            end_group(process)
        return self.read(errors), output
