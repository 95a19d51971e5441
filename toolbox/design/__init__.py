"""Stimulus sets as experimental material: their properties, their faults, their comparison, and choices from them."""
