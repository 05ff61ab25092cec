"""Models to and from GGUF (the `gguf` package): what the engine reads as architecture "llama"."""
from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
import torch

from .model import Model, ModelConfig
from .plan import Plan, compile_plan

_control, _normal = 3, 1


def write_gguf(path: Path, model: Model, plan: Plan | None, name: str, tokenizer: dict | None = None, half: bool = True) -> None:
    """@param tokenizer: tokenizer.json of a byte-level BPE; without one the file has no vocabulary (tests)
    @param half: matrices as F16; F32 otherwise. Written beside the old file, then renamed."""
    new = path.with_name(path.name + ".new")
    c = model.config
    writer = gguf.GGUFWriter(str(new), "llama")
    writer.add_name(name)
    writer.add_block_count(c.layers)
    writer.add_context_length(c.trained_length)
    writer.add_embedding_length(c.embedding)
    writer.add_feed_forward_length(c.feed_forward)
    writer.add_head_count(c.heads)
    writer.add_head_count_kv(c.kv_heads)
    writer.add_layer_norm_rms_eps(c.epsilon)
    writer.add_rope_freq_base(c.rope_base)
    writer.add_rope_dimension_count(c.head_dim)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_vocab_size(c.vocabulary)
    if plan is not None:
        writer.add_string("longleaf.plan", plan.to_json())
    if tokenizer is not None:
        _add_tokenizer(writer, tokenizer)
    for key, weight in model.state_dict().items():
        data = weight.detach().float().numpy()
        writer.add_tensor(key, data.astype(np.float16) if half and data.ndim == 2 else data)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: dict) -> None:
    vocabulary = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    special = {entry["content"] for entry in tokenizer["added_tokens"]}
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([_control if token in special else _normal for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(vocabulary["<|endoftext|>"])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_add_bos_token(False)


def read_gguf(path: Path) -> tuple[Model, Plan | None]:
    """A llama GGUF of any type that the package dequantises, as f32.
    @raises ValueError for another architecture"""
    reader = gguf.GGUFReader(str(path))
    field = lambda key, otherwise=None: reader.fields[key].contents() if key in reader.fields else otherwise
    if field("general.architecture") != "llama":
        raise ValueError(f'{path} is of the architecture {field("general.architecture")!r}; llama is adapted here')
    heads = field("llama.attention.head_count")
    embedding = field("llama.embedding_length")
    tensors = {t.name: t for t in reader.tensors}
    config = ModelConfig(
        vocabulary=int(tensors["token_embd.weight"].shape[1]),
        layers=field("llama.block_count"),
        embedding=embedding,
        heads=heads,
        kv_heads=field("llama.attention.head_count_kv", heads),
        feed_forward=field("llama.feed_forward_length"),
        trained_length=field("llama.context_length"),
        rope_base=field("llama.rope.freq_base", 10_000.0),
        epsilon=field("llama.attention.layer_norm_rms_epsilon"),
        key_length=field("llama.attention.key_length"),
    )
    if "output.weight" in tensors or "rope_freqs.weight" in tensors:
        raise ValueError(f"{path}: an output matrix of its own or RoPE factors are not adapted here")
    with torch.device("meta"):
        model = Model(config)
    weights = {}
    for name in model.state_dict():
        tensor = tensors[name]
        data = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        weights[name] = torch.from_numpy(np.array(data, dtype=np.float32))
    model.load_state_dict(weights, assign=True)
    text = field("longleaf.plan")
    return model, None if text is None else compile_plan(json.loads(text))
