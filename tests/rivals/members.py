"""The rivals that are losses of logits and labels, with settings to test: a new one is tested by its row here."""

from __future__ import annotations

from labelsmooth import rivals

SETTINGS = {
    "focal": (0.0, 0.5, 1.0, 2.0, 5.0),
    "confidence_penalty": (0.0, 0.1, 1.0),
    "margin_smoothing": (0.0, 0.1),
    "max_suppression": (0.0, 0.1, 0.5),
    "poly": (-1.0, 0.0, 1.0, 2.0),
    "logit_norm": (0.1, 1.0),
    "label_relaxation": (0.05, 0.3),
}
PAIRS = [(name, value) for name, values in SETTINGS.items() for value in values]
LIKE_CROSS_ENTROPY_AT_0 = ("focal", "confidence_penalty", "margin_smoothing", "max_suppression", "poly")
OTHERS = ("distillation", "mixup")


def build(name: str, value: float, **options: object):
    return rivals.find(name)(value, **options)
