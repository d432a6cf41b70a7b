"""work.py: dictionaries, strings, lists of lists, json, re and a thread.

The argument is the amount of work; the output depends on nothing else.
"""

import collections
import hashlib
import json
import re
import sys
import threading
import zlib

n = int(sys.argv[1])
words = [f"word{i * 7919 % 10007}" for i in range(n)]
count = collections.Counter(words)
print(len(count), count.most_common(3))

index = collections.defaultdict(list)
for i, word in enumerate(words):
    index[word[:6]].append((i, word))
text = json.dumps(index, sort_keys=True)
print(len(text), hashlib.sha256(text.encode()).hexdigest())
print(len(json.loads(text)), len(re.findall(r'"word(\d)', text)))

squares = [[i * j for j in range(i % 50)] for i in range(n // 10)]
print(sum(map(sum, squares)))
del squares[::2]
print(len(zlib.compress(text.encode())) > 100)

results = []


def work(part):
    results.append((part, sum(len(w) for w in words[part::4])))


threads = [threading.Thread(target=work, args=(p,)) for p in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(results))

s = ""
for i in range(n // 20):
    s += chr(97 + i % 26) * (i % 7)
print(len(s), hashlib.sha256(s.encode()).hexdigest())
