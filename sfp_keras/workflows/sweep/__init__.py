"""A sweep over numbers of labels or widths, and seeds: its plan, processes, folder and report."""
