"""Results as a comparison would leave them, made up but realistic: a pure function of a few knobs, no torch."""

from __future__ import annotations

from typing import Any

import numpy as np

Results = dict[str, Any]
METRICS = ("accuracy", "nll", "brier", "signed_gap", "ece", "ece_null", "aurc", "confidence")
DEFAULT_METHODS = ("hard", "uniform 0.05", "uniform 0.1", "uniform 0.2", "others 0.1")
_GAINS = {"smooth": 0.0251, "keep_hard": -0.0112, "open": 0.0068}
_WIDTHS = {"smooth": 0.0205, "keep_hard": 0.0101, "open": 0.0198}


def _mean_sd(mean: float, sd: float, seeds: int) -> dict[str, float | None]:
    return {"mean": round(mean, 6), "sd": round(sd, 6) if seeds > 1 else None}


def _epsilon(method: str) -> float:
    last = method.split(",")[0].split()[-1]
    return float(last) if last.replace(".", "").isdigit() else 0.0


def _measures(gap: float, nll: float, accuracy: float, seeds: int, truth: bool) -> dict[str, Any]:
    values = {
        "accuracy": (accuracy, 0.004),
        "nll": (nll, 0.0061),
        "brier": (0.42 * nll, 0.0022),
        "signed_gap": (gap, 0.0042),
        "ece": (abs(gap) + 0.011, 0.0031),
        "ece_null": (0.0148, 0.0006),
        "aurc": (0.09 * nll, 0.0011),
        "confidence": (accuracy + gap, 0.003),
    }
    if truth:
        values["true_calibration_error"] = (abs(gap) + 0.003, 0.002)
    return {name: _mean_sd(mean, sd, seeds) for name, (mean, sd) in values.items()}


def _row(
    method: str, checkpoint: str, gain: float, seeds: int, rng: np.random.Generator, knobs: dict[str, Any]
) -> Results:
    epsilon, best = _epsilon(method), checkpoint == "best"
    accuracy = knobs["accuracy"] + 0.1 * epsilon - (0.004 if best else 0) + float(rng.normal(0, 0.001))
    gap_before = (0.004 if best else knobs["gap"]) - 1.05 * epsilon
    after = 0.137 - gain + (0 if best else 0.009)
    before = after + 2.2 * abs(gap_before)
    row: Results = {
        "method": method,
        "family": "hard" if method.startswith("hard") else "smooth",
        "scheme": method.split()[0],
        "label_smoothing": epsilon,
        "weight_decay": 0.0,
        "dropout": 0.0,
        "checkpoint": checkpoint,
        "seeds": seeds,
        "before": _measures(gap_before, before, accuracy, seeds, knobs["truth"]),
        "after": _measures(float(rng.normal(0, 0.003)), after, accuracy, seeds, knobs["truth"]),
        "temperature": {
            "mean": 1.31 - 4 * epsilon * (1 - epsilon),
            "min": 1.12 - 4 * epsilon * (1 - epsilon),
            "max": 1.52 - 4 * epsilon * (1 - epsilon),
            "status": {"interior": seeds},
        },
        "val_nll_after": _mean_sd(after * 1.04, 0.005, seeds),
        "difference": {"value": gain, "lower": gain - 0.02, "upper": gain + 0.02},
        "chosen": None,
        "shifted": None,
        "epoch": {"mean": 14.3 if best else 29.0},
    }
    if knobs["shift"]:
        row["shifted"] = {
            "before": _measures(gap_before + 0.11, before + 0.5, accuracy - 0.17, seeds, False),
            "after": _measures(0.08, after + 0.41, accuracy - 0.17, seeds, False),
        }
    return row


def _curve(method: str, epochs: int, rng: np.random.Generator) -> dict[str, list[float]]:
    epsilon = _epsilon(method)
    time = np.arange(1, epochs + 1) / epochs
    learned = 1 - np.exp(-6 * time)
    gap = 0.05 * time - 1.02 * epsilon * learned - 0.3 * np.exp(-14 * time) + rng.normal(0, 0.004, epochs)
    accuracy = 0.965 + 0.1 * epsilon - 0.75 * np.exp(-9 * time) + rng.normal(0, 0.002, epochs)
    after = 0.13 + 2.1 * np.exp(-9 * time) + 0.06 * time**2 * (1 - 3 * epsilon) + rng.normal(0, 0.003, epochs)
    measures = {
        "epoch": np.arange(epochs),
        "train_loss": 2.2 * np.exp(-7 * time) + 0.6 * epsilon,
        "val_nll": after + np.abs(gap),
        "val_nll_after": after,
        "val_accuracy": np.clip(accuracy, 0, 1),
        "val_ece": np.abs(gap) + 0.012,
        "val_signed_gap": gap,
    }
    return {name: [round(float(v), 5) for v in values] for name, values in measures.items()}


def _bins(gap: float, n: int, seeds: int, classes: int, rng: np.random.Generator) -> dict[str, Any]:
    confidence = np.clip(1 - rng.beta(0.55, 4.5, n) - 0.6 * max(-gap, 0) * rng.random(n), 1 / classes, 1)
    right = rng.random(n) < np.clip(confidence - gap * (1 - (2 * confidence - 1) ** 8), 0, 1)
    which = np.clip(np.ceil(confidence * 15).astype(int) - 1, 0, 14)
    count = np.bincount(which, minlength=15)
    mean = [float(confidence[which == b].mean()) if count[b] else None for b in range(15)]
    accuracy = [float(right[which == b].mean()) if count[b] else None for b in range(15)]
    ece = sum(count[b] * abs((mean[b] or 0) - (accuracy[b] or 0)) for b in range(15)) / n
    return {
        "edges": [i / 15 for i in range(16)],
        "count": [int(c) for c in count],
        "confidence": mean,
        "accuracy": accuracy,
        "ece": float(ece),
        "ece_null": 0.0148,
        "n": n // seeds,
    }


def _sentence(code: str, smooth: str) -> str:
    if code == "smooth":
        return (
            f"Smooth: {smooth}. NLL 0.112 against 0.137 for the best unsmoothed model with "
            "temperature; gain 0.025 [0.005, 0.046]. Cost: ECE before temperature 0.015 → 0.112, with these training "
            "settings."
        )
    if code == "keep_hard":
        return (
            "Keep hard labels with temperature; any gain is below 0.0027 nats (smoothing hurts here), "
            "with these training settings."
        )
    return (
        "Not settled: gain between −0.013 and 0.027. Keep hard labels for now; about 4200 rows or 31 seeds "
        "would settle it, with these training settings."
    )


def _snippet(code: str) -> str:
    amount = "0.1" if code == "smooth" else "0.0"
    return (
        "from labelsmooth import CrossEntropyLoss\nfrom labelsmooth.calibration import TemperatureScaler\n\n"
        f"loss = CrossEntropyLoss(label_smoothing={amount})\n"
        "# after training, on validation rows:\nscaler = TemperatureScaler().fit(val_logits, val_labels)\n"
        "probabilities = scaler.transform(test_logits).softmax(-1)\n"
    )


def _verdict(code: str, hard: str, smooth: str, seeds: int, rows: int) -> Results:
    gain, half = _GAINS[code], _WIDTHS[code]
    return {
        "code": code,
        "sentence": _sentence(code, smooth),
        "reasons": [
            f"The interval for the gain runs from {gain - half:.4f} to {gain + half:.4f} nats.",
            "Both models were given a temperature fitted on the validation split.",
            f"{seeds} {'seed' if seeds == 1 else 'seeds'} and {rows} test rows went into the interval.",
        ],
        "hard": {"method": hard, "checkpoint": "best"},
        "smooth": {"method": smooth, "checkpoint": "best"},
        "hard_nll": 0.137,
        "smooth_nll": 0.137 - gain,
        "difference": gain,
        "lower": gain - half,
        "upper": gain + half,
        "min_effect": 0.00274,
        "df": 23.4,
        "seeds": seeds,
        "rows": rows,
        "needed": {"rows": 4200, "seeds": 31} if code == "open" else None,
        "metric": "nll",
        "costs": {"ece_before": 0.097},
        "snippet": _snippet(code),
    }


def _data(name: str, classes: int, rows: int, knobs: dict[str, Any]) -> Results:
    return {
        "name": name,
        "kind": "vector",
        "classes": [str(index) for index in range(classes)],
        "rows": {"train": 898, "val": 270, "test": rows},
        "groups": None,
        "fingerprint": "sha256:5f1c0a9be3d74412",
        "label_noise": knobs["noise"],
        "label_noise_val": 0.0,
        "shift": knobs["shift"],
        "card": {
            "source": "UCI, Optical Recognition of Handwritten Digits (Alpaydin, Kaynak 1998)",
            "licence": "CC BY 4.0",
            "notes": "8×8 grey images, test part of the original set",
            "features": 64,
        },
    }


def _effects(classes: int, rng: np.random.Generator) -> Results:
    shown = min(classes, 20)

    def sides(make: Any) -> Results:
        return {"hard": make(0.0), "smooth": make(0.01)}

    lines = [
        {
            "class": str(index),
            "rows": 62,
            **sides(lambda more: {"accuracy": 0.95 + more, "nll": 0.14 - more}),
            "change": {"value": 0.01, "lower": -0.03 + 0.01 * index, "upper": 0.05 - 0.01 * index},
        }
        for index in range(shown)
    ]
    pairs = [
        {"classes": [str(i), str(i + 1)], "rows": 124, **sides(lambda more: 0.02 - more)} for i in range(shown - 1)
    ]
    curve = np.linspace(0, 0.04, 100) ** 2 * 25
    sets = [
        {"method": name, "alpha": 0.1, "rows": 630, **sides(lambda more: {"coverage": 0.9 + more, "size": 1.2 + more})}
        for name in ("lac", "aps")
    ]
    gap = [[None if b == 7 else round(float(g), 4) for b, g in enumerate(rng.normal(0, 0.2, 15))] for _ in range(shown)]
    count = [[0 if b == 7 else 5 * b + 1 for b in range(15)] for _ in range(shown)]
    return {
        "seeds": 10,
        "classes": {"total": classes, "lines": lines},
        "pairs": {"total": classes * 2, "lines": pairs},
        "selective": {
            "coverage": (np.arange(1, 101) / 100).tolist(),
            **sides(lambda more: (curve * (1 - more)).tolist()),
        },
        "conformal": sets,
        "map": {
            "classes": [str(index) for index in range(shown)],
            "edges": [i / 15 for i in range(16)],
            "rows": 630,
            **sides(lambda _: {"count": count, "gap": gap}),
        },
    }


def _run(kind: str, seeds: int, epochs: int) -> Results:
    settings = {
        "model": "mlp",
        "epochs": epochs,
        "batch_size": 64,
        "learning_rate": 0.003,
        "seeds": list(range(seeds)),
        "jobs": 2,
    }
    env = {
        "python": "3.11.2",
        "torch": "2.13.0",
        "numpy": "2.4.6",
        "labelsmooth": "0.1.0",
        "platform": "Linux-6.1-x86_64",
        "cpu_count": 2,
    }
    command = (
        "labelsmooth compare digits --seeds 10" if kind == "compare" else "labelsmooth evaluate hard.npz smooth.npz"
    )
    return {
        "kind": kind,
        "command": command,
        "created": "2026-11-21T06:13:44Z",
        "seconds": 24.7,
        "settings": settings if kind == "compare" else {},
        "env": env,
    }


def build(
    code: str = "smooth",
    *,
    kind: str = "compare",
    data: str = "digits",
    methods: tuple[str, ...] = DEFAULT_METHODS,
    seeds: int = 10,
    epochs: int = 30,
    classes: int = 10,
    rows: int = 630,
    shift: bool = False,
    truth: bool = False,
    noise: float = 0.0,
    gap: float = 0.021,
    failed: int = 0,
    accuracy: float = 0.962,
) -> Results:
    """Return one results dict; the first of `methods` is the hard one, the third (if any) is chosen as S*."""
    rng = np.random.default_rng(7)
    knobs = {"truth": truth, "shift": shift, "noise": noise, "accuracy": accuracy, "gap": gap}
    hard, smooth = methods[0], methods[min(2, len(methods) - 1)]
    listed = []
    for index, method in enumerate(methods):
        for checkpoint in ("last", "best"):
            gain = (
                0.0
                if index == 0
                else _GAINS[code] * (1.0 if method == smooth else 0.55) - (0.006 if checkpoint == "last" else 0)
            )
            listed.append(_row(method, checkpoint, gain, seeds, rng, knobs))
    if len(methods) > 1:
        _choose(listed, hard, smooth, code)
    pooled = rows * seeds
    return {
        "schema_version": 1,
        "run": _run(kind, seeds, epochs),
        "data": _data(data, classes, rows, knobs),
        "verdict": _verdict(code, hard, smooth, seeds, rows),
        "warnings": [{"code": "edge-of-grid", "sentence": "the best amount, ε=0.1, is the largest of 3 tried"}],
        "methods": listed,
        "effects": _effects(classes, np.random.default_rng(8)) if len(methods) > 1 else None,
        "curves": {method: _curve(method, epochs, rng) for method in methods} if kind == "compare" else {},
        "reliability": [
            {
                "role": role,
                "method": name,
                "checkpoint": "best",
                "seeds": seeds,
                "before": _bins(gap, pooled, seeds, classes, rng),
                "after": _bins(0.0, pooled, seeds, classes, rng),
            }
            for role, name, gap in (("hard", hard, 0.06), ("smooth", smooth, -0.18))
        ],
        "failed": [
            {"trial": f"uniform 0.2 · seed {i}", "reason": "loss became NaN at epoch 3; lower the learning rate"}
            for i in range(failed)
        ],
    }


def _choose(rows: list[Results], hard: str, smooth: str, code: str) -> None:
    for row in rows:
        if row["checkpoint"] == "best" and row["method"] == hard:
            row["chosen"], row["difference"] = "hard", None
        elif row["checkpoint"] == "best" and row["method"] == smooth:
            row["chosen"], gain, half = "smooth", _GAINS[code], _WIDTHS[code]
            row["difference"] = {"value": gain, "lower": gain - half, "upper": gain + half}


def evaluated(code: str = "open") -> Results:
    """Return what `evaluate` of two files leaves: one seed, one checkpoint, no curves, little known of the data."""
    results = build(code, kind="evaluate", methods=("hard", "uniform 0.1"), seeds=1)
    results["methods"] = [row for row in results["methods"] if row["checkpoint"] == "best"]
    results["effects"]["conformal"] = []
    for row in results["methods"]:
        row |= {"checkpoint": None, "epoch": None, "weight_decay": None, "dropout": None}
    results["data"] = {"name": None, "kind": None, "classes": [], "rows": {"test": 630}, "fingerprint": "sha256:00ff"}
    results["verdict"] |= {
        "df": None,
        "sentence": "Not settled: gain between −0.013 and 0.027 for these two models. Keep hard labels for now.",
    }
    return results


def large(methods: int = 40, classes: int = 1000) -> Results:
    names = (
        "hard",
        *(f"{scheme} {0.01 * i:.2f}, wd 0.01, dropout 0.2" for i in range(1, 21) for scheme in ("uniform", "others")),
    )
    results = build("smooth", methods=names[:methods], classes=classes, epochs=200)
    results["data"]["classes"] = [f"class number {index}" for index in range(classes)]
    return results


def lonely() -> Results:
    """Return a run of the hard method alone: nothing to compare it with."""
    results = build("open", methods=("hard",))
    for row in results["methods"]:
        row |= {"difference": None, "chosen": "hard" if row["checkpoint"] == "best" else None}
    results["reliability"] = results["reliability"][:1]
    gone = dict.fromkeys(("smooth", "smooth_nll", "difference", "lower", "upper", "df", "needed", "costs"))
    results["verdict"] |= gone | {"sentence": "Not settled: no smoothed model to compare with.", "reasons": []}
    return results


def without(results: Results, value: Any = None) -> Results:
    """Return the same structure with every number replaced by `value` (null, or NaN before it became null)."""

    def emptied(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: emptied(each) for key, each in node.items()}
        if isinstance(node, list):
            return [emptied(each) for each in node]
        return value if isinstance(node, float) or (isinstance(node, int) and not isinstance(node, bool)) else node

    return emptied(results)


SAMPLES = {
    "smooth": lambda: build("smooth"),
    "keep_hard": lambda: build("keep_hard"),
    "open": lambda: build("open", failed=2),
    "mixture": lambda: build("keep_hard", data="mixture", truth=True, accuracy=0.66),
    "shift": lambda: build("smooth", shift=True),
    "noise": lambda: build("open", noise=0.4, gap=0.12),
    "evaluate": evaluated,
    "large": large,
    "ten": lambda: build(
        "smooth", methods=(*DEFAULT_METHODS, "others 0.05", "others 0.2", "uniform 0.3", "uniform 0.02", "others 0.3")
    ),
    "one": lonely,
}
