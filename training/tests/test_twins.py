"""The twins: one start, then each its own way, on the same tokens."""
import json
from pathlib import Path

import numpy as np
import torch

from longnet import small
from longnet.plan import longnet_plan
from longnet.tokens import Tokens

from .test_small import TEXT


def test_twins_share_what_their_plans_do_not_change(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    tokens = Tokens.train([f"{TEXT} def read(path): return {i}\n" for i in range(40)], 420)
    tokens.tokenizer.save(str(data / "tokenizer.json"))
    np.save(data / "train.npy", np.array(tokens.encode(TEXT * 60), dtype=np.uint16))
    stage = {"rows": 1, "plain": 0.2, "filler": 0.4, "from": 1, "to": 1, "steps": 2}
    settings = {
        "seed": 1,
        "model": {"layers": 1, "embedding": 32, "heads": 4, "kv_heads": 4, "feed_forward": 48, "trained_length": 256},
        "plan": longnet_plan([(16, 1), (256, 2)]).source,
        "start": [{**stage, "tokens": 16}],
        # the window twin sees 16 / 2 + 256 / 8 + 1 = 41 keys
        "stages": [{**stage, "tokens": 40}, {**stage, "tokens": 96}],
    }
    assert small.twins(settings)["window"].bands[0].hi == 41
    checkpoint = lambda name: torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
    small.train_beginnings(tmp_path, settings, lambda: 10.0)
    assert checkpoint("longnet")["state"]["step"] == 2
    shared = checkpoint("window")
    assert shared["state"]["step"] == 4
    for name, weight in checkpoint("dense")["model"].items():
        assert torch.equal(weight, shared["model"][name]), name

    small.train_in_turns(tmp_path, settings, 10.0, None)
    ends = {name: checkpoint(name) for name in ("longnet", "window", "dense")}
    assert {end["state"]["tokens"] for end in ends.values()} == {2 * 16 + 2 * 40 + 2 * 96}
    query = "blk.0.attn_q.weight"
    assert not torch.equal(ends["window"]["model"][query], ends["dense"]["model"][query])
    assert json.loads((tmp_path / "longnet.json").read_text())["plan"]["patterns"]
