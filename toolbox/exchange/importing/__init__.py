"""Bundles of others: opened, verified, and taken into a study. Trusts nothing that a bundle states of itself."""
