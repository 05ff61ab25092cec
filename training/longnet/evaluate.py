"""What a small LongNet and its twins have learned, on held-out text with facts that training never saw.

- loss against context length: the same last tokens of a row, with the last 1k, 2k, … tokens before them as context;
- recall against distance: facts stated once, asked for once, so many tokens later.

Twins are compared on the same tokens; intervals are 95 % percentile bootstraps over rows.
"""
from __future__ import annotations

import numpy as np
import torch

from .model import Model
from .plan import Plan
from .recall_data import RecallData

SCORED = 512


def interval(values: np.ndarray, draws: int = 5000) -> dict:
    """Mean of row means with its 95 % interval; rows are drawn with replacement"""
    rng = np.random.default_rng(11)
    means = values[rng.integers(0, len(values), (draws, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": round(float(values.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


@torch.no_grad()
def losses(model: Model, plan: Plan, ids: np.ndarray) -> np.ndarray:
    """Cross entropy of each target, nat [n], in 16-bit products"""
    row = torch.from_numpy(ids)[None]
    with torch.autocast("cpu", torch.bfloat16):
        return model.loss_per_token(row[:, :-1], row[:, 1:], plan)[0].float().numpy()


def loss_by_context(models: dict[str, tuple[Model, Plan]], data: RecallData, lengths: list[int], rows: int, kind: str) -> dict:
    """@param kind: "facts" (text with facts in it, as trained) or "plain" (ordinary text)
    @returns per length: each model's loss on the last `SCORED` tokens, and its differences to "longnet" (paired)"""
    found = {name: np.zeros((len(lengths), rows)) for name in models}
    longest = max(lengths)
    for r in range(rows):
        rng = np.random.default_rng([77, r])
        row = data.plain(rng, longest) if kind == "plain" else data.row(rng, longest, 0.85, 60)
        for i, length in enumerate(lengths):
            ids = row.ids[-length - 1 :]
            for name, (model, plan) in models.items():
                found[name][i, r] = losses(model, plan, ids)[-SCORED:].mean()
    result = []
    for i, length in enumerate(lengths):
        entry = {"context": length, "loss": {name: interval(v[i]) for name, v in found.items()}}
        entry["minusLongnet"] = {n: interval(v[i] - found["longnet"][i]) for n, v in found.items() if n != "longnet"}
        result.append(entry)
    return {"kind": kind, "rows": rows, "scoredTokens": SCORED, "lengths": result}


def recall_by_distance(models: dict[str, tuple[Model, Plan]], data: RecallData, distances: list[int], rows: int, others: int = 32) -> dict:
    """Share of facts whose value is the most probable of all tokens, and its log-probability; one fact per distance
    and row. Chance is guessing among the values that the row states."""
    hits = {name: np.zeros((len(distances), rows)) for name in models}
    logs = {name: np.zeros((len(distances), rows)) for name in models}
    for r in range(rows):
        ids, places = data.asked_at(np.random.default_rng([78, r]), distances, others)
        for name, (model, plan) in models.items():
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                hidden = model(torch.from_numpy(ids[:-1])[None], plan)[0, [p - 1 for p in places]]
                logits = model.logits(hidden).float().log_softmax(-1)
            for i, place in enumerate(places):
                hits[name][i, r] = int(logits[i].argmax()) == ids[place]
                logs[name][i, r] = float(logits[i, ids[place]])
    entries = [
        {
            "distance": distance,
            "recalled": {name: interval(v[i]) for name, v in hits.items()},
            "logProbability": {name: interval(v[i]) for name, v in logs.items()},
        }
        for i, distance in enumerate(distances)
    ]
    return {"rows": rows, "chance": round(1 / (len(distances) + others), 4), "distances": entries}
