"""Dictionary, list, string and JSON work; run with PYTHONMALLOC=malloc so that
each object comes from malloc.  Usage: work.py SCALE [ROUNDS] (1.0 and 2 rounds are about a second)."""
import json
import sys

SCALE = float(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 2


def words(count):
    state = 12345
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        yield "w%x" % (state >> 12)


def count_words(count):
    table = {}
    for word in words(count):
        table[word] = table.get(word, 0) + 1
    return sorted(table.items(), key=lambda item: (-item[1], item[0]))[:1000]


def nested(count):
    return [{"id": i, "name": "item %d" % i, "tags": ["t%d" % (i % 7), "u%d" % (i % 11)],
             "box": {"x": i * 0.5, "y": [i, i + 1, i + 2]}} for i in range(count)]


def strings(count):
    parts = []
    for i in range(count):
        parts.append(("%08d" % i)[::-1].replace("0", "zero") + "/" + str(i * i))
    text = ",".join(parts)
    return sum(len(part) for part in text.split(","))


def main():
    total = 0
    for _ in range(ROUNDS):
        total += len(count_words(int(90000 * SCALE)))
        text = json.dumps(nested(int(15000 * SCALE)))
        total += len(json.loads(text))
        total += strings(int(75000 * SCALE))
        squares = [[j * i for j in range(10)] for i in range(int(25000 * SCALE))]
        total += sum(len(row) for row in squares)
    print(total)


main()
