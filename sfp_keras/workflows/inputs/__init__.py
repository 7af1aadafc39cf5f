"""Loading and checking what a run works on, before it works."""
