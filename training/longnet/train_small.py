"""Trains the small LongNet or a twin, unattended; resumes from its last checkpoint (small.py runs it).

A run is described by JSON (small.json): the model, the plan, and stages of (tokens per row, rows per step, steps,
share of ordinary text, learning-rate factor). Data depend on (seed, step) only, so a resumed run sees what an
uninterrupted one would have seen, and twins see the same tokens. Several processes (torch.distributed) share each
sequence; a checkpoint does not know how many there were.
"""
from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from .checkpoint import load_checkpoint, save_checkpoint
from .model import Model, ModelConfig
from .optimizer import optimizers
from .plan import Plan, compile_plan
from .recall_data import RecallData
from .sequence_parallel import Ranks, accumulate
from .tokens import Tokens

SAVE_SECONDS = 180
#: tokens of which the intermediate values are held at a time
GROUP_TOKENS = 8192


def stage_of(stages: list[dict], step: int) -> tuple[dict, int] | None:
    """The stage of a step, and the step within it; None after the last."""
    for stage in stages:
        if step < stage["steps"]:
            return stage, step
        step -= stage["steps"]
    return None


def batch(data: RecallData, stage: dict, seed: int, step: int) -> tuple[Tensor, Tensor, np.ndarray]:
    """ids [rows, tokens + 1], weights [rows, tokens], distances [rows, tokens]"""
    rows = []
    n = stage["tokens"]
    for r in range(stage["rows"]):
        rng = np.random.default_rng([seed, step, r])
        if rng.random() < stage["plain"]:
            rows.append(data.plain(rng, n))
        else:
            # few facts are asked for often and near, many seldom and far
            facts = int(math.exp(rng.uniform(math.log(6), math.log(max(12, n / 48)))))
            rows.append(data.row(rng, n, float(rng.uniform(0.2, stage["filler"])), facts))
    ids = torch.from_numpy(np.stack([row.ids for row in rows]))
    return ids, torch.from_numpy(np.stack([row.weights for row in rows])), np.stack([row.distances for row in rows])


def learning_rate(stage: dict, at: int, step: int) -> float:
    """Factor: warm-up over the run's first 50 steps; within a stage linear from "from" to "to"."""
    warm = min(1.0, (step + 1) / 50)
    return warm * (stage["from"] + (stage["to"] - stage["from"]) * at / stage["steps"])


def add_gradients(model: Model, ids: Tensor, weights: Tensor, plan: Plan, ranks: Ranks | None, half: bool) -> Tensor:
    """Adds the gradient of the weighted mean loss. @returns the loss per token"""
    losses = torch.empty(weights.shape)
    rows = max(1, GROUP_TOKENS // weights.shape[1])
    for i in range(0, len(ids), rows):
        part = slice(i, i + rows)
        share = weights[part].sum() / weights.sum()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            if ranks is not None:
                losses[part] = accumulate(model, ids[part], weights[part], plan, ranks, float(share))
                continue
            each = model.loss_per_token(ids[part, :-1], ids[part, 1:], plan)
        (each * weights[part]).sum().div(weights.sum()).backward()
        losses[part] = each.detach()
    return losses


def train(run: Path, recipe: Path, data_folder: Path, minutes: float) -> bool:
    """@returns whether all stages are done
    @raises SystemExit when the loss is no number: the checkpoint before is kept"""
    run.mkdir(parents=True, exist_ok=True)
    settings = json.loads(recipe.read_text())
    torch.manual_seed(settings["seed"])
    tokens = Tokens.load(data_folder / "tokenizer.json")
    data = RecallData(tokens, np.load(data_folder / "train.npy"))
    plan = compile_plan(settings["plan"])
    half = settings.get("precision", "f32") == "bf16"
    model = Model(ModelConfig(vocabulary=tokens.size, **settings["model"]))
    steppers = optimizers(model)
    rates = [o.param_groups[0]["lr"] for o in steppers]
    state = load_checkpoint(run, model, steppers) or {"step": 0, "tokens": 0, "seconds": 0.0}
    shared: dict[int, Ranks] = {}
    begun = saved = time.monotonic()
    while (found := stage_of(settings["stages"], state["step"])) is not None:
        tick = time.monotonic()
        stage, at = found
        ids, weights, distances = batch(data, stage, settings["seed"], state["step"])
        if dist.is_initialized() and stage["tokens"] not in shared:
            shared[stage["tokens"]] = Ranks.of_world(plan, stage["tokens"])
        losses = add_gradients(model, ids, weights, plan, shared.get(stage["tokens"]), half)
        if not torch.isfinite(losses).all():
            raise SystemExit(
                f"error: the loss is not a number at step {state['step']}; the last good state is kept in {run}"
            )
        factor = learning_rate(stage, at, state["step"])
        for o, rate in zip(steppers, rates):
            o.param_groups[0]["lr"] = rate * factor
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for o in steppers:
            o.step()
            o.zero_grad()
        seconds = time.monotonic() - tick
        state = {
            "step": state["step"] + 1,
            "tokens": state["tokens"] + weights.numel(),
            "seconds": round(state["seconds"] + seconds, 2),
        }
        if _writes():
            if state["step"] % 10 == 0:
                log(run, {**state, "stepSeconds": round(seconds, 2)}, losses.numpy(), distances)
            if time.monotonic() - saved > SAVE_SECONDS:
                save_checkpoint(run, model, steppers, state, settings)
                saved = time.monotonic()
        if time.monotonic() - begun > 60 * minutes:
            break
    if _writes():
        save_checkpoint(run, model, steppers, state, settings)
    return stage_of(settings["stages"], state["step"]) is None


def _writes() -> bool:
    """Of several processes the first one writes"""
    return not dist.is_initialized() or dist.get_rank() == 0


def log(run: Path, entry: dict, losses: np.ndarray, distances: np.ndarray) -> None:
    """One JSON object per line: the mean loss of ordinary tokens, and of answers by distance."""
    entry["text"] = round(float(losses[distances == 0].mean()), 4)
    edges = [1, 128, 512, 1024, 2048, 4096, 8192, 16384]
    for low, high in zip(edges, edges[1:]):
        chosen = (distances >= low) & (distances < high)
        if chosen.any():
            entry[f"far{low}"] = round(float(losses[chosen].mean()), 3)
    with (run / "log.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")
