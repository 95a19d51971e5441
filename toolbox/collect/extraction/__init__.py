"""Presenting a stimulus set to a network and recording the responses of its filters.

options       the options of an extraction
task          stimuli, network with weights, and the state of earlier runs
remaining     which stimuli remain to be presented; refuses mixtures and full disks
presentation  decodes images ahead of the network, and runs the network
accuracy      compares a less exact computation with the exact one
parts         what a part contains, and writing it so that it counts
worker        a network that presents parts, one after the other
engines/      who works: this process, processes of this computer, or a cluster
report        the results of an extraction
run           all steps, in order
estimate      time, memory and disk space, estimated without writing anything
"""

from toolbox.collect.extraction.accuracy import Agreement
from toolbox.collect.extraction.estimate import Estimate, estimate_extraction
from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.report import ExtractionReport
from toolbox.collect.extraction.run import extract

__all__ = ["Agreement", "Estimate", "Extraction", "ExtractionReport", "estimate_extraction", "extract"]
