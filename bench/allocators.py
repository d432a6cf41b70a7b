"""The allocators to compare: where each library is and which package brings it."""
import os
import subprocess

PEERS = (  # name, library, Debian package
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
)


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
        for line in listing.splitlines():
            if line.split() and line.split()[0] == soname:
                return line.split()[-1]
    return None


def choose(mmsim, extra, wanted, note):
    """mmsim, glibc, the peers and more libraries, as far as they exist and are wanted."""
    found = []
    if os.path.exists(mmsim):
        found.append(Allocator("mmsim", os.path.abspath(mmsim)))
    elif not wanted or "mmsim" in wanted:
        note(f"mmsim: {mmsim} does not exist (build it, or say --mmsim PATH); left out")
    found.append(Allocator("glibc", None))
    for name, soname, package in PEERS:
        library = find_library(soname)
        if library:
            found.append(Allocator(name, library))
        elif not wanted or name in wanted:
            note(f"{name}: {soname} is missing; left out (apt install {package})")
    for path in extra:
        name = os.path.basename(path).split(".so")[0].removeprefix("lib")
        if not os.path.exists(path):
            note(f"{path} does not exist; left out")
        else:
            found.append(Allocator(name, os.path.abspath(path)))
    if wanted:
        for name in wanted:
            if name not in [a.name for a in found] and name not in [p[0] for p in PEERS] + ["mmsim"]:
                note(f"{name}: no such allocator")
        found = [a for a in found if a.name in wanted or a.name == "glibc"]
    return found
