"""The networks known by name, one file each; `registry` finds them by looking into this folder."""
