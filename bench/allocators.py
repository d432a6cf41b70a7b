"""The allocators to compare: where each library is, which package brings it, and whether it takes effect."""
import os
import subprocess

from measuring import clean_environment, describe

PEERS = (  # name, library, Debian package
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
)
KNOWN = ("mmsim", "glibc", *(name for name, _, _ in PEERS))
TRIAL_SECONDS = 20


class Allocator:
    """A name and the library to preload; None runs the program as it is."""

    def __init__(self, name, library):
        self.name = name
        self.library = library


def find_library(soname):
    """The path that the dynamic linker's cache has for a library, or None."""
    for command in ("ldconfig", "/sbin/ldconfig"):
        try:
            listing = subprocess.run([command, "-p"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        found = [line.split()[-1] for line in listing.splitlines() if line.split() and line.split()[0] == soname]
        return found[0] if found else None
    return None


def trouble(library):
    """Why a library cannot take malloc's place, or None.

    The dynamic linker goes on without a library that it cannot preload, so a
    small program is started and the linker asked where its malloc came from.
    """
    env = clean_environment(LD_PRELOAD=library, LD_BIND_NOW="1", LD_DEBUG="bindings")
    try:
        done = subprocess.run(["/bin/cat", "/dev/null"], env=env, capture_output=True, text=True, errors="replace",
                              check=False, timeout=TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"cat under it was not done after {TRIAL_SECONDS} s"
    lines = done.stderr.splitlines()
    ignored = [line for line in lines if line.startswith("ERROR: ld.so:")]
    if ignored:
        return "cannot be preloaded: " + ignored[0].removeprefix("ERROR: ld.so: ")
    if done.returncode:
        status = done.returncode if done.returncode > 0 else 128 - done.returncode
        return "cat under it failed: " + describe(status, "\n".join(line for line in lines if "\tbinding" not in line))
    if not any(f" to {library} [0]: normal symbol `malloc'" in line for line in lines):
        return "does not define malloc"
    return None


def split_name(argument, taken):
    """NAME=PATH or PATH: a name that is not taken, and the path."""
    name, equals, path = argument.partition("=")
    if not name or not equals or "/" in name:
        path = argument.removeprefix("=")
        name = os.path.basename(path).split(".so")[0].removeprefix("lib")
    unique, number = name, 2
    while unique in taken:
        unique = f"{name}-{number}"
        number += 1
    return unique, path


def candidates(mmsim, extra, wanted, note):
    """All that exist, tried or not; [Allocator]."""
    def is_wanted(name):
        return not wanted or name in wanted

    found = []
    if is_wanted("mmsim"):
        if os.path.exists(mmsim):
            found.append(Allocator("mmsim", os.path.abspath(mmsim)))
        else:
            note(f"mmsim: {mmsim} does not exist; left out (build it, or say --mmsim PATH)")
    for name, soname, package in PEERS:
        if is_wanted(name):
            library = find_library(soname)
            if library:
                found.append(Allocator(name, library))
            else:
                note(f"{name}: {soname} is missing; left out (apt install {package})")
    for argument in extra:
        name, path = split_name(argument, [*KNOWN, *(a.name for a in found)])
        if os.path.exists(path):
            found.append(Allocator(name, os.path.abspath(path)))
        else:
            note(f"{name}: {path} does not exist; left out")
    return found


def choose(mmsim, extra, wanted, note):
    """mmsim, glibc, the peers and more libraries, as far as they exist, work and are wanted.

    glibc is always there, and so is every library that was named.
    """
    chosen = []
    for allocator in candidates(mmsim, extra, wanted, note):
        why = trouble(allocator.library)
        if why:
            note(f"{allocator.name}: {allocator.library}: {why}; left out")
        else:
            chosen.append(allocator)
    first = 1 if chosen and chosen[0].name == "mmsim" else 0
    chosen.insert(first, Allocator("glibc", None))
    return chosen
