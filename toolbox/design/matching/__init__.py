"""Choosing stimuli whose sets agree in what is measured of them, without changing an image."""
