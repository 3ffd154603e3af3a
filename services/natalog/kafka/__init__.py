"""Clients with the measured settings, topic plan and apply, the transactional batch."""
