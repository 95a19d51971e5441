"""Filters that are related to a numeric parameter of the stimuli: permutation p, corrected for all filters.

choices   what is related, how often it is permuted, and what is refused
run       whether the tables have to be made, and what is recorded
tables    the rows that are written
"""

from toolbox.design.relation.choices import Relating
from toolbox.design.relation.report import RelationReport
from toolbox.design.relation.run import relate

__all__ = ["Relating", "RelationReport", "relate"]
