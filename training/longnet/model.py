"""A llama (RMSNorm, RoPE, SwiGLU, tied embedding) whose attention follows a plan: what the engine runs from a GGUF."""
from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .attention import attend
from .induction import initialise
from .plan import Plan


#: of longer texts only each layer's input is held, and the layer is computed again in the backward pass
RECOMPUTED = 16_384
#: standard deviation of the embeddings at first: wide, so that a step of AdamW changes them little
EMBEDDING = 0.5


@dataclass(frozen=True)
class ModelConfig:
    vocabulary: int
    layers: int
    embedding: int
    heads: int
    kv_heads: int
    feed_forward: int
    #: T, in tokens; written into the GGUF
    trained_length: int
    rope_base: float = 500_000.0
    epsilon: float = 1e-5
    #: width of a head; embedding / heads where nothing is said
    key_length: int | None = None

    @property
    def head_dim(self) -> int:
        return self.key_length or self.embedding // self.heads

    def to_dict(self) -> dict:
        return asdict(self)


class RmsNorm(nn.Module):
    def __init__(self, width: int, epsilon: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


class Layer(nn.Module):
    """Weights are named as in the GGUF, without `blk.N.`"""

    def __init__(self, c: ModelConfig):
        super().__init__()
        self.config = c
        kv = c.kv_heads * c.head_dim
        self.attn_norm = RmsNorm(c.embedding, c.epsilon)
        self.attn_q = nn.Linear(c.embedding, c.heads * c.head_dim, bias=False)
        self.attn_k = nn.Linear(c.embedding, kv, bias=False)
        self.attn_v = nn.Linear(c.embedding, kv, bias=False)
        self.attn_output = nn.Linear(c.heads * c.head_dim, c.embedding, bias=False)
        self.ffn_norm = RmsNorm(c.embedding, c.epsilon)
        self.ffn_gate = nn.Linear(c.embedding, c.feed_forward, bias=False)
        self.ffn_up = nn.Linear(c.embedding, c.feed_forward, bias=False)
        self.ffn_down = nn.Linear(c.feed_forward, c.embedding, bias=False)

    def forward(self, x: Tensor, attention) -> Tensor:
        """x [batch, tokens, embedding] in f32; attention(q, k, v) -> [batch, heads, tokens, head_dim]"""
        h = self.attn_norm(x)
        split = lambda y: y.unflatten(-1, (-1, self.config.head_dim)).transpose(1, 2)
        mixed = attention(split(self.attn_q(h)), split(self.attn_k(h)), split(self.attn_v(h)))
        x = x + self.attn_output(mixed.transpose(1, 2).flatten(2))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Model(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.token_embd = nn.Embedding(config.vocabulary, config.embedding)
        self.blk = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.output_norm = RmsNorm(config.embedding, config.epsilon)
        self._initialise()

    def _initialise(self) -> None:
        """What is added to the residual stream starts at nothing, but for the sketch of an induction circuit; the
        final norm makes the logits of the wide embeddings about 1."""
        for name, weight in self.named_parameters():
            if name.startswith("token_embd"):
                nn.init.normal_(weight, std=EMBEDDING)
            elif "ffn_down" in name or "attn_output" in name:
                nn.init.zeros_(weight)
            elif weight.dim() == 2:
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
        nn.init.constant_(self.output_norm.weight, 1 / (EMBEDDING * self.config.embedding**0.5))
        initialise(self)

    def hidden(self, ids: Tensor, attention) -> Tensor:
        x = self.token_embd(ids).float()
        again = torch.is_grad_enabled() and ids.shape[1] > RECOMPUTED
        for layer in self.blk:
            x = checkpoint(layer, x, attention, use_reentrant=False) if again else layer(x, attention)
        return self.output_norm(x)

    def forward(self, ids: Tensor, plan: Plan) -> Tensor:
        """ids [batch, tokens] -> final hidden rows [batch, tokens, embedding]; logits: `logits`"""
        base = self.config.rope_base
        return self.hidden(ids, lambda q, k, v: attend(plan, q, k, v, base))

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden @ self.token_embd.weight.T

    def loss_per_token(self, ids: Tensor, targets: Tensor, plan: Plan) -> Tensor:
        """Cross entropy in nat, f32 [batch, tokens]"""
        hidden = self.forward(ids, plan)
        logits = self.logits(hidden).float()
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(ids.shape)
