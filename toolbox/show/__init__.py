"""Figures of queries."""
