"""Sequence-parallel training of LongNet (the paper's distributed algorithm), causal and right.

Rank i of N holds the tokens [i l, (i + 1) l). A pattern whose segment fits into l is local. For a longer one each
rank sparsifies its own keys and values first, gathers the sparse ones of its segment's ranks, and its own sparse
queries attend to those at or before them, by absolute position; backwards the gradients of keys and values are
reduce-scattered. A rank receives w/r rows per pattern, whatever the text's length is. (torchscale's causal path
leaves the own stretch out and masks by local positions; it is not the single-device function.)

Backends: gloo between processes, NCCL between GPUs.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from math import inf

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from .attention import causal_attention, causal_attention_backward, offsets_of, repeat_kv, scatter_add, sparsify
from .model import Model
from .plan import Pattern, Plan, PlanError
from .rope import rope_table, rotate


@dataclass
class Traffic:
    """Bytes that a rank received from others, forwards and backwards, of sparse keys and values."""

    forward: int = 0
    backward: int = 0


@dataclass
class Ranks:
    """This process among those that share a sequence."""

    rank: int
    size: int
    #: processes of one segment, by how many ranks a segment spans
    groups: dict[int, dist.ProcessGroup] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)

    @staticmethod
    def of_world(plan: Plan, tokens: int) -> "Ranks":
        """@param tokens: of the whole sequence
        @raises PlanError when the ranks' stretches and the plan's segments don't fit into each other"""
        ranks = Ranks(dist.get_rank(), dist.get_world_size())
        local = ranks.local_tokens(plan, tokens)
        for span in sorted({ranks.span(p, local) for p in plan.patterns} - {1}):
            # every process has to make every group
            for first in range(0, ranks.size, span):
                group = dist.new_group(list(range(first, min(first + span, ranks.size))))
                if first <= ranks.rank < first + span:
                    ranks.groups[span] = group
        return ranks

    def local_tokens(self, plan: Plan, tokens: int) -> int:
        if tokens % self.size:
            raise PlanError(f"{tokens} tokens can't be shared evenly by {self.size} processes")
        local = tokens // self.size
        for w, r in ((p.segment_length, p.dilation) for p in plan.patterns):
            whole = min(w, tokens)
            if local % r or (whole % local and local % whole):
                raise PlanError(
                    f"a stretch of {local} tokens and segments of {w} with dilation {r} don't fit: one must be a "
                    "multiple of the other, and the stretch a multiple of the dilation"
                )
        return local

    def span(self, pattern: Pattern, local: int) -> int:
        """Ranks that a segment of this pattern covers"""
        return min(max(1, pattern.segment_length // local), self.size)


class ParallelDilatedAttention(torch.autograd.Function):
    """q, k, v [batch, heads, l, d]: this rank's stretch, rotated to absolute positions. As `DilatedAttention`."""

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, plan: Plan, ranks: Ranks) -> Tensor:
        n, heads = q.shape[2], q.shape[1]
        total = torch.full(q.shape[:3], -inf, device=q.device)
        parts, context = [], []
        for pattern in plan.patterns:
            span = ranks.span(pattern, n)
            cut = Pattern(min(pattern.segment_length, n), pattern.dilation)
            offsets = offsets_of(plan, pattern, heads, q.device)
            rows = [sparsify(x, cut, offsets) for x in (q, k, v)]
            shape = rows[0].shape
            if span == 1:
                out, lse = causal_attention(*(x.flatten(0, 2) for x in rows))
                context.append((cut, offsets, None))
            else:
                group = ranks.groups[span]
                keys, values = (_gather(x.flatten(0, 2), group, ranks.traffic) for x in rows[1:])
                before = ranks.rank % span * shape[3]
                keys, values = keys[:, : before + shape[3]], values[:, : before + shape[3]]
                out, lse = _attend(rows[0].flatten(0, 2), keys, values, before)
                context.append((cut, offsets, (group, keys, values, before)))
            wide = torch.full(q.shape[:3], -inf, device=q.device)
            blocks = wide.unflatten(2, (-1, cut.segment_length // cut.dilation, cut.dilation))
            blocks[:, torch.arange(heads), :, :, offsets] = lse.view(shape[:-1])
            total = torch.logaddexp(total, wide)
            parts.append((cut, offsets, out.view(shape), wide))
        result = torch.zeros(q.shape, device=q.device)
        for cut, offsets, out, lse in parts:
            wide = torch.zeros(q.shape, device=q.device)
            scatter_add(wide, out.float(), cut, offsets)
            result += wide * torch.nan_to_num((lse - total).exp())[..., None]
        result = result.type_as(q)
        ctx.context, ctx.ranks = context, ranks
        ctx.save_for_backward(q, k, v, result, total)
        return result

    @staticmethod
    def backward(ctx, grad: Tensor):
        q, k, v, out, lse = ctx.saved_tensors
        grads = [torch.zeros(x.shape, device=x.device) for x in (q, k, v)]
        for cut, offsets, gathered in ctx.context:
            rows = [sparsify(x, cut, offsets) for x in (grad.contiguous(), q, k, v, out)]
            shape = rows[0].shape
            flat = [x.flatten(0, 2) for x in rows]
            part_lse = sparsify(lse[..., None], cut, offsets).flatten(0, 2)[..., 0]
            if gathered is None:
                parts = causal_attention_backward(*flat, part_lse)
            else:
                group, keys, values, before = gathered
                dq, dk, dv = _attend_backward(flat[0], flat[1], keys, values, flat[4], part_lse, before)
                traffic = ctx.ranks.traffic
                parts = (dq, *(_reduce_scatter(x, shape[3], group, traffic) for x in (dk, dv)))
            for target, part in zip(grads, parts):
                scatter_add(target, part.reshape(shape).float(), cut, offsets)
        return *(g.type_as(q) for g in grads), None, None


def _gather(rows: Tensor, group: dist.ProcessGroup, traffic: Traffic) -> Tensor:
    """[N, m, d] of each rank -> [N, ranks * m, d] in the order of the ranks"""
    size = dist.get_world_size(group)
    parts = [torch.empty_like(rows) for _ in range(size)]
    dist.all_gather(parts, rows.contiguous(), group=group)
    traffic.forward += rows.numel() * rows.element_size() * (size - 1)
    return torch.cat(parts, 1)


def _reduce_scatter(grad: Tensor, rows: int, group: dist.ProcessGroup, traffic: Traffic) -> Tensor:
    """Gradients of the gathered rows (of those up to the own rank) -> the sum over ranks for the own rows"""
    size = dist.get_world_size(group)
    whole = F.pad(grad.float(), (0, 0, 0, size * rows - grad.shape[1])).unflatten(1, (size, rows))
    stacked = whole.transpose(0, 1).contiguous()
    own = torch.empty_like(stacked[0])
    dist.reduce_scatter_tensor(own, stacked.flatten(0, 1), group=group)
    traffic.backward += own.numel() * own.element_size() * (size - 1)
    return own


def _scores(q: Tensor, k: Tensor, before: int) -> Tensor:
    """Row i is the sparse position before + i: it sees the keys up to there."""
    ahead = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool, device=q.device).triu(before + 1)
    return ((q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5).masked_fill(ahead, -inf)


def _attend(q: Tensor, k: Tensor, v: Tensor, before: int) -> tuple[Tensor, Tensor]:
    scores = _scores(q, k, before)
    lse = scores.logsumexp(-1)
    return (scores - lse[..., None]).exp().type_as(v) @ v, lse


def _attend_backward(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, before: int):
    weights = (_scores(q, k, before) - lse[..., None]).exp()
    delta = (grad.float() * out.float()).sum(-1, keepdim=True)
    d_scores = (weights * ((grad @ v.transpose(-1, -2)).float() - delta) * q.shape[-1] ** -0.5).type_as(q)
    weights = weights.type_as(v)
    return d_scores @ k, d_scores.transpose(-1, -2) @ q, weights.transpose(-1, -2) @ grad


def _attention(plan: Plan, ranks: Ranks, base: float, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    n, heads = q.shape[2], q.shape[1]
    table = rope_table(torch.arange(ranks.rank * n, (ranks.rank + 1) * n, device=q.device), q.shape[-1], base)
    rows = rotate(q, table), repeat_kv(rotate(k, table), heads), repeat_kv(v, heads)
    return ParallelDilatedAttention.apply(*rows, plan, ranks)


def accumulate(model: Model, ids: Tensor, weights: Tensor, plan: Plan, ranks: Ranks, share: float = 1.0) -> Tensor:
    """Adds `share` times the gradients of the weighted mean loss to the model's (equal on all ranks afterwards).

    @param ids: [batch, tokens + 1] of the whole sequence on every rank; @param weights: [batch, tokens]
    @returns the loss per token of the whole sequence [batch, tokens]"""
    if not plan.aligned or not plan.sparse_queries:
        raise PlanError("sequence-parallel training is for LongNet's plans (aligned, sparse queries)")
    local = ranks.local_tokens(plan, weights.shape[1])
    own = slice(ranks.rank * local, (ranks.rank + 1) * local)
    hidden = model.hidden(ids[:, :-1][:, own], partial(_attention, plan, ranks, model.config.rope_base))
    logits = model.logits(hidden).float().flatten(0, 1)
    losses = F.cross_entropy(logits, ids[:, 1:][:, own].flatten(), reduction="none").view(-1, local)
    before = {p: p.grad for p in model.parameters()}
    for p in before:
        p.grad = None
    ((losses * weights[:, own]).sum() * (share / weights.sum())).backward()
    for p, earlier in before.items():
        dist.all_reduce(p.grad)
        if earlier is not None:
            p.grad += earlier
    parts = [torch.empty_like(losses) for _ in range(ranks.size)]
    dist.all_gather(parts, losses.detach().contiguous())
    return torch.cat(parts, 1)
