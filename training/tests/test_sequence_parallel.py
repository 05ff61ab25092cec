"""Loss and gradients of 1, 2 and 4 processes are equal; what they exchange does not grow with the text."""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from longnet.plan import PlanError, longnet_plan
from longnet.sequence_parallel import Ranks
from longnet.tokens import Tokens
from longnet.train_small import train

from .parallel_worker import tiny

root = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[tuple[int, int], dict]:
    folder = tmp_path_factory.mktemp("parallel")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    sizes = [(2, 256), (4, 256), (8, 512)]
    command = [sys.executable, "-m", "tests.parallel_worker", str(folder), *(f"{s}:{t}" for s, t in sizes)]
    subprocess.run(command, cwd=root, env=environment, check=True)
    return {key: torch.load(folder / f"{key[0]}-{key[1]}.pt") for key in sizes}


def one_process(tokens: int) -> tuple[torch.Tensor, dict]:
    model, ids, weights, plan = tiny(tokens)
    losses = model.loss_per_token(ids[:, :-1], ids[:, 1:], plan)
    (losses * weights).sum().div(weights.sum()).backward()
    return losses.detach(), {name: p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize("run", [(2, 256), (4, 256), (8, 512)])
def test_equal_to_one_process(runs: dict, run: tuple[int, int]) -> None:
    losses, gradients = one_process(run[1])
    assert (runs[run]["losses"] - losses).abs().max() < 1e-5
    for name, gradient in gradients.items():
        assert (runs[run]["gradients"][name] - gradient).abs().max() < 1e-5, name


def test_traffic_does_not_grow_with_the_text(runs: dict) -> None:
    # 64 tokens per process; segments of 256 span four processes: as many bytes with 4 of them as with 8
    short, long = runs[4, 256], runs[8, 512]
    assert short["forward"] == long["forward"]
    assert short["backward"] == long["backward"]
    # K and V, 2 layers, batch 2, 4 heads of 8 numbers in f32; the pattern (256, 4): 3 other ranks of 64 / 4 rows
    assert short["forward"] == 2 * 2 * 2 * 4 * 8 * 4 * (3 * 64 // 4)
    assert short["backward"] == short["forward"]


def test_stretches_that_do_not_fit_are_refused() -> None:
    plan = longnet_plan([(16, 1), (64, 4)])
    with pytest.raises(PlanError, match="shared evenly"):
        Ranks(0, 3).local_tokens(plan, 64)
    with pytest.raises(PlanError, match="don't fit"):
        Ranks(0, 8).local_tokens(plan, 8 * 24)


def test_a_run_goes_on_with_fewer_processes(tmp_path: Path) -> None:
    text = "seven quiet sailors painted their narrow harbour while green lanterns burned above many sleeping ships"
    tokens = Tokens.train([text] * 40, 400)
    tokens.tokenizer.save(str(tmp_path / "tokenizer.json"))
    np.save(tmp_path / "train.npy", np.array(tokens.encode(text * 60), dtype=np.uint16))
    recipe = {
        "seed": 1,
        "precision": "f32",
        "model": {
            "layers": 2, "embedding": 32, "heads": 4, "kv_heads": 4, "feed_forward": 48, "trained_length": 256
        },
        "plan": longnet_plan([(16, 1), (64, 2), (256, 4)]).source,
        "stages": [{"tokens": 64, "rows": 2, "steps": 4, "plain": 0.2, "filler": 0.4, "from": 1, "to": 1}],
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    command = [sys.executable, "-m", "tests.parallel_worker", str(tmp_path), "resume", "4:2", "2:4"]
    subprocess.run(command, cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)
    train(tmp_path / "alone", tmp_path / "recipe.json", tmp_path, minutes=10)
    shared, alone = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("run", "alone"))
    assert shared["state"]["step"] == alone["state"]["step"] == 4
    for name, weight in alone["model"].items():
        # steps of Muon and AdamW divide by the gradient's size: rounding grows
        assert (shared["model"][name] - weight).abs().max() < 1e-3, name
