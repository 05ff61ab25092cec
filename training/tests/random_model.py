"""Models whose every weight matters, also untrained: a new Model adds next to nothing to the residual stream."""
from torch import nn

from longnet.model import Model, ModelConfig


def random_model(config: ModelConfig) -> Model:
    model = Model(config)
    for name, weight in model.named_parameters():
        if weight.dim() == 2:
            nn.init.normal_(weight, std=0.02 if name.startswith("token_embd") else weight.shape[1] ** -0.5)
        else:
            nn.init.ones_(weight)
    return model
