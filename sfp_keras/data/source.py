"""What a source of images provides: one file in `sources/` each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sfp_keras.data.dataset import ImageSplit


@dataclass(frozen=True)
class Request:
    """What is asked of a source: the checked arguments of `load_dataset`.

    Attributes:
        name: `str`, the name of the data set.
        data_dir: `Path`, or `None` where none is given.
        size: `(height, width)` of the images, or `None` for their own.
        channels: 1 for grey images, 3 for RGB, or `None` for what the source has.
        test_fraction: `float`. Share of each label's images that become the test split.
        class_names: names in the order of the labels, or `None` for the order of the set.
        memory_budget: `int`, bytes. Most that images held in memory take.
        cache_dir: `Path` for decoded images, or `None` for the default.
        resize: `"stretch"` or `"crop"`.
        only_split: `str`, the only split to use, or `None`.
        test_dir: `Path`. Where test images lie, if not in `data_dir`.
    """

    name: str
    data_dir: Path | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None
    test_fraction: float = 0.2
    class_names: tuple[str, ...] | None = None
    memory_budget: int = 2 << 30
    cache_dir: Path | None = None
    resize: str = "stretch"
    only_split: str | None = None
    test_dir: Path | None = None

    @property
    def folder(self) -> Path:
        """`data_dir` of a source that needs one."""
        assert self.data_dir is not None
        return self.data_dir


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """What a source loads.

    Attributes:
        splits: the training and the test split, or the one split that is to be divided.
        class_names: K names; label i is `class_names[i]`.
        superclasses: array (K,) of int64, the superclass of each label, or `None`.
        as_asked: `bool`. Whether images already have the size and channels of the request, which
            sources that decode images make on the way. Default False: they are changed afterwards.
        usual_size: `(height, width)` they are then changed to where none is asked for. Default: as
            they are.
    """

    splits: Sequence[ImageSplit]
    class_names: tuple[str, ...]
    superclasses: np.ndarray | None = None
    as_asked: bool = False
    usual_size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Source:
    """A kind of data set.

    Attributes:
        name: `str`, the name of the data set, or `"*"` for all names that no other source has.
        load: loads what a `Request` asks for; raises `InputError`.
        count_labels: counts the labels that `load` would find, without reading images.
        digest: differs where `data_dir` holds other images, and is made without decoding them;
            `None` where there is nothing. Default: none is needed, the name alone says which
            images these are.
        check: refuses, by raising `InputError`, what `load` would refuse by names of data sets and
            files alone; imports no framework. Default: nothing more than a `data_dir` that does
            not exist.
        needs: `str`. What `data_dir` has to hold. Default: `data_dir` may be left out.
        unused: arguments of `load_dataset` that change nothing, at least without `only_split`.
        model: `str`, the name of the network it is usually probed with. Default: none.
    """

    name: str
    load: Callable[[Request], LabelledImages]
    count_labels: Callable[[Request], int]
    digest: Callable[[Path], str | None] = lambda data_dir: None
    check: Callable[[Request], Any] = lambda request: None
    needs: str | None = None
    unused: tuple[str, ...] = ()
    model: str | None = None
