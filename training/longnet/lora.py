"""LoRA (Hu et al. 2021) on the attention's matrices, written as llama.cpp's GGUF adapters: the app merges them at
load (`--adapter FILE.gguf`)."""
from __future__ import annotations

from pathlib import Path

import gguf
import torch
from torch import Tensor, nn

from .model import Model
from .plan import Plan

ADAPTED = ("attn_q", "attn_k", "attn_v", "attn_output")


class LoraLinear(nn.Module):
    """W x + (alpha / r) B A x; W is kept as it is, B starts at 0"""

    def __init__(self, base: nn.Linear, rank: int, alpha: float):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Parameter(torch.randn(rank, base.in_features) * base.in_features**-0.5)
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + (x @ self.a.type_as(x).T @ self.b.type_as(x).T) * self.scale


def add_lora(model: Model, rank: int, alpha: float) -> dict[str, LoraLinear]:
    """Freezes the model and puts an adapter beside each of the attention's matrices.
    @returns by the GGUF name of the matrix"""
    model.requires_grad_(False)
    added = {}
    for i, layer in enumerate(model.blk):
        for name in ADAPTED:
            lora = LoraLinear(getattr(layer, name), rank, alpha)
            lora.to(lora.base.weight.device)
            setattr(layer, name, lora)
            added[f"blk.{i}.{name}.weight"] = lora
    return added


def write_adapter(path: Path, adapters: dict[str, LoraLinear], plan: Plan, alpha: float, base: str) -> None:
    """@param base: SHA-256 of the model that it was trained for, noted in the file"""
    new = path.with_name(path.name + ".new")
    writer = gguf.GGUFWriter(str(new), "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    writer.add_string("longleaf.plan", plan.to_json())
    writer.add_string("longleaf.base_sha256", base)
    for name, lora in adapters.items():
        writer.add_tensor(f"{name}.lora_a", lora.a.detach().float().cpu().numpy())
        writer.add_tensor(f"{name}.lora_b", lora.b.detach().float().cpu().numpy())
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
