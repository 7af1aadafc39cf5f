"""The report of a run: what it reads of the run directory, and what it writes there."""
