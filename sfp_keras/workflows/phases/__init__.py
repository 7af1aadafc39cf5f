"""The phases of the papers' procedure, each a function of a `ProbeSession`."""
