"""Each rival once more, in extended precision and without torch: a row of logits and its label in, the loss out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

REAL = np.longdouble


def _lse(z: np.ndarray) -> np.longdouble:
    peak = z.max()
    return peak + np.log(np.exp(z - peak).sum())


def _log_p(z: np.ndarray) -> np.ndarray:
    return z - _lse(z)


def _miss(z: np.ndarray, y: int) -> np.longdouble:
    """1 − p_y."""
    others = np.delete(z, y)
    return np.exp(_lse(others) - _lse(z)) if len(others) and others.max() > -np.inf else REAL(0)


def hard(z: np.ndarray, y: int) -> np.longdouble:
    return -_log_p(z)[y]


def focal(z: np.ndarray, y: int, gamma: float) -> np.longdouble:
    return _miss(z, y) ** REAL(gamma) * hard(z, y)


def confidence_penalty(z: np.ndarray, y: int, beta: float) -> np.longdouble:
    log_p = _log_p(z)[np.isfinite(z)]
    return hard(z, y) + REAL(beta) * (np.exp(log_p) * log_p).sum()


def margin_smoothing(z: np.ndarray, y: int, alpha: float, margin: float = 10.0) -> np.longdouble:
    gaps = z.max() - z[np.isfinite(z)]
    return hard(z, y) + REAL(alpha) * np.maximum(gaps - REAL(margin), 0).mean()


def max_suppression(z: np.ndarray, y: int, alpha: float) -> np.longdouble:
    return hard(z, y) + REAL(alpha) * (z.max() - z[np.isfinite(z)].mean())


def poly(z: np.ndarray, y: int, epsilon: float) -> np.longdouble:
    return hard(z, y) + REAL(epsilon) * _miss(z, y)


def logit_norm(z: np.ndarray, y: int, tau: float) -> np.longdouble:
    length = max(np.sqrt((z[np.isfinite(z)] ** 2).sum()), REAL(1e-7))
    return hard(z / (REAL(tau) * length), y)


def label_relaxation(z: np.ndarray, y: int, alpha: float) -> np.longdouble:
    """The divergence term by term, with the target written out, rather than the closed form."""
    p = np.exp(_log_p(z))
    if _miss(z, y) <= REAL(alpha):
        return REAL(0)
    target = REAL(alpha) * p / _miss(z, y)
    target[y] = 1 - REAL(alpha)
    some = target > 0
    return (target[some] * np.log(target[some] / p[some])).sum()


def distillation(z: np.ndarray, y: int, temperature: float, teacher: np.ndarray, weight: float = 0.9) -> np.longdouble:
    t = REAL(temperature)
    soft = -(np.exp(_log_p(teacher / t)) * _log_p(z / t)).sum()
    return (1 - REAL(weight)) * hard(z, y) + REAL(weight) * t**2 * soft


FORMULAS: dict[str, Callable[..., np.longdouble]] = {
    "focal": focal,
    "confidence_penalty": confidence_penalty,
    "margin_smoothing": margin_smoothing,
    "max_suppression": max_suppression,
    "poly": poly,
    "logit_norm": logit_norm,
    "label_relaxation": label_relaxation,
}
"""What takes logits and labels and nothing else."""


def gradient(formula: Callable[..., np.longdouble], z: np.ndarray, y: int, *settings: float) -> np.ndarray:
    """By central differences in extended precision: right to about 1e-11."""
    step, found = REAL(1e-6), np.zeros_like(z)
    for k in range(len(z)):
        ahead, behind = z.copy(), z.copy()
        ahead[k] += step
        behind[k] -= step
        found[k] = (formula(ahead, y, *settings) - formula(behind, y, *settings)) / (2 * step)
    return found
