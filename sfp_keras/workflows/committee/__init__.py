"""Committees: several trained networks that vote on the test images."""
