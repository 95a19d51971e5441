"""How far an index can be trusted: intervals, p values, reliability. Owns the resampling of a set's responses.

    filters   bootstrap interval over stimuli; permutation p, its Benjamini-Hochberg q, and the family-wise error (FWE)
              corrected p of the largest value over all filters and categories; p and q of Welch's t
    resamples selective filters of every layer in every resample: bootstrap samples, permuted labels, categories cut
              to equal size
    splits    what one half of the stimuli confirms of the preference found in the other

Pooling layers repeat the filters of the convolution below them, so they count in no family of tests: their q is null.

    choices      what is resampled, how often, and what is refused
    run          what is chosen, and whether it has to be made
    sources      the responses and labels at one moment, and whether they are still the same
    layers       the responses and categories of a study, layer by layer
    corrections  p values corrected for all tests
    tables       the rows that are written
    report       what the tables show, in numbers
"""

from toolbox.analyse.significance.choices import Resampling
from toolbox.analyse.significance.report import SignificanceReport
from toolbox.analyse.significance.run import resample

__all__ = ["Resampling", "SignificanceReport", "resample"]
