"""Neutral documents and their formats: terminal, JSON, HTML, PDF, SARIF, CSV; one module a format."""
