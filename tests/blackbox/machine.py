#!/usr/bin/env python3
"""machine.py: programs on a simulated machine, by the environment alone.

With MMSIM_MACHINE the preloaded library puts the heap of any program on a
simulated machine, from the first malloc on.  What the program does stays the
same; what it cannot have it does not get; when it needs more than there is, the
simulated kernel kills it.  A machine that cannot be started ends the program
with a message: nothing ever runs half-simulated.
"""

import os
import pwd
import shutil
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import LIBRARY, build, case, check, main, run, skip, succeed  # noqa: E402

SMALL = {"MMSIM_MACHINE": "ram=32M,swap=0,vm.overcommit_memory=1"}
LARGE = {"MMSIM_MACHINE": "ram=1G,swap=1G"}
HUNGRY = "print('begin', flush=True); x = b'x' * (64 << 20); print('end')"


def python(program, **options):
    options.setdefault("env", LARGE)
    options["env"] = {"PYTHONMALLOC": "malloc", **options["env"]}
    return run([sys.executable, "-c", program], **options)


def is_simulated(env):
    done = run(["grep", "-c", "memfd:mmsim", "/proc/self/maps"], env=env)
    check(done.returncode < 2 and not done.stderr, done.stderr)
    return int(done.stdout) > 0


@case
def the_variable_decides():
    check(not is_simulated({}), "simulated without being asked")
    check(not is_simulated({"MMSIM_MACHINE": ""}), "an empty value is no value")
    check(is_simulated({"MMSIM_MACHINE": "ram=64M"}), "not simulated")


@case
def the_first_malloc_may_come_before_libc_is_set_up():
    program = build("preinit", "preinit.c", "-pthread")
    done = succeed([program], env=LARGE, timeout=40)
    check(done.stdout == "all is well\n", done.stdout)
    early = build("libearly.so", "early.c", "-shared", "-fPIC", "-pthread")
    for preload in (f"{LIBRARY} {early}", f"{early} {LIBRARY}"):
        done = run([program], preload=preload, env={"MMSIM_MACHINE": "ram=1"})
        check(done.returncode == 125, f"the variable was not seen: {done}")


@case
def a_bad_specification_ends_the_program():
    for spec, words in (("ram=1", "ram"), ("banana", "banana"),
                        ("ram=64M,nodes=99", "nodes"),
                        ("ram=64M,arch=x86-32", "x86-64"),
                        ("ram=64M,vm.swappiness=999", "swappiness")):
        done = run(["echo", "it ran"], env={"MMSIM_MACHINE": spec})
        check(done.returncode == 125, f"{spec}: status {done.returncode}")
        check(done.stdout == "", f"{spec}: {done.stdout}")
        lines = done.stderr.splitlines()
        check(len(lines) == 1 and lines[0].startswith("mmsim: ")
              and words in lines[0], f"{spec}: {done.stderr}")


@case
def a_stranger_is_told_what_is_missing():
    if os.geteuid() != 0:
        skip("needs root, to become somebody without rights")
    with open("/proc/sys/vm/unprivileged_userfaultfd", encoding="ascii") as f:
        check(f.read().strip() == "0", "everybody has the right here")
    os.chmod(".", 0o755)
    shutil.copy(LIBRARY, "libmmsim.so")
    os.chmod("libmmsim.so", 0o755)
    nobody = pwd.getpwnam("nobody")
    command = ["setpriv", f"--reuid={nobody.pw_uid}",
               f"--regid={nobody.pw_gid}", "--clear-groups", "env",
               "MMSIM_MACHINE=ram=64M",
               "LD_PRELOAD=" + os.path.abspath("libmmsim.so"), "echo", "it ran"]
    done = run(command, preload=False)
    check(done.returncode == 124, f"status {done.returncode}: {done.stderr}")
    check(done.stdout == "", done.stdout)
    for way in ("vm.unprivileged_userfaultfd", "/dev/userfaultfd",
                "CAP_SYS_PTRACE"):
        check(way in done.stderr, f"{way} is not named: {done.stderr}")
    check(len(done.stderr.splitlines()) == 1, done.stderr)


@case
def no_room_for_the_addresses():
    done = run(["sh", "-c", "ulimit -v 4000000; exec echo it ran"],
               env=LARGE)
    check(done.returncode == 125 and "address" in done.stderr, f"{done}")


@case
def the_same_output():
    script = ("import hashlib, json\n"
              "d = {i: str(i) * (i % 50) for i in range(20000)}\n"
              "t = json.dumps(d, sort_keys=True)\n"
              "print(len(t), hashlib.sha256(t.encode()).hexdigest())\n")
    plain = succeed([sys.executable, "-c", script], preload=False).stdout
    for machine in ("ram=1G", "ram=16M,swap=256M", "ram=64M,thp=always,cpus=4",
                    "ram=256M,nodes=2"):
        done = python(script, env={"MMSIM_MACHINE": machine})
        check(done.returncode == 0 and done.stdout == plain
              and not done.stderr, f"{machine}: {done}")
    shell = ("seq 1 20000 | sort -R --random-source=/bin/sh | sort -n | "
             "md5sum; x=$(ls / | wc -l); echo $x; (exit 3); echo $?")
    plain = succeed(["bash", "-c", shell], preload=False).stdout
    done = succeed(["bash", "-c", shell], env={"MMSIM_MACHINE": "ram=64M"})
    check(done.stdout == plain and not done.stderr, f"{done}")


@case
def too_much_is_killed_and_reported():
    done = python(HUNGRY, env=SMALL)
    check(done.returncode == -9, f"status {done.returncode}")
    check(done.stdout == "begin\n", done.stdout)
    check("invoked oom-killer" in done.stderr
          and "Out of memory: Killed process" in done.stderr, done.stderr)
    done = run(["sh", "-c", 'python3 -c "$0" 2> /dev/null; echo $?', HUNGRY],
               env=SMALL)
    check(done.stdout == "begin\n137\n", done.stdout)


@case
def what_is_refused_is_an_error_of_the_program():
    program = ("try:\n"
               "    x = b'x' * (200 << 20)\n"
               "except MemoryError:\n"
               "    x = b'x' * 100000\n"
               "    print('carries on', len(x))\n")
    done = python(program, env={
        "MMSIM_MACHINE": "ram=128M,swap=0,vm.overcommit_memory=2"})
    check(done.returncode == 0 and done.stdout == "carries on 100000\n",
          f"{done}")


@case
def a_closed_standard_error_is_no_trouble():
    done = run(["sh", "-c", 'exec python3 -c "$0" 2>&-', HUNGRY], env=SMALL,
               timeout=30)
    check(done.returncode == -9 and done.stdout == "begin\n", f"{done}")


@case
def standard_error_may_be_a_socket():
    ours, theirs = socket.socketpair()
    with ours:
        done = python(HUNGRY, env=SMALL, stderr=theirs.fileno())
        theirs.close()
        ours.settimeout(30)
        text = b""
        while piece := ours.recv(65536):
            text += piece
    check(done.returncode == -9, f"status {done.returncode}")
    check(b"Killed process" in text, text)


@case
def a_file_is_appended_to():
    with open("err", "w", encoding="ascii") as err:
        err.write("what was there\n")
        err.flush()
        done = python(HUNGRY, env=SMALL, stderr=err)
    check(done.returncode == -9, f"status {done.returncode}")
    deadline = time.monotonic() + 30
    text = ""
    while "Killed process" not in text and time.monotonic() < deadline:
        with open("err", encoding="ascii") as err:
            text = err.read()
    check(text.startswith("what was there\n") and "Killed process" in text,
          text)


def processes_of(session):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(pid)
    return found


@case
def no_server_outlives_its_program():
    for ending in ("", "; kill -9 $$", "; exec true", "; (sleep 0.2) &"):
        done = run(["sh", "-c", f"echo $$ {ending}"], env=LARGE)
        session = int(done.stdout)
        deadline = time.monotonic() + 20
        while processes_of(session) and time.monotonic() < deadline:
            time.sleep(0.05)
        check(not processes_of(session), f"'{ending}' leaves a process")


@case
def children_are_simulated_too():
    shell = "grep -c memfd:mmsim /proc/self/maps; (grep -c memfd:mmsim /proc/self/maps)"
    done = succeed(["sh", "-c", shell], env=LARGE)
    check(all(int(n) > 0 for n in done.stdout.split()), done.stdout)


if __name__ == "__main__":
    main()
