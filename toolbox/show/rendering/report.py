"""What was rendered, in numbers. Owns the sentence about a picture that does not exceed the best stimulus."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from toolbox.display import Report
from toolbox.show.plots import Figure
from toolbox.show.rendering.natural import Best
from toolbox.store.rendered import Record

LEAST_RESPONSE = 1e-6
"""The best stimulus of a filter that responds less drives it not at all."""


@dataclass(frozen=True)
class RenderedPicture:
    """A picture that was made to drive filters, compared with the stimuli of the study.

    Attributes:
        record: the picture's own.
        category: for which its filter was chosen; None for a filter that was named.
        best: the best stimulus of every filter.
        file: of the picture, as a path in the study.
        is_new: whether it was made now.
    """

    record: Record
    category: str | None
    best: tuple[Best, ...]
    file: str
    is_new: bool

    @property
    def label(self) -> str:
        """Layer and filters, such as block5_conv3/17."""
        return f"{self.record.subject.layer}/{'+'.join(map(str, self.record.subject.filters))}"

    @property
    def response(self) -> float:
        """The response; of several filters, the mean."""
        return sum(self.record.responses) / len(self.record.responses)

    @property
    def multiple(self) -> float | None:
        """The response as a multiple of that to the best stimulus; of several filters, the mean of theirs.

        None where no stimulus drives the filter.
        """
        if any(best.response <= LEAST_RESPONSE for best in self.best):
            return None
        pairs = zip(self.record.responses, self.best, strict=True)
        return sum(response / best.response for response, best in pairs) / len(self.best)

    @property
    def caution(self) -> str:
        """What must be known of a picture that proves nothing; else empty."""
        multiple = self.multiple
        if multiple is None:
            return f"{self.label}: no stimulus drives the filter, so the picture cannot be compared with one"
        if self.response <= LEAST_RESPONSE:
            return (
                f"{self.label}, seed {self.record.subject.seed}: the picture does not drive the filter at all"
            )
        if multiple > 1:
            return ""
        return (
            f"{self.label}, seed {self.record.subject.seed}: the picture does not exceed the best stimulus "
            f"({multiple:.2f} of its response), so it need not show what the filter prefers"
        )


@dataclass(frozen=True)
class RenderingReport(Report):
    """What was rendered.

    Attributes:
        set: whose best stimuli the pictures are compared with.
        model: the network.
        pictures: of every filter, one for each seed.
        rendered: pictures that were made now; the others were finished.
        seconds: that they took.
        notes: what a reader should know.
        figure: the sheet of the pictures beside the best stimuli; `figure.chart` is an Altair chart.
    """

    set: str
    model: str
    pictures: tuple[RenderedPicture, ...]
    rendered: int
    seconds: float
    notes: tuple[str, ...] = ()
    figure: Figure | None = field(default=None, repr=False, compare=False)

    @property
    def multiples(self) -> dict[str, tuple[float | None, ...]]:
        """The multiples of all seeds, by filter."""
        labels = dict.fromkeys(picture.label for picture in self.pictures)
        return {
            label: tuple(picture.multiple for picture in self.pictures if picture.label == label)
            for label in labels
        }

    def _repr_html_(self) -> str:
        """A table, without the sheet."""
        return super(RenderingReport, replace(self, figure=None))._repr_html_()
