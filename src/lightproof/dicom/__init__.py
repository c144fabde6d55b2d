"""The wire without a socket: PDUs, association state machine, DIMSE messages, data-set head.

Nothing is imported here: a sweep of a million targets needs `recognise` and none of the rest.
"""
