"""Where lightproof keeps things."""
