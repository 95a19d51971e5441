"""Categories of a set compared: complexity of their representation, and properties of their images."""

from toolbox.design.comparison.reference import Reference, ReferenceReport, save_reference
from toolbox.design.comparison.run import Comparison, ComparisonFiles, compare
from toolbox.design.comparison.subject import Comparing

__all__ = [
    "Comparing",
    "Comparison",
    "ComparisonFiles",
    "Reference",
    "ReferenceReport",
    "compare",
    "save_reference",
]
