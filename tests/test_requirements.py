"""What setup.cfg names: versions that are tested."""

import configparser
import re
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def required() -> list[Requirement]:
    lines = setup()["options"]["install_requires"].split("\n")
    return [Requirement(line) for line in lines if line]


def test_every_package_names_the_lowest_version_that_is_tested() -> None:
    unnamed = {r.name for r in required() if ">=" not in {part.operator for part in r.specifier}}
    assert not unnamed


def test_versions_of_keras_with_known_holes_are_refused() -> None:
    (keras,) = (r.specifier for r in required() if r.name == "keras")
    for version in ("3.12.0", "3.12.3", "3.13.1", "3.13.2", "3.14.0", "3.14.1", "3.15.0", "3.16.0"):
        assert not keras.contains(version), version
    for version in ("3.12.4", "3.15.1", "3.15.2"):
        assert keras.contains(version), version


def test_the_pythons_of_make_test_versions_are_those_named() -> None:
    named = re.findall(r"Python :: (3\.\d+)$", setup()["metadata"]["classifiers"], re.MULTILINE)
    (tested,) = re.findall(r"^PYTHONS \?= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [f"python{version}" for version in named] == tested.split()
