"""Files in pieces: what a borrowed machine takes in (at most 50 MB each) and gives back (at most 15 MB each).

`NAME.000`, `NAME.001`, … and `NAME.json`, which holds the number of pieces, the bytes and the SHA-256 of the whole.
The list is written last, so that pieces of a run that was killed are never taken for a whole.
"""
from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

MOST_IN = 50 * 10**6
MOST_OUT = 15 * 10**6


class PieceError(RuntimeError):
    """Pieces that are missing, or that do not belong together."""


def write_pieces(data: bytes, folder: Path, name: str, most: int) -> list[Path]:
    """@raises OSError on a full disk; the pieces written before stay the ones that count"""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = hashlib.sha256(data).hexdigest()
    paths = []
    for i in range(-(-len(data) // most)):
        path = folder / f"{name}.{stamp[:8]}.{i:03}"
        _write(path, data[i * most : (i + 1) * most])
        paths.append(path)
    _write(folder / f"{name}.json", json.dumps({"pieces": [p.name for p in paths], "bytes": len(data), "sha256": stamp}).encode())
    for old in folder.glob(f"{name}.*.[0-9][0-9][0-9]"):
        if old not in paths:
            old.unlink()
    return paths


def read_pieces(folder: Path, name: str) -> bytes | None:
    """@returns None where nothing of that name was written"""
    index = folder / f"{name}.json"
    if not index.exists():
        return None
    listed = json.loads(index.read_text())
    try:
        data = b"".join((folder / piece).read_bytes() for piece in listed["pieces"])
    except FileNotFoundError as cause:
        raise PieceError(f"{cause.filename} is missing: fetch all pieces of {name}") from cause
    if hashlib.sha256(data).hexdigest() != listed["sha256"]:
        raise PieceError(f"the pieces of {name} in {folder} do not belong together: pack it again")
    return data


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(path.name + ".new")
    try:
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
