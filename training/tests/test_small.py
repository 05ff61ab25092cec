"""The small LongNet's run: data, resuming, and what goes wrong."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from longnet import evaluate, train_small
from longnet.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from longnet.model import Model, ModelConfig
from longnet.optimizer import optimizers
from longnet.plan import dense_plan, longnet_plan
from longnet.recall_data import ANSWER_WEIGHT, RecallData
from longnet.tokens import Tokens

TEXT = "the quick brown foxes jumped over many lazy dogs while seven tired sailors watched their quiet harbour lights burn"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tokens = Tokens.train([f"{TEXT} def read(path): return {i}\n" for i in range(40)], 420)
    tokens.tokenizer.save(str(folder / "tokenizer.json"))
    np.save(folder / "train.npy", np.array(tokens.encode(TEXT * 60), dtype=np.uint16))
    model = {"layers": 2, "embedding": 32, "heads": 4, "kv_heads": 4, "feed_forward": 48, "trained_length": 256}
    stage = {"tokens": 96, "rows": 2, "plain": 0.2, "filler": 0.4, "from": 1, "to": 1}
    plan = longnet_plan([(16, 1), (64, 2), (256, 4)]).source
    recipe = {"seed": 1, "model": model, "plan": plan, "stages": [{**stage, "steps": 6}]}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    return folder


def test_answers_can_be_known_from_the_context_only(folder: Path) -> None:
    tokens = Tokens.load(folder / "tokenizer.json")
    data = RecallData(tokens, np.load(folder / "train.npy"))
    row = data.row(np.random.default_rng(3), 400, 0.4, 5)
    at = np.flatnonzero(row.distances)
    assert len(at) > 3
    for i in at:
        # the value stood `distance` tokens before, and its key's second word two to four before both
        assert row.ids[i + 1] == row.ids[i + 1 - row.distances[i]]
        assert row.weights[i] == ANSWER_WEIGHT
    assert len(row.ids) == 401 and (row.weights[row.distances == 0] == 1).all()


def weights_after(folder: Path, run: Path, limit: int | None = None) -> dict:
    recipe = json.loads((folder / "recipe.json").read_text())
    if limit is not None:
        recipe["stages"][0]["steps"] = limit
    path = run.parent / f"{run.name}.json"
    path.write_text(json.dumps(recipe))
    train_small.train(run, path, folder, minutes=10)
    return torch.load(run / "checkpoint.pt", weights_only=True)["model"]


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(folder: Path, tmp_path: Path) -> None:
    whole = weights_after(folder, tmp_path / "whole")
    weights_after(folder, tmp_path / "parts", limit=3)
    parts = weights_after(folder, tmp_path / "parts")
    for name in whole:
        assert torch.equal(whole[name], parts[name]), name


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    good = weights_after(folder, run, limit=3)
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    content["model"]["blk.0.ffn_up.weight"][0, 0] = float("nan")
    torch.save(content, run / "checkpoint.pt")
    with pytest.raises(SystemExit, match="not a number at step 3"):
        weights_after(folder, run)
    kept = torch.load(run / "checkpoint.pt", weights_only=True)
    assert kept["state"]["step"] == 3 and torch.equal(kept["model"]["output_norm.weight"], good["output_norm.weight"])


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch) -> None:
    config = ModelConfig(vocabulary=40, layers=1, embedding=32, heads=4, kv_heads=4, feed_forward=32, trained_length=64)
    model = Model(config)
    steppers = optimizers(model)
    save_checkpoint(tmp_path, model, steppers, {"step": 1}, {})

    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError):
        save_checkpoint(tmp_path, model, steppers, {"step": 2}, {})
    assert load_checkpoint(tmp_path, model, steppers) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    shape = {"vocabulary": 40, "layers": 1, "heads": 4, "kv_heads": 4, "feed_forward": 32, "trained_length": 64}
    small, large = Model(ModelConfig(embedding=32, **shape)), Model(ModelConfig(embedding=64, **shape))
    save_checkpoint(tmp_path, small, optimizers(small), {"step": 1}, {})
    with pytest.raises(CheckpointError, match="another model"):
        load_checkpoint(tmp_path, large, optimizers(large))


def test_evaluation_compares_twins_on_the_same_tokens(folder: Path) -> None:
    data = RecallData(Tokens.load(folder / "tokenizer.json"), np.load(folder / "train.npy"))
    ids, places = data.asked_at(np.random.default_rng(1), [40, 80, 160], 2)
    for place, distance in zip(places, [40, 80, 160]):
        stated = np.flatnonzero(ids[:place] == ids[place])
        assert any(distance - 40 < place - at < distance + 80 for at in stated)
    shape = {"layers": 1, "embedding": 32, "heads": 4, "kv_heads": 4, "feed_forward": 32, "trained_length": 256}
    torch.manual_seed(1)
    model = Model(ModelConfig(vocabulary=420, **shape)).eval()
    models = {"longnet": (model, longnet_plan([(16, 1), (256, 4)])), "dense": (model, dense_plan())}
    loss = evaluate.loss_by_context(models, data, [600, 900], rows=2, kind="facts")
    assert [entry["context"] for entry in loss["lengths"]] == [600, 900]
    for entry in loss["lengths"]:
        difference = entry["loss"]["dense"]["mean"] - entry["loss"]["longnet"]["mean"]
        assert entry["minusLongnet"]["dense"]["mean"] == pytest.approx(difference, abs=2e-4)
    recall = evaluate.recall_by_distance(models, data, [40, 160], rows=2, others=2)
    assert recall["chance"] == 0.25 and recall["distances"][1]["recalled"]["dense"]["mean"] <= 1
    same = evaluate.interval(np.array([1.0, 1.0, 1.0]))
    assert same == {"mean": 1.0, "low": 1.0, "high": 1.0}
