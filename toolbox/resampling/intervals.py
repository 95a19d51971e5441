"""How far bootstrap samples scatter: intervals of single filters, and samples that are like other sets of stimuli.

Arrays are (bootstrap samples, categories, filters), or without the first of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from toolbox.resampling.arrays import FloatArray, IntArray, finite_mean

COVERAGE = 0.95
"""Of the intervals."""


def bootstrap_interval(
    samples: FloatArray, value: FloatArray, sizes: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Expanded percentile interval of an index; where it is null in some samples, over the others.

    The percentiles are further out than 2.5 and 97.5 where a category is small, as those of Student's t are, because
    samples of few stimuli vary too little. Where samples are biased, as those of AUPRC, the interval is extended to
    the value itself.

    Args:
        samples: index in the bootstrap samples.
        value: index over all stimuli.
        sizes: (categories,): stimuli of each.

    Returns:
        lower and upper ends; NaN where the index is null.

    Source: Hesterberg (2015), doi 10.1080/00031305.2015.1089789.
    """
    low, high = np.empty_like(value), np.empty_like(value)
    for category, size in enumerate(sizes.tolist()):
        tails = _tails(size)
        low[category], high[category] = np.quantile(samples[:, category], tails, axis=0)
        # A single NaN makes a quantile NaN. `nanquantile` takes twice as long and warns of dead filters, so only the
        # few filters that are null in some samples, but not over all stimuli, are taken again.
        for number in np.flatnonzero(np.isnan(low[category]) & np.isfinite(value[category])):
            known = samples[:, category, number]
            known = known[np.isfinite(known)]
            if known.size:
                low[category, number], high[category, number] = np.quantile(known, tails)
    return np.minimum(low, value), np.maximum(high, value)


def _tails(size: int) -> tuple[float, float]:
    """Quantiles of the samples between which the interval of a category of so many stimuli is."""
    freedom = max(size - 1, 1)
    reach = np.sqrt(size / freedom) * stats.t.ppf((1 + COVERAGE) / 2, freedom)
    return float(stats.norm.cdf(-reach)), float(stats.norm.cdf(reach))


@dataclass(frozen=True)
class Shrinkage:
    """How much of the differences between the filters of a layer is beyond the noise of the stimuli.

    Attributes:
        center: (categories, 1): mean of the index over the filters.
        factor: (categories, 1): from 0, where the differences may all be noise, to 1, where there is no noise.
    """

    center: FloatArray
    factor: FloatArray

    def like_other_sets(self, samples: FloatArray, value: FloatArray, sizes: IntArray) -> FloatArray:
        """Bootstrap samples in which the filters of the layer differ as much as in the set itself.

        Observed values contain the noise of their stimuli. With that of a sample on top, filters would differ too
        much, and too many of them would cross a threshold. So the observed differences are reduced first.

        Args:
            samples: index in the bootstrap samples, of some filters of the layer.
            value: of the same filters over all stimuli.
            sizes: (categories,): stimuli of each.
        """
        return self.center + self.factor * (value - self.center) + _sampling_noise(samples, sizes)


def estimate_shrinkage(value: FloatArray, noise: FloatArray) -> Shrinkage:
    """The shrinkage of a layer, after which its samples have the variance over filters that was observed.

    Args:
        value: of all filters of the layer.
        noise: their `sampling_variance`.

    Source: Silverman and Young (1987), doi 10.1093/biomet/74.3.469, section 4.
    """
    center = finite_mean(value, axis=1)[:, None]
    variance = finite_mean((value - center) ** 2, axis=1)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        beyond_noise = 1 - finite_mean(noise, axis=1)[:, None] / variance
    return Shrinkage(center, np.sqrt(np.where(beyond_noise > 0, beyond_noise, 0)))


def sampling_variance(samples: FloatArray, sizes: IntArray) -> FloatArray:
    """Variance of an index between sets of so many stimuli, (categories, filters).

    Args:
        samples: index in the bootstrap samples.
        sizes: (categories,): stimuli of each.
    """
    return finite_mean(_sampling_noise(samples, sizes) ** 2, axis=0)


def _sampling_noise(samples: FloatArray, sizes: IntArray) -> FloatArray:
    """Deviations of the samples from their mean; as n stimuli drawn from n vary by (n - 1) / n, a little more."""
    n = sizes[:, None].astype(np.float64)
    return (samples - finite_mean(samples, axis=0)) * np.sqrt(n / np.maximum(n - 1, 1))
