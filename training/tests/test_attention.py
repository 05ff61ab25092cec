"""Plans: the fast forms equal the readable one forwards and backwards, and LongNet's equals torchscale's vectors."""
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from longnet.attention import DilatedAttention, attend, attend_by_mask, repeat_kv
from longnet.adapt import adapted_plan
from longnet.plan import PlanError, compile_plan, dense_plan, longnet_plan, window_plan

data = Path(os.environ.get("LONGLEAF_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "longnet"
cases = json.loads((data / "cases.json").read_text())["cases"] if data.exists() else []


def tensors(case: dict) -> dict[str, torch.Tensor]:
    raw = np.fromfile(data / case["file"], dtype="<f4")
    found = {}
    for name, t in case["tensors"].items():
        start = t["offset"] // 4
        found[name] = torch.from_numpy(raw[start : start + int(np.prod(t["shape"]))].reshape(t["shape"]).copy())[None]
    return found


@pytest.mark.skipif(not cases, reason="no test data: data/longnet")
@pytest.mark.parametrize("rule, expected", [("torchscale", "o"), ("paper", "o_paper")])
@pytest.mark.parametrize("case", [c for c in cases if c["causal"]], ids=lambda c: c["name"])
def test_vectors(case: dict, rule: str, expected: str) -> None:
    t = tensors(case)
    q, k, v = t.get("qr", t["q"]), t.get("kr", t["k"]), t["v"]
    plan = longnet_plan([tuple(p) for p in case["patterns"]], rule)
    heads = q.shape[1]
    rows = [x.requires_grad_() for x in (q, k, v)]
    fast = DilatedAttention.apply(q, repeat_kv(k, heads), repeat_kv(v, heads), plan)
    readable = attend_by_mask(plan, q, k, v, None)
    assert (fast - t[expected]).abs().max() < 1e-4
    assert (readable - t[expected]).abs().max() < 1e-4
    grad = torch.randn_like(fast)
    for a, b in zip(torch.autograd.grad(fast, rows, grad), torch.autograd.grad(readable, rows, grad)):
        assert (a - b).abs().max() < 1e-5


short_window = {
    "name": "window", "alignment": "sliding", "mixing": "once", "positions": "piecewise",
    "sinks": 4, "window": 248, "denseUpTo": 256,
}
plans = {
    "longnet": longnet_plan([(64, 1), (256, 4)], "torchscale"),
    "longnet, long segments": longnet_plan([(64, 1), (1024, 2), (4096, 4)]),
    "adapted": adapted_plan(256),
    "window with sinks": compile_plan(short_window),
    "window": window_plan(101),
    "dense": dense_plan(),
}


@pytest.mark.parametrize("plan", plans.values(), ids=plans.keys())
def test_fast_form_equals_the_readable_one(plan) -> None:
    torch.manual_seed(1)
    q = torch.randn(1, 8, 700, 16, requires_grad=True)
    k, v = (torch.randn(1, 2, 700, 16, requires_grad=True) for _ in range(2))
    fast, readable = attend(plan, q, k, v, 1e4), attend_by_mask(plan, q, k, v, 1e4)
    assert (fast - readable).abs().max() < 1e-5
    grad = torch.randn_like(fast)
    for a, b in zip(torch.autograd.grad(fast, (q, k, v), grad), torch.autograd.grad(readable, (q, k, v), grad)):
        assert (a - b).abs().max() < 2e-5


def test_16_bit_differs_by_its_rounding_only() -> None:
    torch.manual_seed(2)
    q, k, v = (torch.randn(1, 8, 600, 16) for _ in range(3))
    plan = plans["longnet, long segments"]
    exact = attend(plan, q, k, v, 1e4)
    half = attend(plan, q.bfloat16(), k.bfloat16(), v.bfloat16(), 1e4)
    assert ((half.float() - exact).square().mean() / exact.square().mean()) < 5e-4


def test_what_the_engine_refuses_is_refused() -> None:
    source = longnet_plan([(64, 1)]).source
    with pytest.raises(PlanError, match="no multiple"):
        longnet_plan([(16384, 6)])
    for change in ({"sinks": 4}, {"mixing": "once"}, {"window": 4}, {"positions": "xpos"}):
        with pytest.raises(PlanError):
            compile_plan({**source, **change})
    with pytest.raises(PlanError, match="denseUpTo"):
        compile_plan({**adapted_plan(256).source, "denseUpTo": 128})
