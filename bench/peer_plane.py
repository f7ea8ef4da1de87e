"""The peer of bench/plane.ts: the reference's accumulation of label sums in numpy, on the same rows. Takes its options as
JSON, prints JSON; seconds are of processor time."""

import json
import resource
import sys
import time

import numpy as np

options = json.loads(sys.argv[1])
length, m, orders, step = options["length"], options["points"], options["orders"], options["step"]
ids = np.fromfile(options["file"] + ".ids", dtype=np.int32).reshape(-1, length).tolist()
rows = np.memmap(options["file"], dtype=np.float32, mode="r").reshape(-1, length, m)

start = time.process_time()
sums = [[{} for _ in range(orders)] for _ in range(2)]
counts = [[{} for _ in range(orders)] for _ in range(2)]
positions = 0
for tokens, assignments in zip(ids, rows):
    for first in range(orders - 1, length - orders, step):
        for i in range(first, min(first + step, length - orders)):
            p = assignments[i]
            positions += 1
            for n in range(orders):
                for side, label in enumerate((tuple(tokens[i - n : i + 1]), tuple(tokens[i + 1 : i + n + 2]))):
                    of = sums[side][n]
                    if label in of:
                        of[label] += p
                        counts[side][n][label] += 1
                    else:
                        of[label] = p.astype(np.float64)
                        counts[side][n][label] = 1
conditional = []
for side in range(2):
    for n in range(orders):
        number = np.fromiter(counts[side][n].values(), dtype=np.float64)
        p = np.stack(list(sums[side][n].values())) / number[:, None]
        entropy = -(p * np.log(np.maximum(p, 1e-9))).sum(-1)
        conditional.append(float((number / positions * entropy).sum()))
seconds = time.process_time() - start
assert all(value >= 0 for value in conditional)
print(json.dumps({"seconds": seconds, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
