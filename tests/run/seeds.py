#!/usr/bin/env python3
"""seeds.py: what books and recordings say of memory, with real programs.

Every figure is worked out: from what was recorded on a real kernel, from the
files of the machine's /proc, or from what the program asked for and wrote.
"""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated import (  # noqa: E402
    MMSIM, OOM_STATUS, PAGE_KB, check, check_bounds, check_killed, own,
    simulate)
from tap import case, main, succeed  # noqa: E402

# Recorded: 256 MB, no swap, overcommit_memory=1, MemFree 175300 kB.
RECORDED_MACHINE = ("managed=DMA:3840+DMA32:48839,boot_used=8854,"
                    "vm.overcommit_memory=1")
RECORDED_PAGES = 43109
KB, MB = 1024, 1024 * 1024


def proc(machine, path):
    return succeed([MMSIM, "proc", machine, path], preload=False).stdout


def meminfo(machine, name):
    return int(re.search(rf"^{name}: +(\d+) kB$",
                         proc(machine, "/proc/meminfo"), re.M).group(1))


def floors(machine):
    """Pages that an ordinary allocation leaves: of each zone min and what is
    reserved for the zones below the asked one."""
    pages = 0
    for zone in proc(machine, "/proc/zoneinfo").split("\nNode "):
        low = re.search(r"^ +min +(\d+)$", zone, re.M)
        free = re.search(r"^ +pages free +(\d+)$", zone, re.M)
        reserve = re.search(r"^ +protection: \(([\d, ]+)\)$", zone, re.M)
        if low and int(free.group(1)):
            floor = int(low.group(1)) + int(reserve.group(1).split(",")[-1])
            pages += min(floor, int(free.group(1)))
    return pages


def near(found, expected, percent, what):
    check(abs(found - expected) <= expected * percent / 100,
          f"{what}: {found}, expected {expected} within {percent} %")


def last_line(done):
    return int(done.out.split()[-1])


@case
def hog_on_1_gb():
    machine = "ram=1G,vm.overcommit_memory=1"
    done = simulate([own("hog"), "2000"], machine, status=OOM_STATUS)
    check_killed(done, done.first)
    check_bounds(done.first)
    free = meminfo(machine, "MemFree") // PAGE_KB
    near(last_line(done), free - floors(machine), 2, "pages written")
    check(done.first.peak_committed_kb > 2000 * KB, "2000 MB were promised")
    check(done.first.pswpout == 0, "there is no swap")


@case
def hog_on_the_recorded_machine():
    done = simulate([own("hog"), "2000"], RECORDED_MACHINE, status=OOM_STATUS)
    check_killed(done, done.first)
    near(last_line(done), RECORDED_PAGES, 1, "pages written")
    found = re.search(r"anon-rss:(\d+)kB", done.first.oom_report)
    near(int(found.group(1)) // PAGE_KB, RECORDED_PAGES, 1, "anon-rss")
    near(done.first.peak_rss_kb // PAGE_KB, RECORDED_PAGES, 1, "peak RSS")


def blocks_of(mode, mb, count, machine="ram=4G"):
    done = simulate([own("huge"), str(mb), str(count)],
                    f"{machine},vm.overcommit_memory={mode}")
    check_bounds(done.first)
    check(done.first.peak_rss_kb < 1024, "malloc alone makes nothing resident")
    number, text = done.out.strip().split(" ", 1)
    return int(number), text, done.first


@case
def malloc_of_8_gb_on_4_gb():
    # guess: more than all memory at once is refused, less is not counted
    number, text, process = blocks_of(0, 8192, 1)
    check((number, text) == (0, "Cannot allocate memory"), f"{number} {text}")
    check(process.refusals[0]["rule"] == "heuristic" and
          process.refusals[0]["bytes"] >= 8192 * MB, f"{process.refusals}")
    check(blocks_of(0, 3500, 8)[:2] == (8, "all"), "28 GB, 3.5 at a time")
    check(blocks_of(0, 8192, 1, "ram=4G,swap=6G")[:2] == (1, "all"),
          "swap counts")
    # always
    number, text, process = blocks_of(1, 8192, 4)
    check((number, text) == (4, "all"), f"{number} {text}")
    check(process.nr_refused == 0 and
          process.peak_committed_kb >= 4 * 8192 * KB, "32 GB are promised")
    # never more than the limit: half of memory
    number, text, process = blocks_of(2, 8192, 1)
    check((number, text) == (0, "Cannot allocate memory"), f"{number} {text}")
    check(process.refusals[0]["rule"] == "commit-limit", process.refusals)
    number, text, process = blocks_of(2, 100, 100)
    check(text == "Cannot allocate memory", text)
    limit = process.commit_limit_kb
    check(limit == process.mem_total_kb // PAGE_KB // 2 * PAGE_KB,
          f"CommitLimit {limit}")
    # the 101st MB is malloc's own page; 1/32 of its size is kept for the user
    check(number * 100 * KB <= limit < (number + 2) * 100 * KB * 33 / 32,
          f"{number} blocks of 100 MB of {limit} kB")


@case
def rss_grows_as_it_is_written():
    base = simulate([own("grow"), "100", "0", "0"], "ram=512M").first
    check(base.peak_rss_kb < 512, f"malloc made {base.peak_rss_kb} kB resident")
    check(base.peak_committed_kb >= 100 * KB, "100 MB are promised")
    for written, read in ((1, 0), (25, 0), (50, 25), (100, 0)):
        process = simulate([own("grow"), "100", str(written), str(read)],
                           "ram=512M").first
        rss = process.peak_rss_kb - base.peak_rss_kb
        faults = process.min_flt - base.min_flt
        # Its first page has malloc's header.  The zero page is mapped by what
        # is read, and is not resident.
        check(rss == written * KB - PAGE_KB,
              f"{rss} kB after {written} MB were written")
        check(faults == (written + read) * KB // PAGE_KB - 1,
              f"{faults} faults, {written} MB written and {read} read")
        check(process.peak_committed_kb == base.peak_committed_kb,
              "writing promises nothing")


@case
def each_page_is_in_memory_or_in_swap():
    for machine in ("ram=64M,swap=256M", "ram=64M,swap=256M,cpus=2",
                    "ram=32M,swap=64M+64M"):
        process = simulate([own("grow"), "100", "100", "0"], machine).first
        check_bounds(process)
        # The header's page, and a few of the heap, are small change.
        check(100 * KB <= process.rss_kb + process.swap_kb < 100 * KB + 512,
              f"{process.rss_kb} kB in memory, {process.swap_kb} in swap")
        # What was written once and never looked at again is not read back.
        check(process.min_flt * PAGE_KB == process.rss_kb + process.swap_kb
              and process.maj_flt == 0 and process.pswpin == 0,
              f"{process.faults}, {process.record['swap']}")
        check(process.pswpout * PAGE_KB >= process.swap_kb >=
              100 * KB - process.mem_total_kb, f"{process.record['swap']}")
        # Some of them are still on their way to the disk.
        near(process.pgsteal_kswapd + process.pgsteal_direct,
             process.swap_kb // PAGE_KB, 10, "pages stolen")
        check(process.swap_total_kb - process.swap_free_kb >=
              process.swap_kb, "each has its slot")
        spent = process.kernel_time_ns
        check(sum(spent.values()) - spent["direct_reclaim"] - spent["kswapd"]
              <= process.clock_ns and
              spent["direct_reclaim"] <= spent["minor_fault"],
              f"{spent} of {process.clock_ns} ns")


def touch_once(rounds):
    return simulate([own("rounds"), str(rounds)], "ram=64M").first


@case
def touched_once_with_trim_threshold_off():
    once, often = touch_once(1), touch_once(50)
    check(once.peak_rss_kb > 20000 and once.min_flt * PAGE_KB ==
          once.peak_rss_kb, f"{once.min_flt} faults for 20 MB")
    check(once.figures() == often.figures(),
          f"50 rounds: {often.calls} {often.faults}, one: {once.calls} "
          f"{once.faults}")


def under(kind):
    done = simulate([own("under"), kind], "ram=64M",
                    env={"MMSIM_DECAY_MS": "0"})
    grown, left = map(int, done.out.split())
    return grown, left, done.first


@case
def free_under_a_live_chunk():
    grown, left, process = under("brk")
    check(grown > 20000 and left == grown, f"break {grown} kB, then {left}")
    check(process.peak_committed_kb == process.committed_kb,
          "the promise is as before")
    grown, left, process = under("all")
    check(grown > 20000 and left < 256, f"break {grown} kB, then {left}")
    check(process.rss_kb < 512, f"{process.rss_kb} kB are left")
    near(process.peak_committed_kb - process.committed_kb, grown - left, 1,
         "the promise that went with the break")
    grown, left, process = under("mapped")
    check(grown == left and grown < 256, f"break {grown} kB, then {left}")
    check(process.calls["munmap"] == 9, process.calls)
    near(process.rss_kb, 2 * KB, 25, "RSS with one block of 2 MB")
    near(process.peak_committed_kb - process.committed_kb, 18 * KB, 3,
         "kB given back")


if __name__ == "__main__":
    main()
