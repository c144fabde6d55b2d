"""One module a kind of log: read one line, say what it tells."""
