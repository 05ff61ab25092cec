"""Adaptation end to end on a tiny model: packed, trained within a budget, killed, resumed, written in pieces."""
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from longnet import adapt
from longnet.gguf_file import read_gguf, write_gguf
from longnet.lora import add_lora
from longnet.model import Model, ModelConfig
from longnet.pieces import PieceError, read_pieces, write_pieces
from tests.random_model import random_model

tiny = replace(
    adapt.Settings(), rank=4, lengths=(128, 256), ordinary=64, facts=3, save_seconds=0.0, logits=100, rate=5e-3
)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    torch.manual_seed(4)
    config = ModelConfig(
        vocabulary=64, layers=2, embedding=32, heads=4, kv_heads=2, feed_forward=48, trained_length=64, rope_base=1e4
    )
    write_gguf(tmp_path / "base.gguf", random_model(config), None, "tiny")
    rng = np.random.default_rng(1)
    (tmp_path / "text.json").write_text(json.dumps(rng.integers(0, 64, 4000).tolist()))
    facts = [[int(x) for x in rng.integers(0, 64, 4)] for _ in range(8)]
    parts = {"statements": facts, "questions": [f[:3] for f in facts], "answers": [f[3:] for f in facts]}
    (tmp_path / "parts.json").write_text(json.dumps(parts))
    adapt.pack(tmp_path / "base.gguf", tmp_path / "text.json", tmp_path / "parts.json", tmp_path / "packed")
    return tmp_path / "packed"


def test_end_to_end(packed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = adapt.train(packed, out, minutes=10, s=tiny, most_steps=2)
    assert first["step"] == 2
    second = adapt.train(packed, out, minutes=10, s=tiny, most_steps=1)
    assert second["step"] == 3
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == list(range(1, second["step"] + 1))
    adapt.join(out, tmp_path / "adapter.gguf")
    assert (tmp_path / "adapter.gguf").read_bytes()[:4] == b"GGUF"
    assert all(path.stat().st_size <= 15e6 for path in out.iterdir())


def test_an_untouched_adapter_changes_nothing_and_is_what_is_kept(packed: Path) -> None:
    model, _ = adapt._base(packed)
    adapters = add_lora(model, 4, 8.0)
    ids = torch.arange(60) % 64
    assert float(adapt.kept_loss(model, adapters, ids).detach()) == pytest.approx(0, abs=1e-6)
    for lora in adapters.values():
        torch.nn.init.normal_(lora.b)
    assert float(adapt.kept_loss(model, adapters, ids).detach()) > 0.01
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {
        f"blk.{i}.{name}.{part}" for i in range(2) for name in ("attn_q", "attn_k", "attn_v", "attn_output") for part in "ab"
    }


def test_rows_hold_every_fact_before_its_question(packed: Path) -> None:
    parts = json.loads(read_pieces(packed, "parts"))
    data = adapt.AlteredFacts(np.zeros(4000, np.uint16), parts)
    ids, answers = data.row(np.random.default_rng(2), 200, 3)
    assert len(ids) == 201 and len(answers) == 200 and answers.sum() == 3
    body = " ".join(map(str, ids[: 201 - 3 * 4]))
    for at in np.flatnonzero(answers):
        assert " ".join(map(str, ids[at - 2 : at + 2])) in body


def test_state_of_another_base_is_refused(packed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    adapt.train(packed, out, minutes=10, s=tiny, most_steps=1)
    config = ModelConfig(
        vocabulary=64, layers=2, embedding=32, heads=4, kv_heads=2, feed_forward=48, trained_length=64, rope_base=1e4
    )
    write_gguf(tmp_path / "other.gguf", Model(config), None, "other")
    write_pieces((tmp_path / "other.gguf").read_bytes(), packed, "base", 10**6)
    with pytest.raises(PieceError, match="another base model"):
        adapt.train(packed, out, minutes=0.02, s=tiny)


def test_pieces(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10
    paths = write_pieces(data, tmp_path, "state", 1000)
    assert len(paths) == 3 and all(p.stat().st_size <= 1000 for p in paths)
    assert read_pieces(tmp_path, "state") == data
    shorter = write_pieces(data[:500], tmp_path, "state", 1000)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([shorter[0].name, "state.json"])
    shorter[0].write_bytes(b"x")
    with pytest.raises(PieceError, match="belong together"):
        read_pieces(tmp_path, "state")
    shorter[0].unlink()
    with pytest.raises(PieceError, match="missing"):
        read_pieces(tmp_path, "state")
    assert read_pieces(tmp_path, "nothing") is None


def test_another_architecture_is_named(tmp_path: Path) -> None:
    import gguf

    writer = gguf.GGUFWriter(str(tmp_path / "other.gguf"), "phi3")
    writer.add_name("x")
    writer.add_tensor("a", np.zeros(4, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ValueError, match="phi3"):
        read_gguf(tmp_path / "other.gguf")
