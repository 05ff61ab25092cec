"""Sliding plans with sinks and bands (`adapted`), by chunks of queries.

Per chunk, each band's keys are gathered once (every stride-th key of the stretch that any of its queries sees),
rotated for that band, and masked by exact distance; one softmax runs over all parts. Memory is chunk x keys seen,
not tokens squared; the backward pass computes each chunk again.
"""
from __future__ import annotations

from math import inf

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .plan import Band, Plan, band_offset, sink_position
from .rope import rope_table, rotate

_chunk = 512


def attend_bands(plan: Plan, q: Tensor, k: Tensor, v: Tensor, base: float, chunk: int = _chunk) -> Tensor:
    """[batch, heads, tokens, head_dim], k and v with KV heads; not rotated yet"""
    tokens = q.shape[2]
    parts = []
    for start in range(0, tokens, chunk):
        end = min(start + chunk, tokens)
        arguments = (plan, q[:, :, start:end], k[:, :, :end], v[:, :, :end], base, start)
        again = torch.is_grad_enabled() and q.requires_grad
        parts.append(checkpoint(_chunk_attention, *arguments, use_reentrant=False) if again else _chunk_attention(*arguments))
    return torch.cat(parts, 2)


def _chunk_attention(plan: Plan, q: Tensor, k: Tensor, v: Tensor, base: float, start: int) -> Tensor:
    kv_heads = k.shape[1]
    outputs = []
    for kv in range(kv_heads):
        group = slice(kv * q.shape[1] // kv_heads, (kv + 1) * q.shape[1] // kv_heads)
        rows = q[:, group]
        offset = band_offset(plan, kv, kv_heads)
        logits, values = [], []
        if plan.sinks > 0:
            logits.append(_sink_logits(plan, rows, k[:, kv], base, start))
            values.append(v[:, kv, : plan.sinks])
        for i, band in enumerate(plan.bands):
            first, last = _stretch(plan, band, i == 0, start, q.shape[2])
            keys = _keys(first, last, band.stride, offset, q.device)
            if len(keys) == 0:
                continue
            logits.append(_band_logits(plan, band, i == 0, rows, k[:, kv, keys], keys, base, start))
            values.append(v[:, kv, keys])
        weights = torch.cat(logits, -1).softmax(-1).type_as(v)
        outputs.append(weights @ torch.cat(values, 1)[:, None])
    return torch.cat(outputs, 1)


def _stretch(plan: Plan, band: Band, first_band: bool, start: int, rows: int) -> tuple[int, int]:
    """Keys that any query of the chunk may see in this band: [first, last]"""
    lowest = start - band.hi + 1
    if first_band and start < plan.dense_up_to:
        lowest = 0
    return int(max(plan.sinks, lowest)) if lowest != -inf else plan.sinks, start + rows - 1 - band.lo


def _keys(first: int, last: int, stride: int, offset: int, device: torch.device) -> Tensor:
    begin = first + (offset - first) % stride
    return torch.arange(begin, last + 1, stride, device=device) if begin <= last else torch.empty(0, dtype=torch.long)


def _turned(x: Tensor, positions: Tensor, base: float) -> Tensor:
    return rotate(x, rope_table(positions, x.shape[-1], base))


def _band_logits(
    plan: Plan, band: Band, first_band: bool, q: Tensor, k: Tensor, keys: Tensor, base: float, start: int
) -> Tensor:
    p = torch.arange(start, start + q.shape[2], device=q.device)
    # positions count from the chunk, so that they stay small in f64 however long the text is
    turned_q = _turned(q, (p - start).double() * band.slope + (band.base - band.slope * band.lo), base)
    turned_k = _turned(k, (keys - start).double() * band.slope, base)
    scores = (turned_q @ turned_k[:, None].transpose(-1, -2)).float() * q.shape[-1] ** -0.5
    distance = p[:, None] - keys[None, :]
    seen = (distance >= band.lo) & (distance < band.hi)
    if first_band:
        seen |= (p[:, None] < plan.dense_up_to) & (distance >= 0)
    return scores.masked_fill(~seen, -inf)


def _sink_logits(plan: Plan, q: Tensor, k: Tensor, base: float, start: int) -> Tensor:
    p = torch.arange(start, start + q.shape[2], device=q.device)
    sinks = torch.arange(min(plan.sinks, k.shape[1]), device=q.device)
    places = torch.tensor([sink_position(plan, int(each)) for each in p], dtype=torch.float64, device=q.device)
    scores = _turned(q, places, base) @ _turned(k[:, : len(sinks)], sinks.double(), base)[:, None].transpose(-1, -2)
    return (scores.float() * q.shape[-1] ** -0.5).masked_fill(sinks[None, :] > p[:, None], -inf)
