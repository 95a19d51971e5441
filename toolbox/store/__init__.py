"""Parquet on disk and DuckDB over it. Owns every path inside a study, every write, every connection."""
