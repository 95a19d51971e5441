"""Presenting a stimulus set to a network and recording the responses of its filters.

options       what may be chosen
task          stimuli, network with weights, and what an earlier run left
remaining     which stimuli are still to be presented; mixtures and full disks are refused
presentation  images decoded ahead of the network, and the network run over them
accuracy      a cheaper computation compared with the exact one
parts         presenting part after part and committing each
report        what was done
run           all of it, in order
estimate      what it would take, without writing anything
"""

from toolbox.collect.extraction.accuracy import Agreement
from toolbox.collect.extraction.estimate import Estimate, estimate_extraction
from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.report import ExtractionReport
from toolbox.collect.extraction.run import extract

__all__ = ["Agreement", "Estimate", "Extraction", "ExtractionReport", "estimate_extraction", "extract"]
