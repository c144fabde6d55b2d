"""Fixtures of every folder: real peers on free loopback ports (tests/peers)."""

pytest_plugins = ["peers.fixtures"]
