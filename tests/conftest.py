"""Fixtures of every folder: real peers on free loopback ports (tests/peers). How often a property is tried."""

from hypothesis import settings

pytest_plugins = ["peers.fixtures"]

# No example has a deadline of its own: shared machines are slow at times.
settings.register_profile("default run", deadline=None, max_examples=100)
settings.register_profile("soak", deadline=None, max_examples=2_000)
settings.load_profile("default run")
