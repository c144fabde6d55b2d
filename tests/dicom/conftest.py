"""Hypothesis strategies for what the wire can carry."""

from hypothesis import settings

settings.register_profile("lightproof", deadline=None, max_examples=100)
settings.load_profile("lightproof")
