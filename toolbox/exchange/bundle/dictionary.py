"""What every table and column of a bundle means, in words."""

from __future__ import annotations

TABLE_MEANINGS = {
    "stimuli": "The stimuli of a set: digests and relative names, no pixels; further columns are variables of the set",
    "labels": "The category of every labelled stimulus under every label scheme",
    "observations": "Single values of parameters that were added to the stimuli, such as ratings",
    "properties": "What was measured of the images, a column for every property",
    "layers": "The layers of the networks in their order",
    "rollups": "Sums of the responses of every filter to each category, from which every index from moments follows",
    "significance": "Every index of selectivity that was resampled, with its interval and p values",
    "resamples": "Selective filters of every layer in every bootstrap sample and permutation",
    "reliability": "What two halves of the stimuli tell of the preference of every filter",
    "relations": "Rank correlation of every filter with a numeric parameter of the stimuli, and its p values",
    "relation_permutations": "Related filters of every layer in every permutation of the stimuli",
    "responses": "The response of every filter to every stimulus",
}
"""Table -> what it has."""

_COLUMNS = {
    "set": "stimulus set",
    "model": "network with its weights",
    "scheme": "label scheme: which labelling of the set",
    "stimulus_id": "number of the stimulus in its set",
    "sha256": "SHA-256 of the image file",
    "pixels_sha256": "SHA-256 of the decoded picture; null where it was not computed",
    "bit_depth": "bits of the grey values in a file of 16 bits; null for other files",
    "path": "file relative to the study, or behind the name of a folder of images",
    "width": "pixels",
    "height": "pixels",
    "format": "of the image file",
    "bytes": "size of the image file",
    "category": "category of the stimuli",
    "parameter": "name of the stimulus parameter",
    "observer": "who gave the value; empty where that is unknown",
    "layer": "name of the layer",
    "position": "place in the network, from 1",
    "kind": "convolution, pool, dense …; of a resample: bootstrap or permutation",
    "filters": "number of filters",
    "stride": "pixels of the network's input between two positions of a map",
    "receptive_field": "width, in pixels of the network's input, of what a position of a map depends on",
    "filter": "number of the filter in its layer, from 0",
    "statistic": "of the activation map: maximum or mean over all positions",
    "n": "number of stimuli",
    "sum": "sum of the responses",
    "squared_deviations": "sum of the squared differences from the mean of this row",
    "minimum": "smallest response",
    "maximum": "largest response; of responses: largest value of the activation map",
    "mean": "mean of the activation map",
    "part": "part of the extraction; row groups never span two parts",
    "index": "index of selectivity",
    "normalise": "range of equation 1: that of the filter, or of the whole layer",
    "value": "the value",
    "low": "lower end of the 95 % interval, from bootstrap samples",
    "high": "upper end of the 95 % interval, from bootstrap samples",
    "p": "p value of one test, from permuted labels",
    "q": "expected proportion of false discoveries among the tests with a q up to this one",
    "p_fwe": "family-wise error corrected p value, from the largest index of every permutation",
    "p_welch": "p value of Welch's t test",
    "q_welch": "q value of Welch's t test",
    "permutations": "number of permutations",
    "resample": "number of the bootstrap sample or permutation",
    "threshold": "a filter above it is selective",
    "selective": "number of selective filters",
    "strength": "mean index of the ten most selective filters of the layer",
    "given": "what was held constant: other parameters, properties or the category; empty for nothing",
    "correlation": "rank correlation of the responses with the parameter, a partial one if something is held constant",
    "permutation": "number of the permutation",
    "related": "number of filters whose absolute correlation exceeds the threshold",
    "strongest": "largest absolute correlation of a filter of the layer",
    "preferred": "category with the largest index",
    "cross_validated": "index, in one half of the stimuli, of the category that is preferred in the other half",
    "agreement": "proportion of splits in which both halves prefer the same category",
    "reliability": "split-half correlation over the categories, Spearman-Brown corrected",
}
_IN_TABLE = {
    ("layers", "height"): "positions of a map, vertically",
    ("layers", "width"): "positions of a map, horizontally",
    ("observations", "value"): "the value that was observed",
    ("significance", "value"): "the index of all stimuli",
    ("relations", "p"): "p value of one test, from permuted stimuli",
    (
        "relations",
        "p_fwe",
    ): "family-wise error corrected p value, from the largest absolute correlation of every permutation",
    ("relation_permutations", "threshold"): "a filter whose absolute correlation exceeds it is related",
    ("reliability", "value"): "the index of all stimuli for the preferred category",
}


def description_of(table: str, column: str) -> str:
    """What a column means.

    Args:
        table: name of the table.
        column: name of the column; other than declared ones are stimulus variables and image properties.
    """
    if table == "properties" and column not in ("set", "stimulus_id"):
        return _of_property(column)
    if table == "stimuli" and column not in _COLUMNS:
        return "variable of the stimulus set, as its owner named it"
    return _IN_TABLE.get((table, column)) or _COLUMNS[column]


def _of_property(column: str) -> str:
    """What an image property is; one that this version of the toolbox does not know is named as such."""
    from toolbox.stimuli.image_properties import image_properties

    known = {name: each for each in image_properties().values() for name in each.columns}
    if column not in known:
        return "property of the image"
    pixels = ", of the pixels of the file" if column != known[column].name else ""
    return f"{known[column].title}{pixels}; {known[column].unit}"
