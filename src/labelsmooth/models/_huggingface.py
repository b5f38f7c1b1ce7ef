"""hf:PATH, a transformers model that classifies texts, from a folder or the hub; its head is new where K differs."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .._checks import UsageError, require
from ..data import Dataset

USUAL = {"epochs": 3, "batch_size": 16, "learning_rate": 5e-5}


def takes(name: str) -> bool:
    """Whether the name is that of a transformers model."""
    return name.startswith("hf:")


class _Classifier(nn.Module):
    """Texts (n, L), −1 behind the end, to logits (n, K)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, texts: Tensor) -> Tensor:
        return self.model(**_read(texts, self.model.config)).logits

    def features(self, texts: Tensor) -> Tensor:
        """The mean over a text of the last hidden states (n, width)."""
        asked = _read(texts, self.model.config)
        hidden, there = self.model.base_model(**asked)[0], asked["attention_mask"][:, :, None]
        return (hidden * there).sum(1) / there.sum(1)


def _read(texts: Tensor, config: Any) -> dict[str, Tensor]:
    """Token numbers and which of them to read; an empty text still reads one position."""
    there = texts >= 0
    there[:, 0] = True
    padding = config.pad_token_id if config.pad_token_id is not None else 0
    return {"input_ids": texts.where(texts >= 0, padding), "attention_mask": there.long()}


def make(name: str, settings: dict[str, Any], dataset: Dataset, dropout: float) -> nn.Module:
    """The pretrained model with K classes; `--set` names fields of its configuration, `dropout` acts in every layer."""
    if dataset.kind != "text":
        raise UsageError(f"model {name!r} takes text, and {dataset.name!r} holds {dataset.kind}; give --text COLUMN")
    transformers = require("hf", "transformers")
    place = name.removeprefix("hf:")
    asked = {"num_labels": len(dataset.classes), "ignore_mismatched_sizes": True, **settings}
    quiet = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        model = transformers.AutoModelForSequenceClassification.from_pretrained(place, **asked)
    except (OSError, ValueError, KeyError, TypeError) as error:
        words = str(error).strip().partition("\n")[0][:200]
        raise UsageError(
            f"model {name!r} cannot be loaded ({words}); give a folder or a name that holds one"
        ) from error
    finally:
        transformers.logging.set_verbosity(quiet)
    longest = int(dataset.train.inputs.max())
    if longest >= model.config.vocab_size:
        raise UsageError(
            f"model {name!r} knows {model.config.vocab_size} tokens, the texts hold number {longest}; give the "
            "tokenizer that belongs to it: --tokenizer"
        )
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = dropout
    return _Classifier(model)
