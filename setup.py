"""What setup.cfg cannot say: flags/presets is installed as a folder of the package."""

from setuptools import find_packages, setup

PRESETS = ["sfp_keras.presets", "sfp_keras.presets.shared"]

setup(
    packages=[*find_packages(include=["sfp_keras*", "tb_plugin*"]), *PRESETS],
    package_dir={PRESETS[0]: "flags/presets"},
)
