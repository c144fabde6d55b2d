"""Hypothesis settings: shared machines are slow at times, so no example has a deadline of its own."""

from hypothesis import settings

settings.register_profile("lightproof", deadline=None, max_examples=100)
settings.load_profile("lightproof")
