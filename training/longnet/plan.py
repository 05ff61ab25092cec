"""Attention plans, read from the same JSON as the engine's (resources/plan.schema.json).

`compile_plan` mirrors src/main/engine/plan/compile.ts, which alone gives a plan its meaning; the tests compare both
by logits. Only what training computes is here: what the engine refuses is refused here too.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from math import inf
from pathlib import Path

#: bands without end are listed up to here, in tokens (decision 0002, point 2)
FURTHEST_TOKEN = 2**40


class PlanError(ValueError):
    """A plan that contradicts itself, or one that has no meaning for this model."""


@dataclass(frozen=True)
class Pattern:
    """Segments of `segment_length` tokens aligned to 0, every `dilation`-th token of them."""

    segment_length: int
    dilation: int


@dataclass(frozen=True)
class Band:
    """Keys at the distances [lo, hi), every `stride`-th; RoPE sees slope * distance + base - slope * lo."""

    lo: int
    hi: float
    stride: int
    base: float
    slope: float


@dataclass(frozen=True)
class Plan:
    """A plan as the kernels need it; `source` is the JSON it came from, unchanged (stored in the GGUF)."""

    source: dict
    patterns: tuple[Pattern, ...] = ()
    offset_rule: str = "paper"
    sparse_queries: bool = True
    bands: tuple[Band, ...] = ()
    sinks: int = 0
    dense_up_to: int = 0

    @property
    def name(self) -> str:
        return self.source["name"]

    @property
    def aligned(self) -> bool:
        return bool(self.patterns)

    def to_json(self) -> str:
        return json.dumps(self.source)


def head_offset(head: int, heads: int, dilation: int, rule: str) -> int:
    """o_h: the paper's h mod r (eq. 13-15), or torchscale's contiguous groups floor(h / ceil(H / r))."""
    return head % dilation if rule == "paper" else head // -(-heads // dilation)


def load_plan(path: str | Path) -> Plan:
    return compile_plan(json.loads(Path(path).read_text()))


def compile_plan(source: dict) -> Plan:
    """@raises PlanError for a plan that the engine refuses as well, and for XPOS (not trained here)."""
    if source.get("positions") == "xpos":
        raise PlanError("XPOS is computed by the engine, not trained here")
    if source.get("alignment") == "aligned":
        return _compile_aligned(source)
    if source.get("alignment") == "sliding":
        return _compile_sliding(source)
    raise PlanError('"alignment" must be "aligned" or "sliding"')


def _compile_aligned(source: dict) -> Plan:
    if source.get("mixing") != "multiset" or source.get("sinks") != 0 or source.get("positions") != "rope":
        raise PlanError("an aligned plan has the mixing multiset, RoPE and no sinks")
    if "window" in source or "bands" in source or "denseUpTo" in source:
        raise PlanError('"window", "bands" and "denseUpTo" belong to the alignment "sliding"')
    patterns = tuple(Pattern(p["segmentLength"], p["dilation"]) for p in source["patterns"])
    for pattern in patterns:
        if pattern.segment_length % pattern.dilation:
            raise PlanError(
                f"the segment length {pattern.segment_length} is no multiple of the dilation {pattern.dilation}"
            )
    if "offsetRule" not in source or "sparseQueries" not in source:
        raise PlanError('an aligned plan states "offsetRule" and "sparseQueries"')
    return Plan(source, patterns, source["offsetRule"], source["sparseQueries"])


def _compile_sliding(source: dict) -> Plan:
    if source.get("mixing") != "once":
        raise PlanError('a sliding plan sees each key once: "mixing" must be "once"')
    if "patterns" in source or "offsetRule" in source or "sparseQueries" in source:
        raise PlanError('"patterns", "offsetRule" and "sparseQueries" belong to the alignment "aligned"')
    window = source.get("window", inf)
    if window == inf and ("bands" in source or "denseUpTo" in source):
        raise PlanError('"bands" and "denseUpTo" need a "window"')
    dense_up_to = source.get("denseUpTo", 0)
    if "bands" in source and dense_up_to > window:
        raise PlanError('with "bands", "denseUpTo" must not exceed "window"')
    bands = [Band(0, window, 1, 0, 1)]
    if "bands" in source:
        bands += _bands(source, window)
    return Plan(source, bands=tuple(bands), sinks=source["sinks"], dense_up_to=dense_up_to)


def _bands(source: dict, window: int) -> list[Band]:
    rule = source["bands"]
    piecewise = source["positions"] == "piecewise"
    bands: list[Band] = []
    lo, base, span, before = window, float(window), float(rule["firstSpan"]), 1
    while len(bands) < rule.get("count", inf) and lo < FURTHEST_TOKEN:
        stride = _band_stride(rule, len(bands))
        if stride % before:
            raise PlanError(f"band {len(bands) + 1} has the stride {stride}, no multiple of {before} before it")
        bands.append(Band(lo, 2 * lo, stride, base if piecewise else lo, span / lo if piecewise else 1.0))
        base, span, before, lo = base + span, span * rule["rho"], stride, 2 * lo
    return bands


def _band_stride(rule: dict, i: int) -> int:
    listed = len(rule["exponents"])
    rounds = 0 if i < listed else -(-(i - listed + 1) // rule["period"])
    return min(2 ** (rule["exponents"][i - rounds * rule["period"]] + rounds * rule["increment"]), FURTHEST_TOKEN)


def band_offset(plan: Plan, kv: int, kv_heads: int) -> int:
    """One offset for all bands of a KV head, so that residues are nested (compile.ts, slidingRings)."""
    if len(plan.bands) <= 1:
        return 0
    return int(kv * plan.bands[0].hi / kv_heads + 0.5)


def sink_position(plan: Plan, distance: int) -> float:
    """f(distance): where a sink is placed (compile.ts, slidingDistanceMap)."""
    first = plan.bands[0]
    if plan.source["positions"] == "rope" or first.hi == inf:
        return float(distance)
    if len(plan.bands) == 1:
        return float(min(distance, max(first.hi + plan.sinks, plan.dense_up_to) - 1))
    for band in plan.bands:
        if distance < band.hi:
            return band.base + band.slope * (distance - band.lo)
    last = plan.bands[-1]
    return last.base + last.slope * (last.hi - last.lo)


def longnet_plan(patterns: list[tuple[int, int]], offset_rule: str = "paper") -> Plan:
    """LongNet as published: aligned segments, sparse queries, one softmax over the multiset."""
    return compile_plan(
        {
            "name": "longnet",
            "alignment": "aligned",
            "patterns": [{"segmentLength": w, "dilation": r} for w, r in patterns],
            "offsetRule": offset_rule,
            "sparseQueries": True,
            "mixing": "multiset",
            "positions": "rope",
            "sinks": 0,
        }
    )


def window_plan(window: int) -> Plan:
    """A plain sliding window of `window` keys, the query's own among them."""
    return compile_plan(
        {"name": "window", "alignment": "sliding", "mixing": "once", "positions": "rope", "sinks": 0, "window": window}
    )


def dense_plan() -> Plan:
    return compile_plan(
        {"name": "dense", "alignment": "sliding", "mixing": "once", "positions": "rope", "sinks": 0}
    )
