"""What was measured and what it means, in one shape that every part reads."""
