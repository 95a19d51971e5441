"""What responses say beyond a query: resampling, and comparison with published tables."""
