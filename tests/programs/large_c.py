"""large_c.py: a C file with many functions, for a compiler to work on."""

import random


def large_c_file(functions):
    """The text of the file: loops, switches, and calls from one to the next."""
    rng = random.Random(3)
    parts = ["#include <stdio.h>\n#include <string.h>\n"
             "struct s { int a, b; char t[32]; struct s *n; };\n"]
    for n in range(functions):
        parts.append(
            f"static int f{n}(struct s *s, int x)\n{{\n"
            f"\tint i, sum = {rng.randrange(99)};\n"
            f"\tfor (i = 0; i < x; i++) {{\n"
            f"\t\tswitch ((x * {rng.randrange(2, 99)} + i) % 5) {{\n"
            + "".join(f"\t\tcase {k}: sum += s->a * {rng.randrange(99)} "
                      f"- s->b; s->t[i % 32] ^= {k}; break;\n"
                      for k in range(4)) +
            "\t\tdefault: if (s->n) s = s->n; sum ^= (int)strlen(s->t);\n"
            "\t\t}\n\t}\n\treturn sum"
            + (f" + f{rng.randrange(n)}(s, x - 1)" if n else "") + ";\n}\n")
    calls = "".join(f"\tsum += f{n}(&s, argc);\n" for n in range(functions))
    parts.append("int main(int argc, char **argv)\n{\n\tstruct s s = { argc, "
                 "1, \"\", 0 };\n\tint sum = 0;\n\t(void)argv;\n" + calls +
                 "\tprintf(\"%d\\n\", sum);\n\treturn 0;\n}\n")
    return "".join(parts)
