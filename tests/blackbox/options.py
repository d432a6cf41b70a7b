#!/usr/bin/env python3
"""options.py: every option has its effect, wherever it is set.

MALLOC_ variables, GLIBC_TUNABLES, MMSIM_ variables and mallopt(3) lead to the
same options.  helpers/optprobe.c does one thing with malloc and prints what
came of it; the cases here compare that under different environments.  A bad
value gives one line on standard error, and the program runs on.  The figures
of mallinfo2, malloc_info and malloc_stats have to add up.
"""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import LIBRARY, build, case, check, main, run, succeed  # noqa: E402

MIB = 1 << 20
M_MXFAST, M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = 1, -1, -2, -3
M_MMAP_MAX, M_CHECK_ACTION, M_PERTURB, M_ARENA_TEST, M_ARENA_MAX = (
    -4, -5, -6, -7, -8)

VARIABLES = {
    "top_pad": "MALLOC_TOP_PAD_",
    "mmap_threshold": "MALLOC_MMAP_THRESHOLD_",
    "mmap_max": "MALLOC_MMAP_MAX_",
    "trim_threshold": "MALLOC_TRIM_THRESHOLD_",
    "perturb": "MALLOC_PERTURB_",
    "check": "MALLOC_CHECK_",
    "arena_max": "MALLOC_ARENA_MAX",
    "arena_test": "MALLOC_ARENA_TEST",
}
TUNABLES = list(VARIABLES) + [
    "mxfast", "tcache_count", "tcache_max", "tcache_unsorted_limit", "hugetlb"]


def probe(*args, env=None, **options):
    """optprobe's figures: a dictionary, or its last part after '= name'."""
    program = build("optprobe", "optprobe.c", "-pthread")
    done = succeed([program, *map(str, args)], env=env, **options)
    return {name: int(value) for name, value in
            (line.split() for line in done.stdout.splitlines()
             if not line.startswith("="))}


def ways(option, value):
    """The environments that set an option: variable, tunable, MMSIM_."""
    yield {VARIABLES[option]: str(value)}
    yield {"GLIBC_TUNABLES": f"glibc.malloc.{option}={value}"}
    yield {"GLIBC_TUNABLES":
           f"glibc.cpu.x86_ibt=on:glibc.malloc.{option}={value}"}
    if LIBRARY:
        yield {f"MMSIM_{option.upper()}": str(value)}


def each_way(option, value, *args):
    for env in ways(option, value):
        yield env, probe(*args, env=env)


@case
def top_pad():
    check(probe("step")["step"] < 140000, "the default")
    for env, got in each_way("top_pad", MIB, "step"):
        check(MIB <= got["step"] <= MIB + 8192, f"{env}: {got}")


@case
def mmap_threshold():
    check(probe("where", 200000)["brk"] == 0, "the default")
    for env, got in each_way("mmap_threshold", MIB, "where", 200000):
        check(got["brk"] == 1, f"{env}: {got}")
    for env, got in each_way("mmap_threshold", MIB, "where", 2 * MIB):
        check(got["brk"] == 0, f"{env}: {got}")


@case
def mmap_max():
    check(probe("where", MIB)["brk"] == 0, "the default")
    for env, got in each_way("mmap_max", 0, "where", MIB):
        check(got["brk"] == 1, f"{env}: {got}")


@case
def trim_threshold():
    base = {"MALLOC_MMAP_MAX_": "0"}
    for value, kept in ((MIB, False), (1 << 30, True)):
        for env in ways("trim_threshold", value):
            got = probe("trim", 64 * MIB, env={**base, **env})
            check((got["kept"] > 60 * MIB) == kept, f"{env}: {got}")


@case
def each_of_four_ends_the_dynamic_threshold():
    check(probe("again", MIB)["brk"] == 1, "the default")
    for option, value in (("top_pad", 131072), ("mmap_threshold", 131072),
                          ("trim_threshold", 131072), ("mmap_max", 65536)):
        for env, got in each_way(option, value, "again", MIB):
            check(got["brk"] == 0, f"{env}: {got}")


@case
def perturb():
    for size in (200, 1000, 5000, 60000):
        check(probe("perturb", size)["calloc_zero"] == 1, "the default")
        for env, got in each_way("perturb", 0x5a, "perturb", size):
            check(got["allocated"] == 0xa5 and got["allocated_all"],
                  f"{size}: {env}: {got}")
            check(got["freed"] == 0x5a and got["freed_all"],
                  f"{size}: {env}: {got}")
            check(got["calloc_zero"] == 1, f"{size}: {env}: {got}")


@case
def perturb_of_mapped():
    for env in ways("perturb", 0x5a):
        env = {**env, "MALLOC_MMAP_THRESHOLD_": "100000"}
        program = build("optprobe", "optprobe.c", "-pthread")
        # The block may be unmapped when it is read after the free.
        done = run([program, "perturb", "500000"], env=env)
        check(done.stdout.startswith("allocated 165\n"),
              f"{env}: {done.stdout}")


def heaps(threads, env=None, thing="arenas"):
    program = build("optprobe", "optprobe.c", "-pthread")
    text = succeed([program, thing, str(threads)], env=env).stdout
    return len(ElementTree.fromstring(text).findall("heap"))


@case
def arena_max():
    check(heaps(4) > 1, "the default: threads have arenas of their own")
    for env in ways("arena_max", 1):
        check(heaps(8, env) == 1, f"{env}: {heaps(8, env)}")
    for env in ways("arena_max", 3):
        check(heaps(24, env) <= 3, f"{env}: {heaps(24, env)}")


@case
def arenas_follow_the_processors_the_process_may_use():
    got = heaps(40, thing="one_cpu_arenas")
    check(got <= 2, f"{got} arenas on one processor")


@case
def arena_test():
    for env in ways("arena_test", 100):
        got = heaps(20, env, "one_cpu_arenas")
        check(got > 2, f"{env}: {got} arenas, as without")


@case
def tcache_count_0_turns_the_cache_off():
    env = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
    program = build("optprobe", "optprobe.c", "-pthread")
    for extra, cached in ((None, True), (env, False)):
        text = succeed([program, "info", "0"], env=extra).stdout
        cache = ElementTree.fromstring(text).find("cache")
        check((int(cache.get("size")) > 0) == cached, f"{extra}: {text}")


@case
def cache_max():
    program = build("optprobe", "optprobe.c", "-pthread")
    text = succeed([program, "info", "0"],
                   env={"MMSIM_CACHE_MAX": "0"}).stdout
    check(int(ElementTree.fromstring(text).find("cache").get("size")) == 0,
          text)


@case
def hugepages():
    if not os.path.exists("/sys/kernel/mm/transparent_hugepage/enabled"):
        raise RuntimeError("this kernel has no transparent huge pages")
    check(probe("hugepages")["asked"] == 0, "the default")
    for env in ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
                {"MMSIM_HUGEPAGES": "1"}):
        check(probe("hugepages", env=env)["asked"] == 1, f"{env}")


@case
def good_values_are_silent():
    program = build("optprobe", "optprobe.c", "-pthread")
    good = [{VARIABLES[o]: v} for o in VARIABLES for v in ("1", "0x2", "")]
    good += [{"GLIBC_TUNABLES": f"glibc.malloc.{t}=1"} for t in TUNABLES]
    good += [{"MALLOC_TRIM_THRESHOLD_": "-1"},
             {"MALLOC_TOP_PAD_": "64K"}, {"MALLOC_MMAP_THRESHOLD_": "1M"},
             {"GLIBC_TUNABLES": "glibc.rtld.nns=5:glibc.cpu.x86_shstk=off"},
             {"MALLOC_CHECK_": "3"}, {"MMSIM_DECAY_MS": "0"},
             {"MMSIM_DECAY_MS": "-1"}, {"MMSIM_POPULATE_MAX": "0"}]
    for env in good:
        done = succeed([program, "run"], env=env)
        check(done.stdout == "done 1\n" and not done.stderr,
              f"{env}: {done.stdout}{done.stderr}")


def bad_environments():
    values = ("banana", "-7", "12x", "99999999999999999999999", "0x", "1e3")
    names = list(VARIABLES.values()) + [
        "MMSIM_DECAY_MS", "MMSIM_POPULATE_MAX", "MMSIM_CACHE_MAX",
        "MMSIM_HUGEPAGES", "MMSIM_STATS"]
    for value in values:
        for name in names:
            # Any negative value may mean "never" where -1 does.
            if value == "-7" and re.search("THRESHOLD|DECAY", name):
                continue
            yield name, value, {name: value}
        for option in VARIABLES:
            if value == "-7" and "threshold" in option:
                continue
            name = f"glibc.malloc.{option}"
            yield name, value, {"GLIBC_TUNABLES": f"{name}={value}"}
    for name in ("MALLOC_PERTURB_", "MMSIM_PERTURB"):
        yield name, "256", {name: "256"}


@case
def a_bad_value_gives_one_line_and_the_program_runs_on():
    program = build("optprobe", "optprobe.c", "-pthread")
    for name, value, env in bad_environments():
        done = succeed([program, "run"], env=env)
        check(done.stdout == "done 1\n", f"{env}: {done.stdout}")
        lines = done.stderr.splitlines()
        check(len(lines) == 1, f"{env}: {done.stderr}")
        check(name in lines[0] and value in lines[0], lines[0])
        check(re.search(r"\b\d+ to \d+\b", lines[0]), f"range: {lines[0]}")


@case
def a_bad_value_keeps_the_default():
    for env in ({"MALLOC_TOP_PAD_": "1M!"},
                {"GLIBC_TUNABLES": "glibc.malloc.top_pad=abc"}):
        got = probe("step", env=env)
        check(got["step"] == probe("step")["step"], f"{env}: {got}")


@case
def mallopt_returns():
    for param, value, expected in (
            (M_MXFAST, 0, 1), (M_MXFAST, 64, 1), (M_MXFAST, 160, 1),
            (M_MXFAST, 161, 0), (M_MXFAST, 1 << 20, 0), (M_MXFAST, -1, 0),
            (M_TRIM_THRESHOLD, 0, 1), (M_TRIM_THRESHOLD, 1 << 20, 1),
            (M_TRIM_THRESHOLD, -1, 1), (M_TOP_PAD, 0, 1),
            (M_TOP_PAD, 1 << 20, 1), (M_MMAP_THRESHOLD, 0, 1),
            (M_MMAP_THRESHOLD, 1 << 30, 1), (M_MMAP_MAX, 0, 1),
            (M_MMAP_MAX, 1 << 20, 1), (M_CHECK_ACTION, 0, 1),
            (M_CHECK_ACTION, 3, 1), (M_CHECK_ACTION, 99, 1),
            (M_PERTURB, 0, 1), (M_PERTURB, 255, 1), (M_PERTURB, 256, 1),
            (M_ARENA_TEST, 1, 1), (M_ARENA_TEST, 0, 1),
            (M_ARENA_TEST, -1, 1), (M_ARENA_MAX, 4, 1), (M_ARENA_MAX, 0, 1),
            (M_ARENA_MAX, -1, 1), (42, 1, 1), (-42, 1, 1), (0, 0, 1)):
        got = probe("mallopt", param, value)["returned"]
        check(got == expected, f"mallopt({param}, {value}) gave {got}")


def malloc_info(env=None):
    program = build("optprobe", "optprobe.c", "-pthread")
    text = succeed([program, "info", "0"], env=env).stdout
    return ElementTree.fromstring(text), text


def figure(element, path, name):
    return int(element.find(path).get(name))


@case
def malloc_info_is_well_formed_and_adds_up():
    root, text = malloc_info()
    check(root.tag == "malloc" and root.get("version") == "1", text)
    current = 0
    for number, heap in enumerate(root.findall("heap")):
        check(heap.get("nr") == str(number), text)
        for size in heap.findall("sizes/size"):
            low, high = int(size.get("from")), int(size.get("to"))
            count, total = int(size.get("count")), int(size.get("total"))
            check(low <= high and count * low <= total <= count * high,
                  ElementTree.tostring(size, "unicode"))
        free = sum(figure(heap, f"total[@type='{t}']", "size")
                   for t in ("fast", "rest"))
        used = figure(heap, "system[@type='current']", "size")
        check(free <= used, text)
        check(used <= figure(heap, "system[@type='max']", "size"), text)
        check(heap.find("aspace[@type='total']") is not None, text)
        check(heap.find("aspace[@type='mprotect']") is not None, text)
        current += used
    check(current == figure(root, "system[@type='current']", "size"), text)
    check(figure(root, "total[@type='mmap']", "count") == 2, text)
    check(figure(root, "total[@type='mmap']", "size") >= 8 * MIB, text)


@case
def malloc_info_counts_caches_and_purges():
    root, text = malloc_info()
    for heap in root.findall("heap"):
        check(heap.find("cache") is not None, text)
        check(heap.find("purge") is not None, text)


@case
def malloc_info_options_must_be_0():
    for value in (1, -1):
        got = probe("info", value)
        check(got["returned"] == 22, f"{got}: EINVAL is 22")


@case
def mallinfo2_adds_up():
    program = build("optprobe", "optprobe.c", "-pthread")
    text = succeed([program, "info2"]).stdout
    parts = {}
    for block in text.split("= ")[1:]:
        name, *lines = block.splitlines()
        parts[name] = {k: int(v) for k, v in (s.split() for s in lines)}
    for name, m in parts.items():
        check(m["arena"] == m["uordblks"] + m["fordblks"], f"{name}: {m}")
        check(m["keepcost"] <= m["fordblks"], f"{name}: {m}")
        check(m["ordblks"] >= 1 and m["usmblks"] == 0, f"{name}: {m}")
        check(m["same"] == 1, f"{name}: mallinfo is not mallinfo2 truncated")
    start, loaded = parts["start"], parts["loaded"]
    live = sum(i * 7 for i in range(1, 3000, 2))
    check(start["hblks"] == 0 and start["hblkhd"] == 0, f"{start}")
    check(loaded["hblks"] == 2 and 8 * MIB <= loaded["hblkhd"] < 9 * MIB,
          f"{loaded}")
    check(loaded["uordblks"] >= start["uordblks"] + live, f"{loaded}")


def stats_figures(text):
    found = re.findall(r"^(.+?) *= +(\d+)\b", text, re.MULTILINE)
    return [(name, int(value)) for name, value in found]


@case
def malloc_stats_in_64_bits():
    program = build("optprobe", "optprobe.c", "-pthread")
    done = succeed([program, "stats", "5"])
    check(not done.stdout, done.stdout)
    check(done.stderr.startswith("Arena 0:\n"), done.stderr)
    check("Total (incl. mmap):\n" in done.stderr, done.stderr)
    total = dict(stats_figures(done.stderr.split("Total (incl. mmap):")[1]))
    check(total["system bytes"] > 5 << 30, f"{total}")
    check(total["in use bytes"] > 5 << 30, f"{total}")
    check(total["max mmap regions"] == 7, f"{total}")
    check(total["max mmap bytes"] > 5 << 30, f"{total}")


@case
def malloc_stats_shows_cached_memory_apart():
    program = build("optprobe", "optprobe.c", "-pthread")
    text = succeed([program, "stats", "0"]).stderr
    for part in text.split(":\n")[1:3]:
        figures = dict(stats_figures(part))
        check(figures["cached bytes"] > 0, text)
        check(figures["system bytes"] >= figures["in use bytes"]
              + figures["cached bytes"], text)


@case
def mmsim_stats_prints_at_exit():
    program = build("optprobe", "optprobe.c", "-pthread")
    done = succeed([program, "run"], env={"MMSIM_STATS": "1"})
    check(done.stdout == "done 1\n", done.stdout)
    check(done.stderr.startswith("Arena 0:\n"), done.stderr)
    check(dict(stats_figures(done.stderr))["system bytes"] > MIB,
          done.stderr)
    done = succeed([program, "run"], env={"MMSIM_STATS": "0"})
    check(not done.stderr, done.stderr)
    succeed(["/bin/sh", "-c", f"exec '{program}' run 2>&-"],
            env={"MMSIM_STATS": "1"})


if __name__ == "__main__":
    main()
