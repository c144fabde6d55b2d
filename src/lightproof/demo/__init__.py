"""An exposed practice on loopback, for trying everything without touching anyone."""
