"""Text that packages carry: the sources of Python's standard library (PSF licence) and, where Debian's package
bible-kjv is installed, the King James Bible (public domain). Files are held out for evaluation by the hash of their
name, so that training and evaluation never see the same file.
"""
from __future__ import annotations

import hashlib
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np

from .tokens import Tokens

#: one file in so many is kept for evaluation
HELD_OUT_ONE_IN = 16
_skipped = {"test", "tests", "site-packages", "__pycache__", "idlelib", "lib2to3", "turtledemo", "encodings"}


def _held_out(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] % HELD_OUT_ONE_IN == 0


def documents() -> list[tuple[str, str]]:
    """(name, text), sorted by name"""
    return sorted(_library_sources() + _bible())


def training_texts() -> list[str]:
    return [text for name, text in documents() if not _held_out(name)]


def _library_sources() -> list[tuple[str, str]]:
    root = Path(sysconfig.get_paths()["stdlib"])
    found = []
    for path in root.rglob("*.py"):
        parts = path.relative_to(root)
        if _skipped.intersection(parts.parts) or path.stat().st_size < 500:
            continue
        found.append((str(parts), path.read_text("utf8", errors="ignore")))
    return found


def _bible() -> list[tuple[str, str]]:
    """Books of the King James Bible, cut into pieces of a few hundred verses; none where the program is missing."""
    program = shutil.which("bible")
    if program is None:
        return []
    run = subprocess.run([program, "-f", "gen1:1-rev22:21"], capture_output=True, text=True, check=False)
    lines = [line.split(" ", 1)[-1] for line in run.stdout.splitlines() if line]
    size = 300
    return [(f"kjv/{i:04}", "\n".join(lines[i : i + size])) for i in range(0, len(lines), size)]


def encode_corpus(tokens: Tokens, folder: Path) -> None:
    """Writes train.npy and held-out.npy (u16 ids, documents in an order mixed by hash, EOS between)."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, list[np.ndarray]] = {"train": [], "held-out": []}
    for name, text in sorted(documents(), key=lambda d: hashlib.sha256(d[0].encode()).hexdigest()):
        ids = np.array(tokens.encode(text) + [tokens.eos], dtype=np.uint16)
        parts["held-out" if _held_out(name) else "train"].append(ids)
    for name, ids in parts.items():
        np.save(folder / f"{name}.npy", np.concatenate(ids))
