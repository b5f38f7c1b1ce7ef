"""How far the skewness of rows moves the interval of their mean."""

from __future__ import annotations

import numpy as np


def skewness(values: np.ndarray) -> float:
    """Mean cube of the standardised values (n,); 0 where they do not differ."""
    apart = values - values.mean()
    variance = float((apart**2).mean())
    return float((apart**3).mean()) / variance**1.5 if variance > 0 else 0.0


def hall(quantile: float, skewness: float, n: int) -> float:
    """The quantile of a studentised mean of n skewed values, from that of the symmetric case (Hall 1992, section 3).

    Hall's cubic g(x) = x + γ(x²/3 + 1/6)/√n + γ²x³/(27n) is monotone; this is its inverse.
    """
    bend = skewness / (3 * n**0.5)
    if abs(bend) < 1e-9:
        return quantile
    return float((np.cbrt(1 + 3 * bend * (quantile - bend / 2)) - 1) / bend)
