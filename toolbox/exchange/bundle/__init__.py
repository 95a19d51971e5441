"""Bundles: results of a study as flat files that a collaborator can use without this toolbox."""
