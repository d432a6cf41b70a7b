"""The rounds: each row under each allocator in turn, A B C, B C A, C A B.

A change of the machine's mood hits all allocators, and none is always first.
"""
from measuring import Failure


def run_row(row, chosen, rounds, measure, results):
    """All rounds of one row; an allocator that fails once is not run again."""
    for number in range(rounds):
        shift = number % len(chosen)
        for allocator in chosen[shift:] + chosen[:shift]:
            if results.why_not(row, allocator.name):
                continue
            try:
                results.add(row, allocator.name, row.run(measure, allocator.library))
            except Failure as why:
                results.fail(row, allocator.name, str(why))
    results.check_outputs(row)


def run_rows(rows, chosen, rounds, measure, results, tell):
    for number, row in enumerate(rows):
        run_row(row, chosen, rounds, measure, results)
        tell(f"[{number + 1}/{len(rows)}] " + "  ".join(progress(row, results)))
    return results


def progress(row, results):
    """The row's times, relative to the first allocator that has one."""
    base = next((n for n in ["glibc", *results.names] if results.values(row, n)), None)
    if base is None:
        return [row.name, "failed"]
    cells = [f"{n} {results.ratio(row, n, base) or 'failed'}" for n in results.names if n != base]
    return [row.name, f"{base} {row.time_text(results.median(row, base))}"] + cells
