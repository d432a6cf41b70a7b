"""The page of results: each program rewrites its own sections and nothing else.

A section stands between two lines:

    <!-- peers -->
    ...
    <!-- /peers -->

Whatever stands outside of them is written by hand and kept.  A section that the
page does not have yet goes before the first that follows it in ORDER, or to the
end.
"""
import os
import platform

TITLE = "# Results\n"
ORDER = ("peers", "behind", "micro", "kernel", "live")


def find_section(page, name):
    """(first line, last line, begin, end): where a section stands; begin is None when there is none."""
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    begin, end = page.find(first), page.find(last)
    if begin < 0 and end < 0:
        return first, last, None, None
    if begin < 0 or end < begin or page.count(first) > 1 or page.count(last) > 1:
        raise ValueError(f"the lines {first.strip()} and {last.strip()} do not enclose one section")
    return first, last, begin, end + len(last)


def put_section(page, name, body):
    """The page with a section's new text."""
    first, last, begin, end = find_section(page, name)
    section = first + body.strip() + "\n" + last
    if begin is not None:
        return page[:begin] + section + page[end:]
    later = [page.find(f"<!-- {n} -->\n") for n in ORDER[ORDER.index(name) + 1:]]
    place = min((p for p in later if p >= 0), default=len(page))
    return page[:place].rstrip("\n") + "\n\n" + section + ("\n" + page[place:] if page[place:] else "")


def read(path):
    """The page, or a new one; ValueError when its sections are not whole."""
    if not os.path.exists(path) or not os.path.getsize(path):
        return TITLE
    with open(path, encoding="utf-8") as f:
        page = f.read()
    for name in ORDER:
        find_section(page, name)
    return page


def section_text(path, name):
    """A section's text, empty when the page has none."""
    text = read(path)
    _, _, begin, end = find_section(text, name)
    return text[begin:end] if begin is not None else ""


def rows_among(path, name, rows):
    """Which of these rows the tables of a section have."""
    text = section_text(path, name)
    return [row for row in rows if f"\n| {row} |" in text]


def write_sections(path, sections):
    """Puts {name: text} into the page; it is replaced in one step, so that it is never half a page."""
    page = read(path)
    for name, body in sections.items():
        page = put_section(page, name, body)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(page)
    os.replace(path + ".new", path)


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def machine_line():
    return (f"Machine: {cpu_model()}, {os.cpu_count()} cores, Linux {platform.release()} ({platform.machine()}), "
            f"glibc {os.confstr('CS_GNU_LIBC_VERSION').split()[-1]}.")


def command_line(words):
    return f"Command: `{' '.join(words)}`"
