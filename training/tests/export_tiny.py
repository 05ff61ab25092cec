"""Tiny random models with this side's logits, for training.test.ts, which compares the engine's `reference` with them.
Argument: a folder. Writes tiny.gguf, adapter.gguf, cases.json."""
import json
import sys
from pathlib import Path

import torch

from longnet.adapt import adapted_plan
from longnet.gguf_file import write_gguf
from longnet.lora import add_lora, write_adapter
from longnet.model import ModelConfig
from longnet.plan import dense_plan, longnet_plan, window_plan
from tests.random_model import random_model


def main() -> None:
    folder = Path(sys.argv[1])
    torch.manual_seed(9)
    torch.set_num_threads(1)
    config = ModelConfig(
        vocabulary=64, layers=2, embedding=64, heads=4, kv_heads=2, feed_forward=96, trained_length=128, rope_base=1e4,
        key_length=24,
    )
    model = random_model(config)
    longnet = longnet_plan([(16, 1), (64, 2), (256, 4)])
    write_gguf(folder / "tiny.gguf", model, longnet, "tiny", half=False)
    ids = torch.randint(0, 64, (1, 300))
    plans = [longnet, longnet_plan([(16, 1), (64, 4)], "torchscale"), adapted_plan(128), window_plan(50), dense_plan()]
    cases = []

    def add(adapter: bool, chosen) -> None:
        with torch.no_grad():
            for plan in chosen:
                logits = model.logits(model(ids, plan))[0, -40:]
                cases.append({"adapter": adapter, "plan": plan.source, "logits": logits.flatten().tolist()})

    add(False, plans)
    adapters = add_lora(model, 4, 8.0)
    for lora in adapters.values():
        torch.nn.init.normal_(lora.b, std=0.1)
    write_adapter(folder / "adapter.gguf", adapters, plans[2], 8.0, "")
    add(True, [plans[2]])
    (folder / "cases.json").write_text(json.dumps({"ids": ids[0].tolist(), "cases": cases}))


if __name__ == "__main__":
    main()
