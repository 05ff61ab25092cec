"""Attention under a plan, forward and backward.

Two forms of each plan: `attend_by_mask` is the readable one (every query against every key, O(n^2), any plan), the
others are what training runs. Tests compare them, and both with the recorded vectors of torchscale.

All tensors are [batch, heads, tokens, head_dim]; k and v may have fewer heads (grouped-query attention).
"""
from __future__ import annotations

from math import inf

import torch
from torch import Tensor

from .bands import attend_bands
from .plan import Pattern, Plan, band_offset, head_offset, sink_position
from .rope import rope_table, rotate

_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
#: below this many rows PyTorch's flash backward is slower on a CPU than plain products (measured: 2x at 128 rows)
_short = 256
_flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


# ---- the readable form ----


def multiplicity(plan: Plan, heads: int, tokens: int, head: int) -> Tensor:
    """How often query p counts key k in an aligned plan: f32 [p, k]."""
    p = torch.arange(tokens)[:, None]
    k = torch.arange(tokens)[None, :]
    counts = torch.zeros(tokens, tokens)
    for pattern in plan.patterns:
        w, r = pattern.segment_length, pattern.dilation
        offset = head_offset(head, heads, r, plan.offset_rule)
        seen = (k <= p) & (k // w == p // w) & (k % w % r == offset)
        if plan.sparse_queries:
            seen &= p % w % r == offset
        counts += seen
    return counts


def attend_by_mask(plan: Plan, q: Tensor, k: Tensor, v: Tensor, rope_base: float | None) -> Tensor:
    """Any plan, one head after the other, all pairs of query and key. q and k are not rotated yet."""
    heads, kv_heads, tokens = q.shape[1], k.shape[1], q.shape[2]
    outputs = []
    for head in range(heads):
        kv = head * kv_heads // heads
        group = (q[:, head], k[:, kv], rope_base)
        if plan.aligned:
            logits, seen = _scores(*group, 1.0, 0.0), multiplicity(plan, heads, tokens, head).to(q.device)
            logits = logits + seen.log()
        else:
            logits = _sliding_logits(plan, *group, kv, kv_heads)
        # a query that no pattern serves gets 0
        unserved = (logits == -inf).all(-1, keepdim=True)
        weights = logits.masked_fill(unserved, 0).softmax(-1).masked_fill(unserved, 0)
        outputs.append(weights.type_as(v) @ v[:, kv])
    return torch.stack(outputs, 1)


def _scores(q: Tensor, k: Tensor, base: float | None, slope: float, intercept: float) -> Tensor:
    """q . k / sqrt(d) with the relative position slope * (p - k) + intercept; [batch, p, k]"""
    scale = q.shape[-1] ** -0.5
    if base is None:
        return q.float() @ k.float().transpose(-1, -2) * scale
    steps = torch.arange(q.shape[-2], device=q.device, dtype=torch.float64) * slope
    q = rotate(q, rope_table(steps + intercept, q.shape[-1], base))
    k = rotate(k, rope_table(steps, k.shape[-1], base))
    return q.float() @ k.float().transpose(-1, -2) * scale


def _sliding_logits(plan: Plan, q: Tensor, k: Tensor, base: float | None, kv: int, kv_heads: int) -> Tensor:
    tokens = q.shape[-2]
    p = torch.arange(tokens, device=q.device)[:, None]
    key = torch.arange(tokens, device=q.device)[None, :]
    logits = torch.full((q.shape[0], tokens, tokens), -inf, device=q.device)
    offset = band_offset(plan, kv, kv_heads)
    for i, band in enumerate(plan.bands):
        if band.lo >= tokens:
            break
        seen = (p - key >= band.lo) & (p - key < band.hi) & (key % band.stride == offset % band.stride)
        if i == 0:
            seen |= (p < plan.dense_up_to) & (key <= p)
        seen &= key >= plan.sinks
        scores = _scores(q, k, base, band.slope, band.base - band.slope * band.lo)
        logits = torch.where(seen, scores, logits)
    for sink in range(min(plan.sinks, tokens)):
        logits[:, :, sink] = torch.where(p[:, 0] >= sink, _sink_scores(plan, q, k, base, sink), -inf)
    return logits


def _sink_scores(plan: Plan, q: Tensor, k: Tensor, base: float | None, sink: int) -> Tensor:
    """Sinks stand at their own position, the query at f(p)."""
    key = k[:, sink : sink + 1]
    if base is not None:
        places = torch.tensor([sink_position(plan, p) for p in range(q.shape[-2])], dtype=torch.float64)
        q = rotate(q, rope_table(places.to(q.device), q.shape[-1], base))
        key = rotate(key, rope_table(torch.tensor([float(sink)], device=q.device), k.shape[-1], base))
    return (q.float() * key.float()).sum(-1) * q.shape[-1] ** -0.5


# ---- dilated attention by gathered blocks ----


def sparsify(x: Tensor, pattern: Pattern, offsets: Tensor) -> Tensor:
    """[B, H, n, d] with n a multiple of w -> [H, B, n / w, w / r, d]: of each segment the tokens of the head's residue."""
    w, r = pattern.segment_length, pattern.dilation
    blocks = x.unflatten(2, (-1, w // r, r))
    return blocks[:, torch.arange(x.shape[1], device=x.device), :, :, offsets]


def scatter_add(target: Tensor, rows: Tensor, pattern: Pattern, offsets: Tensor) -> None:
    """The opposite of `sparsify`, adding."""
    w, r = pattern.segment_length, pattern.dilation
    blocks = target.unflatten(2, (-1, w // r, r))
    heads = torch.arange(target.shape[1], device=target.device)
    blocks[:, heads, :, :, offsets] = blocks[:, heads, :, :, offsets] + rows


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """[N, m, d] -> output and log-sum-exp [N, m] (f32)"""
    if q.device.type == "cpu":
        out, lse = _flash(q[:, None], k[:, None], v[:, None], 0.0, True)
        return out[:, 0], lse[:, 0]
    scores = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
    ahead = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
    scores = scores.masked_fill(ahead, -inf)
    lse = scores.logsumexp(-1)
    return (scores - lse[..., None]).exp().type_as(v) @ v, lse


def causal_attention_backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients where `out` and `lse` are those of the whole softmax, of which q, k, v hold a part of the keys."""
    if q.device.type == "cpu" and q.shape[1] > _short:
        heads = [x[:, None].contiguous() for x in (grad, q, k, v, out, lse)]
        return tuple(g[:, 0] for g in _flash_backward(*heads, 0.0, True))
    scale = q.shape[-1] ** -0.5
    ahead = torch.full((q.shape[1], k.shape[1]), -inf, dtype=q.dtype, device=q.device).triu(1)
    scores = torch.baddbmm(ahead, q, k.transpose(-1, -2), alpha=scale)
    weights = torch.sub(scores, lse[..., None]).exp_().to(q.dtype)
    delta = (grad.float() * out.float()).sum(-1, keepdim=True).to(q.dtype)
    d_scores = torch.baddbmm(-delta, grad, v.transpose(-1, -2)).mul_(weights).mul_(scale)
    return d_scores @ k, d_scores.transpose(-1, -2) @ q, weights.transpose(-1, -2) @ grad


class DilatedAttention(torch.autograd.Function):
    """LongNet's attention (sparse queries): per pattern one causal attention over gathered blocks, merged by LSE.

    The backward pass runs per pattern with the merged output and log-sum-exp: dS = P (dP - rowsum(dO O)) holds for
    each key of one softmax on its own, so the mixing weights get their gradient as well (torchscale stops it).
    """

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, plan: Plan) -> Tensor:
        n, heads = q.shape[2], q.shape[1]
        parts = []
        for pattern in merged_patterns(plan.patterns, n):
            offsets = offsets_of(plan, pattern, heads, q.device)
            blocks = [sparsify(pad(x, pattern), pattern, offsets) for x in (q, k, v)]
            out, lse = causal_attention(*(b.flatten(0, 2) for b in blocks))
            parts.append((pattern, offsets, out.view(blocks[0].shape), lse.view(blocks[0].shape[:-1])))
        total = torch.full(q.shape[:3], -inf, device=q.device)
        spread = []
        for pattern, offsets, out, lse in parts:
            wide = torch.full((*q.shape[:2], padded(n, pattern)), -inf, device=q.device)
            blocks = wide.unflatten(2, (-1, pattern.segment_length // pattern.dilation, pattern.dilation))
            blocks[:, torch.arange(heads), :, :, offsets] = lse
            spread.append(wide[:, :, :n])
            total = torch.logaddexp(total, spread[-1])
        result = torch.zeros(q.shape, device=q.device)
        for (pattern, offsets, out, _), lse in zip(parts, spread):
            share = torch.nan_to_num((lse - total).exp())  # 0 where the pattern does not serve the query
            wide = torch.zeros((*q.shape[:2], padded(n, pattern), q.shape[3]), dtype=out.dtype, device=q.device)
            blocks = wide.unflatten(2, (-1, pattern.segment_length // pattern.dilation, pattern.dilation))
            blocks[:, torch.arange(heads), :, :, offsets] = out
            result += wide[:, :, :n] * share[..., None]
        result = result.type_as(q)
        ctx.plan = plan
        ctx.save_for_backward(q, k, v, result, total)
        return result

    @staticmethod
    def backward(ctx, grad: Tensor):
        q, k, v, out, lse = ctx.saved_tensors
        n, heads = q.shape[2], q.shape[1]
        # grad arrives as a transposed view; the blocks are gathered from whole rows
        grads = [torch.zeros(x.shape, device=x.device) for x in (q, k, v)]
        for pattern in merged_patterns(ctx.plan.patterns, n):
            offsets = offsets_of(ctx.plan, pattern, heads, q.device)
            gathered = [sparsify(pad(x, pattern), pattern, offsets) for x in (grad, q, k, v, out)]
            part_lse = sparsify(pad(lse[..., None], pattern), pattern, offsets)[..., 0]
            parts = causal_attention_backward(*(x.flatten(0, 2) for x in gathered), part_lse.flatten(0, 2))
            for target, part in zip(grads, parts):
                wide = torch.zeros((*target.shape[:2], padded(n, pattern), target.shape[3]), device=q.device)
                scatter_add(wide, part.reshape(gathered[0].shape).float(), pattern, offsets)
                target += wide[:, :, :n]
        return *(g.type_as(q) for g in grads), None


def offsets_of(plan: Plan, pattern: Pattern, heads: int, device: torch.device) -> Tensor:
    rule = plan.offset_rule
    return torch.tensor([head_offset(h, heads, pattern.dilation, rule) for h in range(heads)], device=device)


def merged_patterns(patterns: tuple[Pattern, ...], tokens: int) -> list[Pattern]:
    """Patterns with segments longer than the text, cut to it: the same keys, less padding."""
    shortest = [min(p.segment_length, -(-tokens // p.dilation) * p.dilation) for p in patterns]
    return [Pattern(w, p.dilation) for w, p in zip(shortest, patterns)]


def padded(tokens: int, pattern: Pattern) -> int:
    return -(-tokens // pattern.segment_length) * pattern.segment_length


def pad(x: Tensor, pattern: Pattern) -> Tensor:
    """Zero rows up to whole segments: after every real query, so no causal query sees them."""
    missing = padded(x.shape[2], pattern) - x.shape[2]
    return x if missing == 0 else torch.nn.functional.pad(x, (0, 0, 0, missing))


def repeat_kv(x: Tensor, heads: int) -> Tensor:
    return x if x.shape[1] == heads else x.repeat_interleave(heads // x.shape[1], dim=1)


# ---- a plain window, and everything ----


class WindowAttention(torch.autograd.Function):
    """A sliding window by two causal attentions per block of W - 1 queries: their own block, and the block before it
    turned round (of that block query i sees the keys j >= i, which is causal when both run backwards)."""

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
        n = q.shape[2]
        q, k, v = (_blocks(x, block) for x in (q, k, v))
        out, lse = causal_attention(*(x.flatten(0, 2) for x in (q, k, v)))
        out, lse = out.view(q.shape).float(), lse.view(q.shape[:3] + (block,))
        if q.shape[2] > 1:
            far, far_lse = causal_attention(*(x.flatten(0, 2) for x in _before(q, k, v)))
            far = far.view(q[:, :, 1:].shape).flip(3).float()
            far_lse = far_lse.view(far.shape[:-1]).flip(3)
            total = torch.logaddexp(lse[:, :, 1:], far_lse)
            out[:, :, 1:] *= (lse[:, :, 1:] - total).exp()[..., None]
            out[:, :, 1:] += far * (far_lse - total).exp()[..., None]
            lse[:, :, 1:] = total
        out = out.type_as(q)
        ctx.block = block
        ctx.save_for_backward(q, k, v, out, lse)
        return out.flatten(2, 3)[:, :, :n]

    @staticmethod
    def backward(ctx, grad: Tensor):
        q, k, v, out, lse = ctx.saved_tensors
        n = grad.shape[2]
        grad = _blocks(grad, ctx.block)
        own = causal_attention_backward(*(x.flatten(0, 2) for x in (grad, q, k, v, out, lse)))
        dq, dk, dv = (g.reshape(q.shape).float() for g in own)
        if q.shape[2] > 1:
            late = [x[:, :, 1:].flip(3).flatten(0, 2) for x in (grad, out, lse)]
            parts = causal_attention_backward(late[0], *(x.flatten(0, 2) for x in _before(q, k, v)), *late[1:])
            far = [g.view(q[:, :, 1:].shape).flip(3) for g in parts]
            dq[:, :, 1:] += far[0]
            dk[:, :, :-1] += far[1]
            dv[:, :, :-1] += far[2]
        return *(g.type_as(q).flatten(2, 3)[:, :, :n] for g in (dq, dk, dv)), None


def _blocks(x: Tensor, block: int) -> Tensor:
    return pad(x, Pattern(block, 1)).unflatten(2, (-1, block)).contiguous()


def _before(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return q[:, :, 1:].flip(3), k[:, :, :-1].flip(3), v[:, :, :-1].flip(3)


def attend(plan: Plan, q: Tensor, k: Tensor, v: Tensor, rope_base: float) -> Tensor:
    """The efficient form of a plan. q and k are not rotated yet."""
    tokens, heads = q.shape[2], q.shape[1]
    if not plan.aligned and (plan.sinks > 0 or len(plan.bands) > 1 or plan.dense_up_to > 0):
        return attend_bands(plan, q, k, v, rope_base)
    if plan.aligned and not plan.sparse_queries:
        return attend_by_mask(plan, q, k, v, rope_base)
    table = rope_table(torch.arange(tokens, device=q.device), q.shape[-1], rope_base)
    q, k = rotate(q, table), rotate(k, table)
    k, v = repeat_kv(k, heads), repeat_kv(v, heads)
    if plan.aligned:
        return DilatedAttention.apply(q, k, v, plan)
    window = plan.bands[0].hi
    if window < tokens:
        return WindowAttention.apply(q, k, v, int(window) - 1)
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
