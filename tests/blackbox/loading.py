#!/usr/bin/env python3
"""loading.py: the library as a file, and the ways to load it.

It needs libc only, and it serves programs that are linked with it, that
preload it, in whatever order, that load and unload it with dlopen, and that
allocate before any constructor ran.  A setuid program takes no orders from the
environment.  What it exports is the business of exports.sh.
"""

import os
import pwd
import re
import shutil
import stat
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import LIBRARY, build, case, check, main, skip, succeed  # noqa: E402


def readelf(option):
    return succeed(["readelf", option, "-W", LIBRARY], preload=False).stdout


@case
def needs_libc_only():
    needed = re.findall(r"NEEDED.*\[(.*)\]", readelf("-d"))
    others = [n for n in needed if not re.match(r"(libc|ld-linux.*)\.so", n)]
    check(needed and not others, f"{needed}")


@case
def no_text_relocations_and_no_executable_stack():
    check("TEXTREL" not in readelf("-d"), readelf("-d"))
    stack = re.search(r"GNU_STACK.*", readelf("-l"))
    check(stack and "RWE" not in stack.group(), f"{stack}")


@case
def dlopen_and_dlclose():
    program = build("opener", "opener.c", "-pthread", "-ldl")
    for env in ({}, {"MMSIM_STATS": "1"}):
        done = succeed([program, LIBRARY], preload=False, env=env)
        check(done.stdout == "all is well\n", done.stdout)


@case
def malloc_before_all_constructors():
    program = build("preinit", "preinit.c", "-pthread")
    done = succeed([program], timeout=40)
    check(done.stdout == "all is well\n", done.stdout)


@case
def library_whose_constructor_allocates():
    early = build("libearly.so", "early.c", "-shared", "-fPIC", "-pthread")
    program = build("preinit", "preinit.c", "-pthread")
    for preload in (f"{LIBRARY} {early}", f"{early} {LIBRARY}"):
        done = succeed([program], preload=preload, timeout=40)
        check(done.stdout == "all is well\n", f"{preload}: {done.stdout}")


@case
def program_linked_with_such_a_library():
    early = build("libearly.so", "early.c", "-shared", "-fPIC", "-pthread")
    program = build("preinit_linked", "preinit.c", "-pthread",
                    "-Wl,--no-as-needed", early)
    done = succeed([program], timeout=40)
    check(done.stdout == "all is well\n", done.stdout)


def linked():
    """A program linked with -lmmsim, and the directory of that library."""
    place = os.path.join(os.getcwd(), "lib")
    os.mkdir(place)
    shutil.copy(LIBRARY, os.path.join(place, "libmmsim.so"))
    soname = re.search(r"SONAME.*\[(.*)\]", readelf("-d"))
    if soname and soname.group(1) != "libmmsim.so":
        os.symlink("libmmsim.so", os.path.join(place, soname.group(1)))
    program = build("linked_" + os.path.basename(os.getcwd()), "linked.c",
                    "-Wl,--no-as-needed", "-L" + place, "-lmmsim",
                    "-Wl,-rpath," + place)
    return program, place


@case
def links_with_lmmsim():
    program, place = linked()
    path, step, _ = succeed([program], preload=False).stdout.split()
    check(os.path.dirname(path) == place, f"malloc comes from {path}")
    check(int(step) in range(135168, 135168 + 4096), f"the break: {step}")


ORDERS = {"MMSIM_STATS": "1", "MMSIM_TOP_PAD": "2097152",
          "MALLOC_TOP_PAD_": "2097152",
          "GLIBC_TUNABLES": "glibc.malloc.top_pad=2097152"}


def make_secure(program):
    """Sets a bit that makes the kernel set AT_SECURE; who shall run it."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chmod(program, 0o4755)
        return ["setpriv", f"--reuid={nobody.pw_uid}",
                f"--regid={nobody.pw_gid}", "--clear-groups"]
    others = [g for g in os.getgroups() if g != os.getgid()]
    if not others:
        skip("needs root, or a user with a second group")
    os.chown(program, -1, others[0])
    os.chmod(program, 0o755 | stat.S_ISGID)
    return []


def setuid_is_off(path):
    """Why the kernel does not look at the bit, or None."""
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        return "the temporary directory is mounted nosuid"
    with open("/proc/self/status", encoding="ascii") as status:
        if re.search(r"^NoNewPrivs:\s*1$", status.read(), re.M):
            return "this process may gain no privileges"
    return None


@case
def setuid_program_ignores_the_environment():
    program, place = linked()
    done = succeed([program], preload=False, env=ORDERS)
    path, step, secure = done.stdout.split()
    check(int(step) > 2 << 20 and "system bytes" in done.stderr
          and secure == "0", f"without setuid: {done.stdout}{done.stderr}")

    for part in (place, os.path.dirname(place), os.path.dirname(program)):
        os.chmod(part, 0o755)
    command = make_secure(program) + [program]
    done = succeed(command, preload=False, env=ORDERS)
    path, step, secure = done.stdout.split()
    if secure != "1" and setuid_is_off(program):
        skip(setuid_is_off(program))
    check(secure == "1", f"the process is not in secure mode: {done.stdout}")
    check(os.path.dirname(path) == place, f"malloc comes from {path}")
    check(int(step) < 140000, f"the break moved by {step}")
    check(not done.stderr, done.stderr)

    bad = {"MMSIM_STATS": "banana", "MALLOC_ARENA_MAX": "banana",
           "MMSIM_MACHINE": "banana"}
    done = succeed(command, preload=False, env=bad)
    check(not done.stderr, done.stderr)


if __name__ == "__main__":
    main()
