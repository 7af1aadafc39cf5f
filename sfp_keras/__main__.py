"""`python -m sfp_keras`: the command."""

from sfp_keras.command import run

if __name__ == "__main__":
    run()
