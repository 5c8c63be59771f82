"""Statistics of two classifiers' answers to the same videos.

An interval of 95 % is the difference plus and minus Student's t (of one degree of freedom less than
there are people) times its standard error, from a paired bootstrap over people: both models'
answers to all videos of a drawn person go together, since videos of one person are alike. The usual
percentile interval is too narrow for few people: with 3 it holds the truth in 7 to 9 of 10 cases,
this one in more than 9 (tests/evaluation/test_compare.py).

McNemar's exact test asks how often chance alone would divide the videos that only one of the two
got right so unevenly.

References: McNemar, Psychometrika 12, 1947; Efron and Tibshirani, "An Introduction to the
Bootstrap", 1993, section 12.2 (Student's t); Hesterberg, "What Teachers Should Know About the
Bootstrap", The American Statistician 69, 2015 (few units); Bonett and Price, J. Educational and
Behavioral Statistics 37, 2012; Holm, Scandinavian J. of Statistics 6, 1979.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import binomtest, t

from har.evaluation.scores import NORMAL_QUANTILE, resample_subjects


def count_changes(was_right: np.ndarray, is_right: np.ndarray) -> dict[str, int]:
    """Return `gained` and `lost`: how many only the other and only the reference got right."""
    return {
        "gained": int((is_right & ~was_right).sum()),
        "lost": int((was_right & ~is_right).sum()),
    }


def mcnemar(*, gained: int, lost: int) -> float:
    """Return the two-sided p value of McNemar's exact test.

    Example:
        >>> mcnemar(gained=5, lost=1)  # 2 * (1 + 6) / 2**6
        0.21875
    """
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def bonett_price(*, gained: int, lost: int, num_videos: int) -> tuple[float, float]:
    """Return Bonett and Price's 95 % interval of a paired difference of two shares.

    One is added to each kind of change, so that it has a width where nothing changed.

    Example:
        >>> [round(bound, 3) for bound in bonett_price(gained=0, lost=0, num_videos=20)]
        [-0.126, 0.126]
    """
    gains, losses = (gained + 1) / (num_videos + 2), (lost + 1) / (num_videos + 2)
    center = gains - losses
    error = np.sqrt((gains + losses - center**2) / (num_videos + 2))
    return float(center - NORMAL_QUANTILE * error), float(center + NORMAL_QUANTILE * error)


def people_spread(
    statistic: Callable[[np.ndarray], float],
    subjects: np.ndarray,
    *,
    num_bootstrap: int,
    rng: np.random.Generator,
) -> float:
    """Return half the width of a 95 % interval over people; 0 for one person, who has no spread.

    Args:
        statistic: Of the places of videos, as `resample_subjects` returns them.
        subjects: str, shape (num_videos,).
        num_bootstrap: Resamplings.
        rng: Draws them.
    """
    num_subjects = len(np.unique(subjects))
    if num_subjects == 1:
        return 0.0
    error = bootstrap_error(statistic, subjects, num_bootstrap=num_bootstrap, rng=rng)
    # The bootstrap divides by n where the unbiased variance divides by n - 1.
    unbiased = error * np.sqrt(num_subjects / (num_subjects - 1))
    return float(t.ppf(0.975, num_subjects - 1) * unbiased)


def bootstrap_error(
    statistic: Callable[[np.ndarray], float],
    units: np.ndarray,
    *,
    num_bootstrap: int,
    rng: np.random.Generator,
) -> float:
    """Return the standard error of a statistic over resamplings of the units."""
    samples = resample_subjects(units, num_bootstrap=num_bootstrap, rng=rng)
    return float(np.std([statistic(rows) for rows in samples]))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p values corrected for being several (Holm).

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted
