"""Parquet files of a study, and DuckDB over them. Owns every path inside a study, every write, every connection."""
