"""Studies of several laboratories as one: the stimuli of all, their responses, and what is known of them."""

from toolbox.exchange.merging.options import Merging
from toolbox.exchange.merging.report import MergeReport
from toolbox.exchange.merging.run import merge

__all__ = ["MergeReport", "Merging", "merge"]
