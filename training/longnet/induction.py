"""Initial weights in which recall is already sketched: an induction circuit (Olsson et al. 2022), written down instead
of waited for. A few million tokens are enough to use and refine such a circuit, not to find one (measured, decision
0028). All weights are trained afterwards.

The residual stream is cut into four orthogonal parts of a quarter each: a code of the token itself, and slots for the
codes of the tokens 1, 2 and 3 before. Layer 0 fills the slots: head s - 1 looks s tokens back. The middle layers
match: a query's own code and slots against a key's slots one further back, so that a key's token is what followed
the same tokens earlier; the token goes to the output. Layer 2 does the same for keys one token later, because under
a dilated plan a position sees only some of the far ones. Embeddings share one constant, from which heads that look
at a distance take their queries and keys.
"""
from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .rope import frequencies

if TYPE_CHECKING:
    from .model import Model

#: of an embedding's entries, outside its code part: they disturb the slots
OUTSIDE_CODE = 0.2
#: the constant of all embeddings, in units of an embedding's usual norm
CONSTANT = 0.5
#: logits by which a head that looks s tokens back prefers it to the tokens beside it
SHARPNESS = 8.0
#: logits that one equal token adds to a match
MATCH = 6.0
#: pairs of RoPE that turn by less than a radian within so many tokens carry what is compared
REACH = 4096


def initialise(model: "Model") -> None:
    """Sketches the circuit into the first layers. Needs as many KV heads as heads, at least 4 heads of an even size
    >= a quarter of the embedding, two layers; other models keep what they have."""
    c = model.config
    code = c.embedding // 4
    if c.heads != c.kv_heads or c.heads < 4 or c.head_dim < code or c.layers < 2:
        return
    with torch.no_grad():
        parts = _embeddings(model, code)
        _look_back(model, parts)
        for layer, later in ((1, 0), (2, 1)):
            if layer < c.layers:
                _match(model, layer, later, parts)


def _embeddings(model: "Model", code: int) -> list[Tensor]:
    """@returns the parts of the residual stream, each [code, embedding] with orthonormal rows; the constant has a
    direction of its own, taken from the last slot's part"""
    weight = model.token_embd.weight
    width = weight.shape[1]
    basis = nn.init.orthogonal_(torch.empty(width, width))
    parts = list(basis.split(code))
    own = parts[0]
    weight.mul_(OUTSIDE_CODE)
    weight.add_((1 - OUTSIDE_CODE) * (weight / OUTSIDE_CODE) @ own.T @ own)
    constant = basis[-1]
    weight.sub_((weight @ constant)[:, None] * constant)
    weight.add_(constant * CONSTANT * weight.norm(dim=1).mean())
    parts[-1] = parts[-1][:-1]
    return [*parts, constant[None]]


def _look_back(model: "Model", parts: list[Tensor]) -> None:
    """Layer 0: head s - 1 looks s tokens back and writes their code into slot s. The score of distance d is
    a^2 sum_i +-cos(theta_i (d - s)) / sqrt(head_dim), from the constant alone."""
    c, layer = model.config, model.blk[0]
    own, constant = parts[0], parts[-1][0]
    embedding = model.token_embd.weight
    normed = embedding / embedding.square().mean(-1, keepdim=True).sqrt()
    level = float((normed @ constant).mean())
    theta = frequencies(c.head_dim, c.rope_base)
    # as many of the slowest pairs are subtracted as fast ones are added: the score is 0 at the distance and negative
    # elsewhere, so that what differs from token to token in the constant's share does not matter
    fast = int((theta > 0.1).sum())
    signs = torch.zeros(len(theta))
    signs[:fast], signs[-fast:] = 1, -1
    contrast = float((1 - theta[:fast].cos()).sum()) / sqrt(c.head_dim)
    a = sqrt(SHARPNESS / contrast) / level
    for s in range(1, 4):
        head = slice((s - 1) * c.head_dim, s * c.head_dim)
        turned = (torch.stack(((theta * s).cos(), (theta * s).sin()), -1) * signs[:, None]).flatten().float()
        plain = torch.tensor([1.0, 0.0]).repeat(c.head_dim // 2)
        layer.attn_q.weight[head] = a * plain[:, None] * constant
        layer.attn_k.weight[head] = a * turned[:, None] * constant
        slot = parts[s]
        values = torch.zeros(c.head_dim, c.embedding)
        values[: len(slot)] = own[: len(slot)]
        layer.attn_v.weight[head] = values
        layer.attn_output.weight[:, head] = 0
        # the residual stream holds embeddings, smaller than the normed rows that the head reads
        scale = float(embedding.square().mean().sqrt())
        layer.attn_output.weight[:, (s - 1) * c.head_dim : (s - 1) * c.head_dim + len(slot)] = scale * slot.T


def _match(model: "Model", index: int, later: int, parts: list[Tensor]) -> None:
    """Keys `later` tokens after the one that is sought"""
    c, layer = model.config, model.blk[index]
    sources = parts[:4]
    theta = frequencies(c.head_dim, c.rope_base)
    slow = int((theta * REACH < 1).sum()) * 2
    for h in range(c.heads):
        head = slice(h * c.head_dim, (h + 1) * c.head_dim)
        q, k = torch.zeros(c.head_dim, c.embedding), torch.zeros(c.head_dim, c.embedding)
        for s in range(3 - later):
            one, other = sources[s], sources[s + 1 + later]
            n = min(len(one), len(other))
            mixed = nn.init.normal_(torch.empty(slow, n), std=slow**-0.5)
            q[-slow:] += mixed @ one[:n]
            k[-slow:] += mixed @ other[:n]
        # normed rows have the norm sqrt(embedding), spread over the parts
        gain = sqrt(MATCH * sqrt(c.head_dim)) / sqrt(c.embedding / 4)
        layer.attn_q.weight[head] = gain * q
        layer.attn_k.weight[head] = gain * k
        found = sources[later]
        values = torch.zeros(c.head_dim, c.embedding)
        values[: len(found)] = found
        layer.attn_v.weight[head] = values
        layer.attn_output.weight[:, head] = 0
        scale = float(model.token_embd.weight.square().mean().sqrt())
        columns = slice(h * c.head_dim, h * c.head_dim + len(found))
        layer.attn_output.weight[:, columns] = scale * sources[0][: len(found)].T / (c.heads / 2)
