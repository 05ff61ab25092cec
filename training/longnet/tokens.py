"""A small byte-level BPE vocabulary that the engine's tokenizer reads from the GGUF (model gpt2, pre smollm)."""
from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

#: chat marks as in ChatML, so that the app's chat template can use them; <|endoftext|> ends a document
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


class Tokens:
    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer
        self.eos = tokenizer.token_to_id(SPECIALS[0])

    @staticmethod
    def load(path: Path) -> "Tokens":
        return Tokens(Tokenizer.from_file(str(path)))

    @staticmethod
    def train(texts: list[str], size: int) -> "Tokens":
        """Digits stand alone and words as GPT-2 cuts them: the engine's pre-tokenizer "smollm"."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIALS, initial_alphabet=alphabet)
        tokenizer.train_from_iterator(texts, trainer)
        return Tokens(tokenizer)

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    @property
    def size(self) -> int:
        return self.tokenizer.get_vocab_size()

    def words(self) -> list[int]:
        """Ids of whole lower-case words of four or more letters, with the space before them."""
        vocabulary = sorted(self.tokenizer.get_vocab().items(), key=lambda entry: entry[1])
        return [id for token, id in vocabulary if token[0] == "Ġ" and len(token) >= 5 and token[1:].isascii() and token[1:].islower() and token[1:].isalpha()]
