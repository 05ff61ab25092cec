"""`npm run train:small`: the small LongNet and its two twins (a plain window of equally many query-key pairs, dense
attention), trained in turns on the same tokens, then evaluated and exported. Every part resumes.

All three go on from one start, trained with dense attention on short rows, where the three plans see the same keys:
recall is learned there, and what they do with distance is learned apart.

Files of --folder: data/ (tokenizer.json, train.npy, held-out.npy), start/ longnet/ window/ dense/ (checkpoint.pt,
log.jsonl), evaluation.json, longnet-small.gguf.
"""
from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from .checkpoint import load_checkpoint
from .corpus import encode_corpus, training_texts
from .evaluate import loss_by_context, recall_by_distance
from .gguf_file import write_gguf
from .model import Model, ModelConfig
from .plan import Plan, compile_plan, dense_plan, window_plan
from .recall_data import RecallData
from .tokens import Tokens
from .train_small import train

VOCABULARY = 2048
#: minutes that one of the three trains before the one with the fewest tokens goes on
TURN = 10


def pairs_per_query(plan: Plan, tokens: int) -> float:
    """Query-key pairs that LongNet computes, a head and query, on average: sum of w / (2 r^2) (the paper's eq. 16)"""
    return sum(min(p.segment_length, tokens) / (2 * p.dilation**2) for p in plan.patterns)


def twins(settings: dict) -> dict[str, Plan]:
    """The three plans; the window sees as many keys as LongNet's queries do on average at the trained length."""
    longnet = compile_plan(settings["plan"])
    window = round(pairs_per_query(longnet, settings["model"]["trained_length"])) + 1
    return {"longnet": longnet, "window": window_plan(window), "dense": dense_plan()}


def prepare(data: Path) -> None:
    if (data / "held-out.npy").exists():
        return
    data.mkdir(parents=True, exist_ok=True)
    tokens = Tokens.train(training_texts()[::3], VOCABULARY)
    tokens.tokenizer.save(str(data / "tokenizer.json"))
    encode_corpus(tokens, data)


def tokens_of(run: Path) -> int:
    log = run / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1])["tokens"] if lines else 0


def train_part(folder: Path, name: str, plan: Plan, stages: list[dict], settings: dict, minutes: float) -> bool:
    """@returns whether these stages are done"""
    recipe = folder / f"{name}.json"
    recipe.write_text(json.dumps({**settings, "plan": plan.source, "stages": stages}))
    return train(folder / name, recipe, folder / "data", minutes)


def branch(folder: Path, source: str, name: str) -> None:
    """A run that has nothing yet begins with another one's weights, moments and step."""
    run = folder / name
    if (run / "checkpoint.pt").exists():
        return
    run.mkdir(exist_ok=True)
    if (folder / source / "log.jsonl").exists():
        shutil.copyfile(folder / source / "log.jsonl", run / "log.jsonl")
    shutil.copyfile(folder / source / "checkpoint.pt", run / "checkpoint.pt.new")
    (run / "checkpoint.pt.new").replace(run / "checkpoint.pt")


def train_beginnings(folder: Path, settings: dict, left: Callable[[], float]) -> bool:
    """The start, from which LongNet and dense attention go on; then dense attention on rows that are no longer than the
    window twin's window, which goes on from there: until then it saw the same keys. @returns whether both are done"""
    plans = twins(settings)
    if not train_part(folder, "start", dense_plan(), settings["start"], settings, left()):
        return False
    for name in ("longnet", "dense"):
        branch(folder, "start", name)
    if (folder / "window" / "checkpoint.pt").exists():
        return True
    shared = [stage for stage in settings["stages"] if stage["tokens"] <= plans["window"].bands[0].hi]
    if not train_part(folder, "dense", plans["dense"], settings["start"] + shared, settings, left()):
        return False
    branch(folder, "dense", "window")
    return True


def train_in_turns(folder: Path, settings: dict, minutes: float, only: str | None) -> None:
    """The one with the fewest tokens goes next, until all stages or the time are over"""
    begun = time.monotonic()
    left = lambda: minutes - (time.monotonic() - begun) / 60
    if not train_beginnings(folder, settings, left):
        return
    plans = twins(settings)
    stages = settings["start"] + settings["stages"]
    done = set(plans) - {only} if only is not None else set()
    while len(done) < len(plans) and left() > 0:
        name = min((n for n in plans if n not in done), key=lambda n: tokens_of(folder / n))
        if train_part(folder, name, plans[name], stages, settings, min(TURN, left())):
            done.add(name)


def load(folder: Path, name: str, settings: dict, vocabulary: int) -> tuple[Model, dict] | None:
    model = Model(ModelConfig(vocabulary=vocabulary, **settings["model"]))
    state = load_checkpoint(folder / name, model, [])
    return None if state is None else (model.eval(), state)


def evaluate(folder: Path, settings: dict, rows: int, longest: int) -> dict:
    tokens = Tokens.load(folder / "data" / "tokenizer.json")
    data = RecallData(tokens, np.load(folder / "data" / "held-out.npy"))
    plans = twins(settings)
    loaded = {name: load(folder, name, settings, tokens.size) for name in plans}
    models = {name: (found[0], plans[name]) for name, found in loaded.items() if found is not None}
    lengths = [n for n in (1024, 2048, 4096, 8192, 16384) if n <= longest]
    distances = [d for d in (128, 256, 512, 1024, 2048, 4096, 8192, 16000) if d < longest]
    return {
        "model": settings["model"],
        "parameters": sum(p.numel() for p in next(iter(models.values()))[0].parameters()),
        "trainedTokens": {name: found[1]["tokens"] for name, found in loaded.items() if found is not None},
        "plans": {name: plan.source for name, (_, plan) in models.items()},
        "pairsPerQuery": {n: pairs_per_query(plans["longnet"], n) for n in lengths},
        "loss": [loss_by_context(models, data, lengths, rows, kind) for kind in ("facts", "plain")],
        "recall": recall_by_distance(models, data, distances, rows),
    }


def export(folder: Path, settings: dict, target: Path) -> None:
    tokenizer = json.loads((folder / "data" / "tokenizer.json").read_text())
    found = load(folder, "longnet", settings, len(tokenizer["model"]["vocab"]))
    if found is None:
        raise SystemExit(f"error: {folder} holds no checkpoint of the LongNet yet")
    write_gguf(target, found[0], compile_plan(settings["plan"]), "longnet-small", tokenizer)


def main() -> None:
    parser = argparse.ArgumentParser(prog="train:small")
    parser.add_argument("--folder", type=Path, default=Path("models/longnet-small"))
    parser.add_argument("--recipe", type=Path, default=Path(__file__).parents[1] / "small.json")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of training; then evaluated and exported")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=24, help="of the evaluation")
    parser.add_argument("--longest", type=int, default=16384, help="tokens, of the evaluation")
    parser.add_argument("--only", choices=["longnet", "window", "dense"], help="train this one, and nothing else")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if "WORLD_SIZE" in os.environ:  # torchrun: the processes share each sequence, which is LongNet's part alone
        dist.init_process_group("gloo")
    settings = json.loads(args.recipe.read_text())
    prepare(args.folder / "data")
    train_in_turns(args.folder, settings, args.minutes, args.only)
    if args.only is not None:
        return
    export(args.folder, settings, args.folder / "longnet-small.gguf")
    result = evaluate(args.folder, settings, args.rows, args.longest)
    (args.folder / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
