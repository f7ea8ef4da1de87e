"""The peers of bench/real.ts on a real model: transformers and torch in one type of number, with and without hidden states,
and the published estimator, soft_entropy's own LLMInferrer, over texts that it tokenises itself. Takes its options as JSON,
prints JSON; seconds are by the wall, of `rounds` rounds each. `convert` writes a GGUF file as a folder, once."""

import json
import os
import resource
import sys
import time

import torch
from transformers.utils import logging

logging.disable_progress_bar()
options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])


def convert(file, folder):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place, name = os.path.split(file)
    AutoTokenizer.from_pretrained(place, gguf_file=name).save_pretrained(folder)
    read = AutoModelForCausalLM.from_pretrained(place, gguf_file=name, dtype=torch.float32)
    # Transformers saves no model that it has read from such a file: one of the same shape is given its values.
    config = {key: value for key, value in read.config.to_dict().items() if key != "quantization_config"}
    model = type(read)(type(read.config)(**config)).to(torch.float32)
    model.load_state_dict(read.state_dict())
    model.save_pretrained(folder)
    return {}


def forward(folder, dtype, ids, length, rows, rounds, hidden):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
    batches = torch.tensor(ids).reshape(-1, length).split(rows)
    with torch.inference_mode():
        model(batches[0])

        def once():
            start = time.perf_counter()
            for batch in batches:
                given = model(batch, output_hidden_states=hidden)
                logits = given.logits[:, :-1].flatten(0, 1)
                torch.nn.functional.cross_entropy(logits, batch[:, 1:].flatten())
            return time.perf_counter() - start

        return {"seconds": [once() for _ in range(rounds)], "tokens": len(ids)}


def published(folder, texts, length, rows, rounds, points):
    try:
        from soft_entropy.llm import LLMInferrer
    except ImportError as error:
        return {"missing": str(error)}

    seconds = []
    for _ in range(rounds):
        inferrer = LLMInferrer(
            folder, "none", ["unigram", "bigram", "trigram"], n_bins=points, max_length=length, text_column="text"
        )
        # Its states would be of padding where its tokenizer pads on the left.
        inferrer.tokenizer.padding_side = "right"
        tokens = sum(len(ids) for ids in inferrer.tokenizer(texts, truncation=True, max_length=length)["input_ids"])
        start = time.perf_counter()
        for first in range(0, len(texts), rows):
            inferrer._process_batch(texts[first : first + rows])
        inferrer._collect_results()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "tokens": tokens}


found = {"convert": convert, "forward": forward, "published": published}[options.pop("what")](
    **{name: value for name, value in options.items() if name != "threads"}
)
print(json.dumps({**found, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
