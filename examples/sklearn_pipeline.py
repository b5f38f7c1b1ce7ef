"""SmoothedClassifier where scikit-learn is at home: in a pipeline, and the amount of smoothing in a grid search."""

from __future__ import annotations

from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from labelsmooth import SmoothedClassifier


def main() -> None:
    X, y = load_wine(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, test_size=0.5, random_state=0)
    model = SmoothedClassifier(max_epochs=30, learning_rate=0.01, random_state=0)
    amounts = {"smoothedclassifier__label_smoothing": [0.0, 0.1]}
    search = GridSearchCV(make_pipeline(PowerTransformer(), model), amounts, scoring="neg_log_loss", cv=2)
    search.fit(X_train, y_train)
    best = search.best_params_["smoothedclassifier__label_smoothing"]
    print(f"ε = {best:g}: log loss {-search.score(X_test, y_test):.3f} on {len(y_test)} rows")


if __name__ == "__main__":
    main()
