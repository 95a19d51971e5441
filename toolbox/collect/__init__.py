"""Filling a study with stimuli, labels and responses. One module per command."""
