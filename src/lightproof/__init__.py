"""lightproof finds medical images that strangers can reach, and proves it without taking any."""

__version__ = "0.1.0"
