"""Filling a study: stimuli, labels, responses. One module a command."""
