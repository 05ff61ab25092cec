"""`npm run train:adapt`: teaches a pretrained model to read far under its `adapted` plan, within a time budget.

`pack` splits the base model into pieces and encodes ordinary text; `train` works from them for so many minutes and
writes adapter and state in pieces of at most 15 MB, from which the next call goes on. Each row is a text with
altered facts in it and, at its end, questions about them: what counts is the recall of answers at 2k to 128k tokens
(lengths double while the time allows), beside ordinary text, where the un-adapted model's own distribution is kept
(KL), so that nothing is forgotten. The plan's positions and bands are in place at every length, so the prefix of
every question is made by the plan itself.
"""
from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .gguf_file import read_gguf
from .lora import add_lora, write_adapter
from .model import Model
from .pieces import MOST_IN, MOST_OUT, PieceError, read_pieces, write_pieces
from .plan import Plan, compile_plan, dense_plan


@dataclass(frozen=True)
class Settings:
    seed: int = 3
    rank: int = 16
    alpha: float = 32.0
    rate: float = 3e-4
    #: tokens of a row; chosen per step so that the long ones take as much time as the short ones together
    lengths: tuple[int, ...] = (2048, 4096, 8192, 16384, 32768, 65536, 131072)
    #: ordinary text per step, in tokens, under the dense plan's own predictions
    ordinary: int = 2048
    facts: int = 16
    answer_weight: float = 16.0
    save_seconds: float = 60.0
    #: rows of logits at a time
    logits: int = 2048


def adapted_plan(trained_length: int) -> Plan:
    """As src/main/engine/plan/presets.ts, adaptedPlan"""
    window = trained_length // 4
    bands = {"exponents": [1, 2], "period": 2, "increment": 3, "firstSpan": trained_length / 8, "rho": 0.83}
    return compile_plan(
        {
            "name": "adapted",
            "alignment": "sliding",
            "mixing": "once",
            "positions": "piecewise",
            "sinks": 4,
            "window": window,
            "denseUpTo": window,
            "bands": bands,
        }
    )


# ---- data ----


class AlteredFacts:
    """Rows from packed text and statements: encoded once by the engine's own tokenizer (pack.ts), so that training
    and app see the same ids.

    parts.json: {"statements": [[ids], …], "questions": [[ids], …], "answers": [[ids], …]}, of equal length; a
    question ends where its answer begins."""

    def __init__(self, text: np.ndarray, parts: dict):
        self.text = text
        self.parts = parts
        if not len(parts["statements"]) == len(parts["questions"]) == len(parts["answers"]) > 0:
            raise ValueError("parts.json: statements, questions and answers must be equally many")

    def ordinary(self, rng: np.random.Generator, n: int) -> np.ndarray:
        start = int(rng.integers(0, len(self.text) - n))
        return self.text[start : start + n].astype(np.int64)

    def row(self, rng: np.random.Generator, n: int, facts: int) -> tuple[np.ndarray, np.ndarray]:
        """@returns ids [n + 1] and the answers' mask over targets [n]"""
        chosen = rng.choice(len(self.parts["statements"]), size=min(facts, len(self.parts["statements"])), replace=False)
        tail: list[int] = []
        answer: list[bool] = []
        for i in rng.permutation(chosen):
            question, gold = self.parts["questions"][i], self.parts["answers"][i]
            tail += question + gold
            answer += [False] * len(question) + [True] * len(gold)
        # the questions take at most half of the row
        tail, answer = tail[: (n + 1) // 2], answer[: (n + 1) // 2]
        statements = [self.parts["statements"][i] for i in chosen]
        room = n + 1 - len(tail) - sum(map(len, statements))
        if room < 0:
            raise ValueError(f"{len(chosen)} facts do not fit into {n} tokens")
        cuts = np.sort(rng.integers(0, room + 1, size=len(statements)))
        filler = self.ordinary(rng, room) if room > 0 else np.empty(0, np.int64)
        body: list[int] = []
        before = 0
        for cut, statement in zip(cuts, statements):
            body += filler[before:cut].tolist() + statement
            before = cut
        ids = np.array(body + filler[before:].tolist() + tail, dtype=np.int64)
        mask = np.zeros(n + 1, bool)
        mask[len(ids) - len(answer) :] = answer
        return ids, mask[1:]


# ---- one step ----


def row_loss(model: Model, ids: Tensor, answers: Tensor, plan: Plan, s: Settings) -> tuple[Tensor, Tensor]:
    """Weighted mean loss, and the mean loss of the answers alone; logits in parts, so that 128k tokens fit"""
    hidden = model(ids[None, :-1], plan)[0]
    total = answer_total = hidden.new_zeros(())
    weights = 1 + (s.answer_weight - 1) * answers.float()
    for start in range(0, len(hidden), s.logits):
        part = slice(start, start + s.logits)
        each = F.cross_entropy(model.logits(hidden[part]).float(), ids[1:][part], reduction="none")
        total = total + (each * weights[part]).sum()
        answer_total = answer_total + (each.detach() * answers[part]).sum()
    return total / weights.sum(), answer_total / answers.sum().clamp(min=1)


def kept_loss(model: Model, adapters: dict, ids: Tensor) -> Tensor:
    """KL of the un-adapted model's predictions on ordinary text from the adapted one's, dense: nothing is forgotten"""
    plan = dense_plan()
    with torch.no_grad():
        scales = {name: lora.scale for name, lora in adapters.items()}
        for lora in adapters.values():
            lora.scale = 0.0
        before = model.logits(model(ids[None], plan)[0]).float().log_softmax(-1)
        for name, lora in adapters.items():
            lora.scale = scales[name]
    now = model.logits(model(ids[None], plan)[0]).float().log_softmax(-1)
    return F.kl_div(now, before, log_target=True, reduction="batchmean")


def choose_length(rng: np.random.Generator, s: Settings, seconds_left: float, seconds_per_token: float) -> int:
    """Each length is as likely as it is short, so that all take equal time; none that the time left can't hold"""
    fitting = [n for n in s.lengths if n * seconds_per_token < 0.5 * seconds_left] or [s.lengths[0]]
    chances = np.array([1 / n for n in fitting])
    return int(rng.choice(fitting, p=chances / chances.sum()))


def learning_rate(s: Settings, step: int) -> float:
    return s.rate * min(1.0, (step + 1) / 20)


# ---- the run ----


def train(folder: Path, out: Path, minutes: float, s: Settings, most_steps: float = math.inf) -> dict:
    """@raises SystemExit when the loss is no number: the state saved before is kept"""
    begun = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model, base_hash = _base(folder)
    text = np.frombuffer(_needed(folder, "text"), dtype=np.uint16)
    data = AlteredFacts(text, json.loads(_needed(folder, "parts")))
    plan = adapted_plan(model.config.trained_length)
    torch.manual_seed(s.seed)
    model.to(device)
    adapters = add_lora(model, s.rank, s.alpha)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=s.rate, weight_decay=0.0)
    state = _resume(out, adapters, optimizer, base_hash)
    saved, per_token, last = time.monotonic(), 0.0, state["step"] + most_steps
    while state["step"] < last and (left := 60 * minutes - (time.monotonic() - begun)) > 0:
        rng = np.random.default_rng([s.seed, state["step"]])
        length = choose_length(rng, s, left, per_token)
        tick = time.monotonic()
        entry = _step(model, adapters, optimizer, data, plan, s, rng, length, state["step"], device)
        per_token = max(per_token * 0.9, (time.monotonic() - tick) / length)
        if not math.isfinite(entry["loss"]):
            raise SystemExit(f"error: the loss is not a number at step {state['step']}; the state saved before is kept in {out}")
        state["step"] += 1
        state["seconds"] += time.monotonic() - tick
        _log(out, {**state, **entry})
        if time.monotonic() - saved > s.save_seconds:
            _save(out, adapters, optimizer, state, plan, s, base_hash)
            saved = time.monotonic()
    _save(out, adapters, optimizer, state, plan, s, base_hash)
    return state


def _step(model, adapters, optimizer, data, plan, s, rng, length, step, device) -> dict:
    ids, answers = data.row(rng, length, s.facts)
    optimizer.param_groups[0]["lr"] = learning_rate(s, step)
    # The type must keep its range on both: bf16 needs no scaling of gradients.
    with torch.autocast(device.type, torch.bfloat16):
        loss, answer = row_loss(model, torch.from_numpy(ids).to(device), torch.from_numpy(answers).to(device), plan, s)
    loss.backward()
    with torch.autocast(device.type, torch.bfloat16):
        kept = kept_loss(model, adapters, torch.from_numpy(data.ordinary(rng, s.ordinary)).to(device))
    kept.backward()
    total = float(loss.detach()) + float(kept.detach())
    if math.isfinite(total):
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimizer.step()
    optimizer.zero_grad()
    return {"length": length, "loss": round(total, 5), "answers": round(float(answer), 4), "kept": round(float(kept), 5)}


def _needed(folder: Path, name: str) -> bytes:
    data = read_pieces(folder, name)
    if data is None:
        raise PieceError(f"{folder} holds no {name}: run `npm run train:adapt -- pack` first")
    return data


def _base(folder: Path) -> tuple[Model, str]:
    data = _needed(folder, "base")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "base.gguf"
        path.write_bytes(data)
        model, _ = read_gguf(path)
    return model, hashlib.sha256(data).hexdigest()


def _resume(out: Path, adapters: dict, optimizer: torch.optim.Optimizer, base: str) -> dict:
    data = read_pieces(out, "state")
    if data is None:
        return {"step": 0, "seconds": 0.0}
    content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if content["base"] != base or set(content["adapters"]) != set(adapters):
        raise PieceError(f"{out} holds the state of another base model: choose another --out")
    for name, lora in adapters.items():
        a, b = content["adapters"][name]
        with torch.no_grad():
            lora.a.copy_(a)
            lora.b.copy_(b)
    optimizer.load_state_dict(content["optimizer"])
    return content["state"]


def _save(out: Path, adapters: dict, optimizer, state: dict, plan: Plan, s: Settings, base: str) -> None:
    weights = {name: (lora.a.detach().cpu(), lora.b.detach().cpu()) for name, lora in adapters.items()}
    buffer = io.BytesIO()
    torch.save({"adapters": weights, "optimizer": optimizer.state_dict(), "state": state, "base": base}, buffer)
    write_pieces(buffer.getvalue(), out, "state", MOST_OUT)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "adapter.gguf"
        write_adapter(path, adapters, plan, s.alpha, base)
        write_pieces(path.read_bytes(), out, "adapter", MOST_OUT)


def _log(out: Path, entry: dict) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")


# ---- command line ----


def pack(model: Path, text: Path, parts: Path, folder: Path) -> None:
    """@param text: JSON array of token ids; @param parts: see `AlteredFacts`; both written by pack.ts"""
    ids = np.array(json.loads(text.read_text()), dtype=np.int64)
    if ids.max() >= 2**16:
        raise SystemExit("error: vocabularies beyond 65536 tokens are not packed yet")
    write_pieces(model.read_bytes(), folder, "base", MOST_IN)
    write_pieces(ids.astype(np.uint16).tobytes(), folder, "text", MOST_IN)
    write_pieces(parts.read_bytes(), folder, "parts", MOST_IN)


def join(out: Path, adapter: Path) -> None:
    data = read_pieces(out, "adapter")
    if data is None:
        raise SystemExit(f"error: {out} holds no adapter")
    adapter.write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(prog="train:adapt")
    parser.add_argument("command", nargs="?", choices=["train", "pack", "join"], default="train")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--packed", type=Path, default=Path("models/adapt/packed"))
    parser.add_argument("--out", type=Path, default=Path("models/adapt/out"))
    parser.add_argument("--model", type=Path)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--parts", type=Path)
    parser.add_argument("--adapter", type=Path, default=Path("models/adapt/adapter.gguf"))
    args = parser.parse_args()
    try:
        if args.command == "pack":
            pack(args.model, args.text, args.parts, args.packed)
        elif args.command == "join":
            join(args.out, args.adapter)
        else:
            print(json.dumps(train(args.packed, args.out, args.minutes, Settings())))
    except (PieceError, OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
