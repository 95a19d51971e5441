"""Probes: how well the layers of a network, or filters chosen from them, tell the categories of a set apart."""

from toolbox.design.probe.choices import Probing
from toolbox.design.probe.report import ProbeReport
from toolbox.design.probe.run import probe

__all__ = ["ProbeReport", "Probing", "probe"]
