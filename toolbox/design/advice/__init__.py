"""Advice: whether a network has filters for the categories of a set, and which layer tells them apart best."""

from toolbox.design.advice.report import Advice
from toolbox.design.advice.run import advise

__all__ = ["Advice", "advise"]
