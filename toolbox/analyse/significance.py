"""How far an index can be trusted: intervals, p values, reliability. Owns the resampling of a set's responses.

    filters   bootstrap interval over stimuli; permutation p, its Benjamini-Hochberg q, and the family-wise p of the
              largest value over all filters and categories; p and q of Welch's t
    draws     selective filters of every layer in every draw: bootstrap, shuffled labels, classes cut to equal size
    splits    what one half of the stimuli says of the preference found in the other

Pooling layers repeat the filters of the convolution below them, so they count in no family of tests: their q is null.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from toolbox.errors import UsageError, VerificationError
from toolbox.files import only_writer, write_json
from toolbox.progress import Progress, silent
from toolbox.resampling import INDICES, RANKED, Labels, ResampledLayer, resample_layer
from toolbox.store.availability import available_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table, with_version
from toolbox.store.parts import read_layer, sweep
from toolbox.store.plan import read_plan
from toolbox.store.resamples import TABLES, THRESHOLDS, USUAL, Labelling, Measure
from toolbox.store.selection import Selection, resolve_selection

Numbers = NDArray[np.float64]
LEVEL = 0.05
"""p or q below which a test counts in the report."""
LEAST_DRAWS = 20
STATISTICS, RANGES = ("maximum", "mean"), ("filter", "layer")


@dataclass(frozen=True)
class Resampling:
    """What to resample, and how often.

    Attributes:
        index: contrast, share, balanced_share, response, csi, fsi, d_prime, welch_t, auc or precision.
        statistic: 'maximum' or 'mean' of the activation map.
        normalise: 'filter' or 'layer', the range of equation 1.
        thresholds: where filters are counted, beside those of an earlier run.
        draws: bootstrap samples, and permutations.
        seed: equal seeds give equal draws.
    """

    index: str = "contrast"
    statistic: str = "maximum"
    normalise: str = "filter"
    thresholds: Sequence[float] = THRESHOLDS
    draws: int = USUAL["draws"]
    seed: int = USUAL["seed"]

    @property
    def measure(self) -> Measure:
        return Measure(self.index, self.statistic, self.normalise)


@dataclass(frozen=True)
class SignificanceReport:
    """What was found. `tests` are filters times categories without pooling layers; dead filters are in none."""

    set: str
    model: str
    scheme: str
    index: str
    draws: int
    filters: int
    dead: int
    tests: int
    discoveries: int
    """Tests with q < 0.05."""
    certain: int
    """Tests with a family-wise p < 0.05."""
    seconds: float
    """0 if all was there already."""
    remarks: tuple[str, ...] = ()


def resample(
    study: StudyFolder,
    choices: Resampling | None = None,
    selection: Selection | None = None,
    *,
    progress: Progress = silent,
) -> SignificanceReport:
    """Resample an index over the stimuli, and keep what follows for the queries that join it.

    What was made with the same choices from the same responses and labels is not made again.

    Args:
        selection: set, model and scheme, where there are several.

    Raises: UsageError for a choice that cannot be; as a query where responses or labels are not there or damaged.
    """
    choices, started = choices or Resampling(), time.monotonic()
    _check_choices(choices)
    chosen = resolve_selection(study, {"rollups"}, selection or Selection())
    set_name, model, scheme = str(chosen.set), str(chosen.model), str(chosen.scheme)
    labelling = Labelling(study, available_responses(study, set_name, model), scheme)
    folder = study.significance(set_name, model, scheme)
    with only_writer(folder, f"resampling {set_name}"):
        sweep(folder)
        source = (
            labelling.source
        )  # before anything is read: labels that change meanwhile leave the tables stale
        choices = replace(choices, thresholds=_thresholds(labelling, choices))
        made = with_version({"set": set_name, "model": model, "scheme": scheme, **asdict(choices)})
        is_there = all(labelling.holds(table, choices.measure, made) for table in TABLES)
        layers = _layers(labelling)
        family = [layer for layer, is_pool in layers.items() if not is_pool] or list(layers)
        if not is_there:
            origin = {**labelling.responses.provenance, **made, **source}
            for table, rows in _tables(labelling, choices, list(layers), family, progress):
                labelling.write(table, choices.measure, rows, origin)
        report = _report(labelling, choices, family, 0.0 if is_there else time.monotonic() - started)
        if not is_there:
            write_json(
                study.run_record(f"significance-{set_name}-{model}"),
                {"task": "significance", **made, **asdict(report)},
            )
    return report


def _tables(
    labelling: Labelling,
    choices: Resampling,
    layers: Sequence[str],
    family: Sequence[str],
    progress: Progress,
) -> Iterator[tuple[str, pa.Table]]:
    """All tables by name; `filters` last, since it is what says that there are any."""
    set_name = labelling.responses.set
    categories = _categories(labelling, layers[0])
    examined: dict[str, ResampledLayer] = {}
    for done, layer in enumerate(layers):
        progress(f"resample {set_name}", done, len(layers))
        examined[layer] = _resample_layer(labelling, layer, categories, choices)
    progress(f"resample {set_name}", len(layers), len(layers))
    yield "draws", _draws(examined, categories.names, choices.thresholds)
    yield "splits", _splits(examined, categories.names)
    yield "filters", _filters(examined, _tests(examined, family), categories.names)


def _check_choices(choices: Resampling) -> None:
    for name, known in (("index", (*INDICES, *RANKED)), ("statistic", STATISTICS), ("normalise", RANGES)):
        if getattr(choices, name) not in known:
            raise UsageError(f"{name} is {getattr(choices, name)!r}; expected one of {', '.join(known)}")
    if choices.draws < LEAST_DRAWS:
        raise UsageError(
            f"draws is {choices.draws}; expected {LEAST_DRAWS} or more, or no p value could be below 0.05"
        )
    if choices.seed < 0:
        raise UsageError(f"seed is {choices.seed}; expected 0 or more")
    if not choices.thresholds or not all(np.isfinite(choices.thresholds)):
        raise UsageError(f"thresholds are {list(choices.thresholds)}; expected one finite number or more")


@dataclass(frozen=True)
class _Categories:
    """The categories of all stimuli with responses.

    Attributes:
        names: in alphabetical order.
        known: places, in the order of `read_layer`, of those that are labelled, by their numbers: not by the parts they
            happen to lie in, so that equal seeds give equal draws.
        labels: their categories.
    """

    names: list[str]
    known: NDArray[np.int64]
    labels: Labels


def _categories(labelling: Labelling, layer: str) -> _Categories:
    """The categories of the stimuli with responses, which are the same for every layer.

    Raises: UsageError where there is nothing to compare.
    """
    by_stimulus = read_labels(labelling.labels)
    stimuli, _, _ = read_layer(labelling.responses.paths(labelling.study), layer)
    known = np.array([n for n in np.argsort(stimuli) if int(stimuli[n]) in by_stimulus], dtype=np.int64)
    found = [by_stimulus[stimulus] for stimulus in stimuli[known].tolist()]
    names = sorted(set(found))
    if len(names) < 2:
        raise UsageError(
            f"the stimuli of {labelling.responses.set} with responses have {len(names)} categories under "
            f"{labelling.scheme}; expected two or more, or there is nothing to compare"
        )
    numbers = {name: number for number, name in enumerate(names)}
    return _Categories(names, known, Labels(np.array([numbers[name] for name in found]), len(names)))


def _thresholds(labelling: Labelling, choices: Resampling) -> list[float]:
    """The thresholds asked for, and those that queries may use since an earlier run."""
    with contextlib.suppress(VerificationError, ValueError):  # damaged, or of other columns: it is made anew
        if earlier := labelling.read("draws", choices.measure):
            return sorted({*map(float, choices.thresholds), *earlier["threshold"].unique().to_pylist()})
    return sorted({*map(float, choices.thresholds)})


def _layers(labelling: Labelling) -> dict[str, bool]:
    """The extracted layers by depth, and whether each pools."""
    plan = read_plan(labelling.study.responses(labelling.responses.set, labelling.responses.model))
    kept = plan.identity.kept if plan else ()
    table = read_table(labelling.study.layers(labelling.responses.model)).sort_by("position")
    return {row["layer"]: row["kind"] == "pool" for row in table.to_pylist() if row["layer"] in kept}


def _resample_layer(
    labelling: Labelling, layer: str, categories: _Categories, choices: Resampling
) -> ResampledLayer:
    _, *both = read_layer(labelling.responses.paths(labelling.study), layer)
    maximum, mean = (matrix[categories.known].astype(np.float64) for matrix in both)
    peak = None
    if choices.normalise == "layer":  # where maps can be negative, the smallest position is not known
        peak = float(maximum.max()) if mean.min() >= 0 else np.nan
    return resample_layer(
        maximum if choices.statistic == "maximum" else mean,
        categories.labels,
        choices.index,
        choices.thresholds,
        draws=choices.draws,
        seed=choices.seed,
        peak=peak,
    )


@dataclass(frozen=True)
class _Tests:
    """Corrected p values of one layer, (categories, filters) each."""

    q: Numbers
    p_family: Numbers
    q_welch: Numbers


def _tests(examined: Mapping[str, ResampledLayer], family: Sequence[str]) -> dict[str, _Tests]:
    """The p values of all layers, corrected for all filters and categories of the family's layers."""
    largest = np.sort(np.max([examined[layer].largest for layer in family], axis=0))
    q, q_welch = (
        _control_discoveries({layer: getattr(examined[layer], name) for layer in family})
        for name in ("p", "p_welch")
    )
    return {
        layer: _Tests(q[layer], found.p_family(largest), q_welch[layer])
        if layer in q
        else _Tests(*[nothing] * 3)
        for layer, found in examined.items()
        for nothing in (np.full_like(found.value, np.nan),)
    }


def _control_discoveries(p: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Benjamini-Hochberg q values over all layers together; p values that are not there stay so."""
    whole = np.concatenate([values.ravel() for values in p.values()])
    known = np.isfinite(whole)
    q = np.full_like(whole, np.nan)
    if known.any():
        q[known] = false_discovery_control(whole[known])
    cuts = np.cumsum([values.size for values in p.values()])[:-1]
    pieces = zip(p.items(), np.split(q, cuts), strict=True)
    return {layer: piece.reshape(values.shape) for (layer, values), piece in pieces}


def _filters(
    examined: Mapping[str, ResampledLayer], tests: Mapping[str, _Tests], names: Sequence[str]
) -> pa.Table:
    tables = []
    for layer, found in examined.items():
        corrected = tests[layer]
        columns = {
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "p": found.p,
            "q": corrected.q,
            "p_family": corrected.p_family,
            "p_welch": found.p_welch,
            "q_welch": corrected.q_welch,
        }
        filters = found.value.shape[1]
        places = {
            "layer": pa.repeat(layer, filters * len(names)),
            "filter": np.repeat(np.arange(filters), len(names)),
            "category": names * filters,
        }
        tables.append(pa.table({**places, **{name: _plain(values.T) for name, values in columns.items()}}))
    return pa.concat_tables(tables)


def _splits(examined: Mapping[str, ResampledLayer], names: Sequence[str]) -> pa.Table:
    tables = []
    for layer, found in examined.items():
        halves = found.halves
        columns = {
            "layer": pa.repeat(layer, len(halves.preferred)),
            "filter": np.arange(len(halves.preferred)),
            "preferred": pa.array(
                [names[n] if n >= 0 else None for n in halves.preferred.tolist()], pa.string()
            ),
            "value": _plain(halves.value),
            "cross_validated": _plain(halves.cross_validated),
            "agreement": _plain(halves.agreement),
            "reliability": _plain(halves.reliability),
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def _draws(
    examined: Mapping[str, ResampledLayer], names: Sequence[str], thresholds: Sequence[float]
) -> pa.Table:
    """One row per kind, draw, layer, category and threshold."""
    tables = []
    for layer, found in examined.items():
        for kind, counted in found.counts.items():
            draws, each = len(counted.selective), len(names) * len(thresholds)
            columns = {
                "kind": pa.repeat(kind, draws * each),
                "draw": np.repeat(np.arange(draws), each),
                "layer": pa.repeat(layer, draws * each),
                "category": np.tile(np.repeat(np.array(names, dtype=object), len(thresholds)), draws),
                "threshold": np.tile(thresholds, draws * len(names)),
                "selective": counted.selective.ravel(),
                "strength": _plain(np.repeat(counted.strength, len(thresholds))),
            }
            tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def _plain(values: Numbers) -> pa.Array:
    """Numbers in the order of their rows, with null where there is none."""
    return pa.array(values.ravel(), from_pandas=True)


def _report(
    labelling: Labelling, choices: Resampling, family: Sequence[str], seconds: float
) -> SignificanceReport:
    """What the tables say, by the layers that count in the family of tests."""
    rows, splits = (
        pl.DataFrame(read_table(labelling.file(name, choices.measure))) for name in ("filters", "splits")
    )
    rows = rows.filter(pl.col("layer").is_in(list(family)))
    filters = rows.group_by("layer", "filter").agg(pl.col("value").is_null().all().alias("dead"))
    remarks = list(labelling.responses.remarks)
    if splits["agreement"].null_count() == splits.height:
        remarks.append(
            "a category has a single stimulus, which cannot be halved: reliability is null for all filters"
        )
    if (rows["q"] >= LEVEL).all() and (rows["p_family"] < LEVEL).any():
        remarks.append(
            f"no q is below {LEVEL}, but family-wise p are: {choices.draws:,} draws give no p below "
            f"{1 / (choices.draws + 1):.2g}, too much for {rows['p'].count():,} tests; take more with --draws"
        )
    return SignificanceReport(
        set=labelling.responses.set,
        model=labelling.responses.model,
        scheme=labelling.scheme,
        index=choices.index,
        draws=choices.draws,
        filters=filters.height,
        dead=int(filters["dead"].sum()),
        tests=rows["p"].count(),
        discoveries=int((rows["q"] < LEVEL).sum()),
        certain=int((rows["p_family"] < LEVEL).sum()),
        seconds=seconds,
        remarks=tuple(remarks),
    )
