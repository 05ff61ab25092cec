"""Seconds of processor time that the `tokenizers` package takes for a text, one thread; a JSON task on standard input."""
import json
import sys
import time

from tokenizers import Tokenizer, __version__, decoders, models, pre_tokenizers

task = json.load(sys.stdin)
vocabulary = {token: i for i, token in enumerate(task["tokens"])}
merges = [tuple(merge.split(" ", 1)) for merge in task["merges"]]
tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
tokenizer.decoder = decoders.ByteLevel()
with open(task["text"], encoding="utf-8", newline="") as file:
    text = file.read()
# as the app does it: pieces, so that no word cache helps one side only
start = time.process_time()
ids = [i for piece in range(0, len(text), task["piece"]) for i in tokenizer.encode(text[piece : piece + task["piece"]]).ids]
print(json.dumps({"version": __version__, "tokens": len(ids), "cpuSeconds": time.process_time() - start}))
