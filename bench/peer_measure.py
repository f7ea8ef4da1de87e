"""The peer of bench/measure.ts: transformers and torch in float32, hidden states of every layer, soft assignments, and
sums of them for every label of n-gram orders 1 to 3, input and output, in dictionaries from label to row and index_add_,
as the reference estimator accumulates. Takes its options as JSON, prints JSON; seconds are of
processor time."""

import json
import resource
import sys
import time

import torch
from transformers import AutoModelForCausalLM

options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
length, rows, m = options["length"], options["rows"], options["points"]
model = AutoModelForCausalLM.from_pretrained(options["folder"], dtype=torch.float32).eval()
ids = torch.tensor(options["ids"]).reshape(-1, length)
ids = ids[: len(ids) // rows * rows]
width = model.config.hidden_size
generator = torch.Generator().manual_seed(0)
points = torch.nn.functional.normalize(torch.randn(m, width, generator=generator), dim=-1)
ORDERS = (1, 2, 3)


class Sums:
    """Sums of assignments by label: rows of a table that doubles when it is full."""

    def __init__(self):
        self.index, self.table, self.counts = {}, torch.zeros(1024, m), torch.zeros(1024)

    def add(self, labels, assignments):
        places = torch.tensor([self.index.setdefault(label, len(self.index)) for label in labels])
        while len(self.index) > len(self.table):
            self.table = torch.cat([self.table, torch.zeros_like(self.table)])
            self.counts = torch.cat([self.counts, torch.zeros_like(self.counts)])
        self.table.index_add_(0, places, assignments)
        self.counts.index_add_(0, places, torch.ones(len(places)))

    def conditional(self):
        used = len(self.index)
        counts = self.counts[:used]
        p = self.table[:used] / counts[:, None]
        return -(counts / counts.sum() * (p * p.clamp_min(1e-9).log()).sum(-1)).sum()


def entropy(p):
    return -(p * p.clamp_min(1e-9).log()).sum()


with torch.inference_mode():
    fastest = float("inf")
    for batch in ids.split(rows):
        start = time.process_time()
        model(batch).logits.amax(-1)
        fastest = min(fastest, (time.process_time() - start) / batch.numel())

    start = time.process_time()
    layers = model.config.num_hidden_layers + 1
    sums = [[[Sums() for _ in ORDERS] for _ in range(2)] for _ in range(layers)]
    totals, losses = torch.zeros(layers, m), []
    last = max(ORDERS)
    for batch in ids.split(rows):
        given = model(batch, output_hidden_states=True)
        losses.append(torch.nn.functional.cross_entropy(given.logits[:, :-1].flatten(0, 1), batch[:, 1:].flatten()))
        tokens = batch.tolist()
        for layer, states in enumerate(given.hidden_states):
            chosen = torch.nn.functional.normalize(states[:, last - 1 : -last], dim=-1)
            assignments = torch.softmax(chosen @ points.T / options["epsilon"], dim=-1).flatten(0, 1)
            totals[layer] += assignments.sum(0)
            for o, n in enumerate(ORDERS):
                at = [(row, i) for row in tokens for i in range(last - 1, length - last)]
                sums[layer][0][o].add([tuple(row[i - n + 1 : i + 1]) for row, i in at], assignments)
                sums[layer][1][o].add([tuple(row[i + 1 : i + n + 1]) for row, i in at], assignments)
    informations = [
        [[float(entropy(totals[layer] / totals[layer].sum()) - label.conditional()) for label in side] for side in both]
        for layer, both in enumerate(sums)
    ]
    whole = time.process_time() - start

assert len(informations) == layers
print(
    json.dumps(
        {
            "forwardSecondsPerToken": fastest,
            "endToEndSeconds": whole,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)
