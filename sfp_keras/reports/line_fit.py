"""A straight line through points, with the uncertainty of both."""

import dataclasses
import math

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class LineFit:
    """The least-squares line y = slope x + intercept through n points.

    With deviation s^2 = sum of squared residuals / (n - 2), mean m of x and spread
    S = sum (x - m)^2: the standard error of the slope is s / sqrt(S), that of the intercept
    s sqrt(1/n + m^2/S). Without freedom (n = 2) errors and band are NaN, without two different x
    (n = 1) all numbers are.

    Attributes:
        slope: `float`.
        intercept: `float`.
        slope_error: `float`. Standard error.
        intercept_error: `float`. Standard error.
        points: `int`. n.
        deviation: `float`. s.
        mean: `float`. m.
        spread: `float`. S.
        quantile: `float`. Student's t of n - 2 degrees of freedom at 97.5%.
    """

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float
    points: int
    deviation: float
    mean: float
    spread: float
    quantile: float

    def at(self, x: np.ndarray | float) -> np.ndarray:
        """The line's y at `x`."""
        return self.slope * np.asarray(x, np.float64) + self.intercept

    def band(self, x: np.ndarray | float) -> np.ndarray:
        """Half the width of the 95% confidence band of the line at `x`.

        t s sqrt(1/n + (x - m)^2 / S). It is the band of the mean y at x, not of single points, and
        takes the points as independent.
        """
        distance = (np.asarray(x, np.float64) - self.mean) ** 2 / self.spread
        return self.quantile * self.deviation * np.sqrt(1 / self.points + distance)


def fit_line(x: np.ndarray, y: np.ndarray) -> LineFit:
    """Fit a line by least squares.

    Args:
        x: `(n,)`.
        y: `(n,)`.

    Returns:
        A `LineFit`.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    count = len(x)
    if len(set(x.tolist())) < 2:
        nan = math.nan
        return LineFit(nan, nan, nan, nan, count, nan, float(x.mean()) if count else nan, 0.0, nan)
    mean = x.mean()
    spread = ((x - mean) ** 2).sum()
    slope = ((x - mean) * (y - y.mean())).sum() / spread
    intercept = y.mean() - slope * mean
    deviation = quantile = math.nan
    if count > 2:
        residuals = y - slope * x - intercept
        deviation = math.sqrt((residuals**2).sum() / (count - 2))
        quantile = float(stdtrit(count - 2, (1 + CONFIDENCE) / 2))
    return LineFit(
        slope=float(slope),
        intercept=float(intercept),
        slope_error=deviation / math.sqrt(spread),
        intercept_error=deviation * math.sqrt(1 / count + mean**2 / spread),
        points=count,
        deviation=deviation,
        mean=float(mean),
        spread=float(spread),
        quantile=quantile,
    )
