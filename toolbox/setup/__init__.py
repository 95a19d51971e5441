"""Checking the set-up (the doctor), and adding, checking and exporting networks."""
