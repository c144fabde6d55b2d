"""Was it accessed? What the logs of servers and boxes say of strangers while the data were within reach."""
