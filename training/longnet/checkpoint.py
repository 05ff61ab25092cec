"""Checkpoints that a kill or a full disk can't damage: written beside the old one, synced, then renamed."""
from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn


class CheckpointError(RuntimeError):
    """A checkpoint of another model, or one that can't be read."""


def save_checkpoint(run: Path, model: nn.Module, steppers: list, state: dict, settings: dict) -> None:
    """@raises OSError when the disk is full: the checkpoint before stays as it is"""
    new = run / "checkpoint.pt.new"
    try:
        with new.open("wb") as file:
            content = {"model": model.state_dict(), "steppers": [o.state_dict() for o in steppers]}
            torch.save({**content, "state": state, "settings": settings}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(run / "checkpoint.pt")
    finally:
        new.unlink(missing_ok=True)


def load_checkpoint(run: Path, model: nn.Module, steppers: list) -> dict | None:
    """@returns the state of the run (step, tokens, seconds), or None for a run that has no checkpoint yet"""
    path = run / "checkpoint.pt"
    if not path.exists():
        return None
    content = torch.load(path, map_location="cpu", weights_only=True)
    try:
        model.load_state_dict(content["model"])
    except RuntimeError as cause:
        raise CheckpointError(f"{path} belongs to another model: {cause}") from cause
    for stepper, saved in zip(steppers, content["steppers"]):
        stepper.load_state_dict(saved)
    return content["state"]
