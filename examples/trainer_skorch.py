"""The amount of smoothing in a grid search of scikit-learn, through skorch, judged by the hard-label NLL.

Needs `pip install 'labelsmooth[trainers]'`.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier

from labelsmooth.integrations.skorch import LabelSmoothing, criterion_options

if __name__ == "__main__":
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    y = draw.integers(0, 3, 300)
    X = (np.eye(3)[y] + draw.normal(size=(300, 3))).astype(np.float32)
    net = NeuralNetClassifier(
        torch.nn.Linear, module__in_features=3, module__out_features=3, max_epochs=5, lr=0.5, verbose=0,
        callbacks=[LabelSmoothing()], **criterion_options(0.1),
    )  # fmt: skip
    search = GridSearchCV(net, {"criterion__label_smoothing": [0.0, 0.1, 0.3]}, scoring="neg_log_loss", cv=2)
    search.fit(X, y)
    for asked, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        print(f"label_smoothing {asked['criterion__label_smoothing']:.1f}   NLL {-score:.4f}")
    last = search.best_estimator_.history[-1]
    print(f"best: valid_nll {last['valid_nll']:.4f}, valid_ece {last['valid_ece']:.4f}")
