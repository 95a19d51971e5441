"""Results that travel: what is handed to another laboratory, verified, taken in, merged and compared."""
