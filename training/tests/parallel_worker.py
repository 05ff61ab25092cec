"""The processes of test_sequence_parallel.py: loss, gradients and traffic of a fixed tiny model, written to files.

One launcher that has loaded PyTorch forks all of them: loading it takes longer than the work.
Arguments: a folder, then SIZE:TOKENS of each run; or a folder, `resume`, then SIZE:STEPS of each part of one run."""
import json
import multiprocessing
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from longnet.model import Model, ModelConfig
from longnet.plan import Plan, longnet_plan
from longnet.sequence_parallel import Ranks, accumulate
from longnet.train_small import train
from tests.random_model import random_model


def tiny(tokens: int) -> tuple[Model, torch.Tensor, torch.Tensor, Plan]:
    torch.manual_seed(5)
    config = ModelConfig(
        vocabulary=40, layers=2, embedding=32, heads=4, kv_heads=2, feed_forward=48, trained_length=512, rope_base=1e4
    )
    model = random_model(config)
    ids = torch.randint(0, 40, (2, tokens + 1), generator=torch.Generator().manual_seed(6))
    weights = torch.rand((2, tokens), generator=torch.Generator().manual_seed(7)) + 0.5
    return model, ids, weights, longnet_plan([(16, 1), (64, 2), (256, 4)])


def work(rank: int, size: int, tokens: int, folder: Path) -> None:
    torch.set_num_threads(1)
    meet = folder / f"meet-{size}-{tokens}"
    dist.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=size)
    model, ids, weights, plan = tiny(tokens)
    ranks = Ranks.of_world(plan, tokens)
    losses = accumulate(model, ids, weights, plan, ranks)
    if rank == size - 1:
        gradients = {name: p.grad for name, p in model.named_parameters()}
        traffic = {"forward": ranks.traffic.forward, "backward": ranks.traffic.backward}
        torch.save({"losses": losses, "gradients": gradients, **traffic}, folder / f"{size}-{tokens}.pt")
    dist.destroy_process_group()


def resume(rank: int, size: int, steps: int, folder: Path) -> None:
    """A part of a training run by `size` processes, up to `steps`; the recipe is in the folder"""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / f'meet-run-{size}'}", rank=rank, world_size=size)
    recipe = json.loads((folder / "recipe.json").read_text())
    recipe["stages"][0]["steps"] = steps
    own = folder / f"recipe-{size}-{rank}.json"
    own.write_text(json.dumps(recipe))
    train(folder / "run", own, folder, minutes=10)
    dist.destroy_process_group()


def main() -> None:
    folder = Path(sys.argv[1])
    target = resume if sys.argv[2] == "resume" else work
    fork = multiprocessing.get_context("fork")
    for size, tokens in (map(int, run.split(":")) for run in sys.argv[2 + (target is resume) :]):
        workers = [fork.Process(target=target, args=(rank, size, tokens, folder)) for rank in range(size)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            if worker.exitcode != 0:
                sys.exit(f"{size} processes, {tokens} tokens: one ended with {worker.exitcode}")


if __name__ == "__main__":
    main()
