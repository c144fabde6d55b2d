"""The wire without a socket: PDUs, association state machine, DIMSE messages, data-set head."""
