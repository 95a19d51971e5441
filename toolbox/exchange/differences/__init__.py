"""Two studies compared: what differs in their inputs, and what in their results."""

from toolbox.exchange.differences.run import StudyDifference, diff

__all__ = ["StudyDifference", "diff"]
