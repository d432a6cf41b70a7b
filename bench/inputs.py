"""inputs.py: makes the inputs of the real programs, the same bytes every time.

    inputs.py DIRECTORY [SCALE]

SCALE 1.0 gives runs of about a second each.  The files are work.sql (for
sqlite3), big.c (for gcc), lines.txt (for sort) and repo.git (for git gc).
Nothing is downloaded; the random numbers come from a fixed seed.
"""
import os
import random
import subprocess
import sys

WORDS = ("page frame zone slab chunk arena heap cache list tree map lock thread fault swap "
         "node bin top run tag size free used next prev first last grow trim").split()


def text_line(rng, count):
    return " ".join(rng.choice(WORDS) + str(rng.randrange(1000)) for _ in range(count))


def write_sql(path, scale):
    """Tables filled by recursive queries, indexed, joined, changed and dropped."""
    rows = int(100000 * scale)
    with open(path, "w", encoding="ascii") as f:
        f.write("PRAGMA temp_store=MEMORY;\nBEGIN;\n"
                "CREATE TABLE item(id INTEGER PRIMARY KEY, grp INTEGER, name TEXT, note TEXT);\n"
                f"INSERT INTO item WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<{rows})\n"
                "  SELECT i, (i*7919)%997, 'name-'||((i*104729)%99991), printf('%0*d', 10+i%90, i) FROM n;\n"
                "CREATE INDEX item_name ON item(name);\nCREATE INDEX item_grp ON item(grp, id);\n")
        f.write("SELECT grp, count(*), max(name), sum(length(note)) FROM item GROUP BY grp ORDER BY 2 DESC, 1;\n"
                "SELECT count(*) FROM item a JOIN item b ON a.name=b.name WHERE a.id<b.id;\n"
                "UPDATE item SET note=note||'-'||upper(name) WHERE grp%3=0;\n"
                "SELECT group_concat(name) FROM (SELECT name FROM item WHERE grp<50 ORDER BY name);\n"
                "DELETE FROM item WHERE grp%5=1;\n")
        rng = random.Random(1)
        for i in range(int(4000 * scale)):
            f.write(f"INSERT INTO item VALUES({rows + 1 + i},{i % 997},'{text_line(rng, 3)}','{text_line(rng, 8)}');\n")
            f.write(f"SELECT name FROM item WHERE grp={i % 997} AND id>{i} ORDER BY id LIMIT 5;\n")
        f.write("COMMIT;\nDROP TABLE item;\n")


def c_function(rng, number):
    """One function of loops, branches and a switch over a struct."""
    out = [f"int function_{number}(struct record *r, int n)", "{", "    int sum = n;"]
    for _ in range(rng.randrange(3, 7)):
        field = rng.choice("abcd")
        out.append(f"    for (int i = 0; i < n % {rng.randrange(3, 50)}; i++) {{")
        out.append(f"        r->{field} += (r->{rng.choice('abcd')} ^ i) * {rng.randrange(3, 999)};")
        out.append(f"        if (r->{field} % {rng.randrange(2, 9)} == 0) sum += r->{field} >> {rng.randrange(1, 9)};")
        out.append("        else sum ^= i;\n    }")
    out.append(f"    switch (sum % {rng.randrange(5, 12)}) {{")
    for case in range(rng.randrange(3, 8)):
        out.append(f"    case {case}: sum += helper_{rng.randrange(20)}(r->{rng.choice('abcd')}, n); break;")
    out.append("    default: sum--; break;\n    }")
    out.append("    return sum;\n}\n")
    return "\n".join(out)


def write_c(path, scale):
    rng = random.Random(2)
    with open(path, "w", encoding="ascii") as f:
        f.write("struct record { int a, b, c, d; };\n\n")
        for i in range(20):
            f.write(f"static int helper_{i}(int x, int y)\n{{\n    return (x * {rng.randrange(99)} + y) "
                    f"/ (y % {rng.randrange(2, 9)} + {rng.randrange(9, 19)});\n}}\n\n")
        for i in range(int(50 * scale) or 1):
            f.write(c_function(rng, i) + "\n")


def write_lines(path, scale):
    rng = random.Random(3)
    with open(path, "w", encoding="ascii") as f:
        for _ in range(int(800000 * scale)):
            f.write(f"{rng.getrandbits(40):011x} {rng.choice(WORDS)}{rng.randrange(10000)} {rng.randrange(10 ** 6)}\n")


def write_repository(path, scale):
    """A history of small edits to text files, as loose objects."""
    rng = random.Random(4)
    files = {f"dir{i % 5}/file{i}.txt": [text_line(rng, 8) for _ in range(400)] for i in range(40)}
    stream = []
    for commit in range(int(400 * scale) or 1):
        message = f"Change {commit}\n"
        stream.append(f"commit refs/heads/main\ncommitter A <a@example.org> {1600000000 + commit * 60} +0000\n"
                      f"data {len(message)}\n{message}")
        for name in sorted(files) if commit == 0 else rng.sample(sorted(files), 4):
            files[name][rng.randrange(400)] = text_line(rng, 8)
            body = "\n".join(files[name]) + "\n"
            stream.append(f"M 100644 inline {name}\ndata {len(body)}\n{body}")
    environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")
    subprocess.run(["git", "init", "-q", "--bare", path], check=True, env=environment)
    subprocess.run(["git", "-C", path, "-c", "fastimport.unpackLimit=1000000", "fast-import", "--quiet"],
                   input="\n".join(stream).encode("ascii") + b"\n", check=True, env=environment)


def generate(directory, scale):
    write_sql(os.path.join(directory, "work.sql"), scale)
    write_c(os.path.join(directory, "big.c"), scale)
    write_lines(os.path.join(directory, "lines.txt"), scale)
    write_repository(os.path.join(directory, "repo.git"), scale)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: inputs.py DIRECTORY [SCALE]")
    os.makedirs(sys.argv[1], exist_ok=True)
    generate(sys.argv[1], float(sys.argv[2]) if len(sys.argv) == 3 else 1.0)
