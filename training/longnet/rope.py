"""Rotary positions, as GGUF's llama has them: neighbouring pairs are turned."""
from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor



@lru_cache(maxsize=64)
def frequencies(head_dim: int, base: float) -> Tensor:
    """theta_i = base^(-2i / head_dim), radians a token, f64 [head_dim / 2]"""
    return base ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)


def rope_table(positions: Tensor, head_dim: int, base: float) -> tuple[Tensor, Tensor]:
    """cos and sin [tokens, head_dim / 2] in f32, computed in f64; positions may be fractions (bands)."""
    angles = positions.double()[:, None] * frequencies(head_dim, base).to(positions.device)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """Turns the neighbouring pairs (2i, 2i + 1) of x, as GGUF's llama does."""
    cos, sin = table
    pairs = x.float().unflatten(-1, (-1, 2))
    even, odd = pairs[..., 0], pairs[..., 1]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2).type_as(x)
