"""Protocols of the services we look at, spoken over a wire just far enough: reading requests, limited answers."""
