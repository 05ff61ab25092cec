"""The circuit that the initial weights sketch: what followed the same tokens before is what comes next."""
import torch

from longnet.model import Model, ModelConfig
from longnet.plan import dense_plan

SHAPE = {"vocabulary": 500, "layers": 3, "feed_forward": 64, "trained_length": 1024, "rope_base": 1e8}


def repeated(seed: int, length: int) -> torch.Tensor:
    """Random tokens, and the same ones again"""
    once = torch.randint(500, (4, length), generator=torch.Generator().manual_seed(seed))
    return torch.cat((once, once), 1)


@torch.no_grad()
def share_continued(model: Model, ids: torch.Tensor) -> float:
    """Of the second half, how many tokens are the most probable ones"""
    half = ids.shape[1] // 2
    best = model.logits(model(ids[:, :-1], dense_plan())).argmax(-1)
    return float((best[:, half + 3 :] == ids[:, half + 4 :]).float().mean())


def test_an_untrained_model_goes_on_as_before() -> None:
    torch.manual_seed(1)
    model = Model(ModelConfig(embedding=128, heads=4, kv_heads=4, key_length=64, **SHAPE))
    assert share_continued(model, repeated(1, 60)) > 0.8


def test_a_model_of_another_shape_is_left_random() -> None:
    torch.manual_seed(1)
    model = Model(ModelConfig(embedding=128, heads=4, kv_heads=2, **SHAPE))
    assert share_continued(model, repeated(1, 60)) < 0.1
