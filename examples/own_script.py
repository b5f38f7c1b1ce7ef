"""A training script that stays as it is: it takes an amount of smoothing, a seed and a place for its predictions.

    labelsmooth compare --script 'python examples/own_script.py --eps {label_smoothing} --seed {seed} --out {out}'
    labelsmooth tune --search learning_rate=1e-4:1e-2 \
        --script 'python examples/own_script.py --eps {label_smoothing} --lr {learning_rate} --seed {seed} --out {out}'

The last three lines of `main` are all that they ask for.
"""

import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn

from labelsmooth import CrossEntropyLoss, Predictions


def splits():
    """The same rows for every trial: nothing here depends on the trial's seed."""
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    x_train, x_rest, y_train, y_rest = train_test_split(x, y, test_size=0.7, stratify=y, random_state=0)
    x_val, x_test, y_val, y_test = train_test_split(x_rest, y_rest, test_size=0.6, stratify=y_rest, random_state=0)
    return [(torch.tensor(a, dtype=torch.float32), torch.tensor(b)) for a, b in
            ((x_train, y_train), (x_val, y_val), (x_test, y_test))]  # fmt: skip


def train(x, y, eps: float, lr: float, epochs: int) -> nn.Module:
    model = nn.Sequential(nn.Linear(x.shape[1], 64), nn.ReLU(), nn.Linear(64, 2))
    criterion = CrossEntropyLoss(label_smoothing=eps)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    return model.eval()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--eps", type=float, default=0.0)
    asked.add_argument("--lr", type=float, default=3e-3)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--epochs", type=int, default=100)
    asked.add_argument("--out", default="predictions.npz")
    options = asked.parse_args()
    torch.manual_seed(options.seed)
    (x, y), (x_val, y_val), (x_test, y_test) = splits()
    model = train(x, y, options.eps, options.lr, options.epochs)
    with torch.no_grad():
        test_logits, val_logits = model(x_test), model(x_val)
    Predictions(test_logits, y_test, val_logits=val_logits, val_labels=y_val).save(options.out)


if __name__ == "__main__":
    main()
