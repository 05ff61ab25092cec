"""Texts in which far facts decide the next tokens.

A row of n tokens is ordinary text into which statements ("set river stone = garden ;") are laid, and, later, the
same facts again, in the same or another form: their value can only be known from the statement. A row's facts are
new, so nothing but the context tells them. Each value's token counts `ANSWER_WEIGHT` times in the loss.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tokens import Tokens

ANSWER_WEIGHT = 8.0
#: before the key, between key and value, after the value. The first is also the form of a question.
FORMS = [
    ("\nQ:", ":", " .\n"),
    ("\nset", " =", " ;\n"),
    ("\nThe sign of the", " is", " here.\n"),
    ("\n    put(", ",", " )\n"),
]


@dataclass
class Row:
    """ids [n + 1] (inputs and targets, shifted by one), weight [n] of each target, and for the answers: their index
    among the targets and the distance in tokens back to the fact's value (0: not an answer)"""

    ids: np.ndarray
    weights: np.ndarray
    distances: np.ndarray


class RecallData:
    def __init__(self, tokens: Tokens, text: np.ndarray):
        self.text = text
        words = tokens.words()
        # keys and values are different words
        self.keys, self.values = np.array(words[0::2]), np.array(words[1::2])
        self.forms = [tuple(tokens.encode(part) for part in form) for form in FORMS]

    def chunk(self, rng: np.random.Generator, length: int) -> list[int]:
        start = int(rng.integers(0, len(self.text) - length))
        return self.text[start : start + length].tolist()

    def plain(self, rng: np.random.Generator, n: int) -> Row:
        """Ordinary text only"""
        ids = np.array(self.chunk(rng, n + 1), dtype=np.int64)
        return Row(ids, np.ones(n, np.float32), np.zeros(n, np.int64))

    def row(self, rng: np.random.Generator, n: int, filler: float, facts: int) -> Row:
        """@param filler: share of ordinary text; @param facts: at most so many different ones"""
        keys = rng.permutation(len(self.keys))
        ids: list[int] = []
        answers: list[tuple[int, int]] = []
        #: key, value, where it was said last
        stated: list[tuple[list[int], int, int]] = []
        own_form = int(rng.integers(1, len(self.forms)))
        facts = min(facts, len(keys) // 2)
        while len(ids) <= n:
            if rng.random() < filler:
                # as long as a statement on average, a few much longer
                ids += self.chunk(rng, 4 + int(rng.exponential(14)))
            if len(stated) < facts and (len(stated) < 2 or rng.random() < 0.5):
                pair = keys[2 * len(stated) : 2 * len(stated) + 2]
                key, value = self.keys[pair].tolist(), int(rng.choice(self.values))
                stated.append((key, value, self._lay(ids, own_form, key, value)))
            else:
                which = int(rng.integers(len(stated)))
                key, value, last = stated[which]
                here = self._lay(ids, own_form if rng.random() < 0.5 else 0, key, value)
                answers.append((here, here - last))
                stated[which] = (key, value, here)
        weights, distances = np.ones(n, np.float32), np.zeros(n, np.int64)
        for at, distance in answers:
            if 0 < at <= n:
                weights[at - 1], distances[at - 1] = ANSWER_WEIGHT, distance
        return Row(np.array(ids[: n + 1], dtype=np.int64), weights, distances)

    def asked_at(
        self, rng: np.random.Generator, distances: list[int], others: int
    ) -> tuple[np.ndarray, list[int]]:
        """One fact per distance, stated once and asked for once at the end of the row, about so many tokens later;
        `others` facts are stated anywhere and not asked for. All values differ.
        @returns ids, and where the answers stand, in the order of `distances`"""
        keys = rng.permutation(len(self.keys))
        count = len(distances) + others
        values = rng.choice(self.values, size=count, replace=False).tolist()
        facts = [(self.keys[keys[2 * i : 2 * i + 2]].tolist(), values[i]) for i in range(count)]
        form = int(rng.integers(1, len(self.forms)))
        room = max(distances) + 64
        ids = self.chunk(rng, room)
        # from far to near: each statement takes the place of as many tokens of text
        anywhere = [int(rng.integers(0, room - 16)) for _ in range(others)]
        places_of_others = list(zip(range(len(distances), count), anywhere))
        asked = [(i, room - distances[i]) for i in sorted(range(len(distances)), key=lambda i: -distances[i])]
        for i, start in places_of_others + asked:
            statement: list[int] = []
            self._lay(statement, form, *facts[i])
            ids[start : start + len(statement)] = statement
        places = [0] * len(distances)
        for i in rng.permutation(len(distances)).tolist():
            places[i] = self._lay(ids, form if rng.random() < 0.5 else 0, *facts[i])
        return np.array(ids, dtype=np.int64), places

    def _lay(self, ids: list[int], form: int, key: list[int], value: int) -> int:
        """@returns the value's index"""
        before, between, after = self.forms[form]
        ids += before + key + between
        ids.append(value)
        ids += after
        return len(ids) - 1 - len(after)
