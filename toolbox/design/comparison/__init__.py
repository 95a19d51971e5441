"""Categories of a set compared: complexity of their representation, and properties of their images."""

from toolbox.design.comparison.reference import ReferenceReport, ReferenceResponses, save_reference
from toolbox.design.comparison.run import CategoryComparison, compare_categories
from toolbox.design.comparison.subject import Comparing

__all__ = [
    "CategoryComparison",
    "Comparing",
    "ReferenceReport",
    "ReferenceResponses",
    "compare_categories",
    "save_reference",
]
