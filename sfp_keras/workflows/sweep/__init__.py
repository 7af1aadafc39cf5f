"""A sweep over numbers of labels and seeds: its plan, processes, folder and report."""
