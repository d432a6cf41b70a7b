#!/usr/bin/env python3
"""threads.py: programs with several threads on a machine that swaps.

What one thread wrote, another one reads, with the page in swap meanwhile.  The
order of threads is the host's, so only what every order has in common is
checked.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated import (  # noqa: E402
    OOM_STATUS, check, check_bounds, check_killed, check_swapped, own,
    simulate)
from redis_server import Redis  # noqa: E402
from tap import case, main  # noqa: E402

SCARCE = "ram=12M,swap=256M"


def blocks(machine, threads, mb=20, options=(), **more):
    done = simulate([own("threads"), str(threads), str(mb)], machine,
                    options=options, **more)
    check_bounds(done.first)
    return done


@case
def blocks_that_threads_share():
    for threads, machine, options in (
            (1, SCARCE, ()), (8, SCARCE, ()), (8, SCARCE, ("--spread",)),
            (8, SCARCE + ",cpus=4", ("--spread",)), (8, "ram=256M", ())):
        done = blocks(machine, threads, options=options)
        check(done.out.startswith("0 blocks"), done.out)
        if machine.startswith(SCARCE):
            check_swapped(done.first)
        else:
            check(done.first.pswpout == 0, "swapped without need")


@case
def threads_are_killed_together():
    done = simulate([own("threads"), "8", "20"], "ram=12M", status=OOM_STATUS)
    check_killed(done, done.first)
    check(done.out == "", done.out)


PYTHON_WORK = r"""
import hashlib, threading

parts = [None] * 6

def work(n):
    lines = []
    for i in range(12000):
        lines.append(("%d %d " % (n, i)) * 20)
        if i % 3 == 0:
            lines[i // 2] = lines[i // 2].upper() + "!"
    parts[n] = hashlib.sha256("".join(lines).encode()).hexdigest()

threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("\n".join(parts))
"""


@case
def python_threads():
    with open("work.py", "w", encoding="utf-8") as f:
        f.write(PYTHON_WORK)
    env = {"PYTHONMALLOC": "malloc"}
    command = ["/usr/bin/python3", "work.py"]
    plain = simulate(command, "ram=1G", env=env)
    check(len(set(plain.out.split())) == 6, plain.out)
    done = simulate(command, SCARCE, env=env)
    check(done.out == plain.out, done.out)
    check_swapped(done.first)


@case
def redis_with_threads_for_connections():
    redis = Redis(SCARCE, "--io-threads", "4", "--io-threads-do-reads", "yes")
    with redis:
        redis.benchmark("-n", "2000", "-c", "20", "-P", "4", "-r", "3000",
                        "-d", "2000", "-t", "set,get,lpush")
        script = ("for i = 1, 8000 do redis.call('set', 'key' .. i, "
                  "string.rep(i, 1000)) end return 1")
        check(redis.call("eval", script, "0") == "1\n", "not filled")
        script = ("local bad = 0 for i = 1, 8000 do if redis.call('get', "
                  "'key' .. i) ~= string.rep(i, 1000) then bad = bad + 1 end "
                  "end return bad")
        check(redis.call("eval", script, "0") == "0\n", "values are lost")
        status = redis.stop()
    check(status == 0, f"status {status}\n{redis.said()}")
    check_swapped(redis.done().first)


if __name__ == "__main__":
    main()
