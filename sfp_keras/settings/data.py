"""The images and their labels."""

import dataclasses

from sfp_keras.settings.field import Checked, setting


@dataclasses.dataclass(frozen=True)
class DataSettings(Checked):
    """Which images are used, with which labels, and how large they are."""

    dataset: str = setting(
        "digits",
        "Images by the name of their source (folder: class folders under `data_dir`; arrays: "
        "NumPy's files; idx: MNIST's files; digits: embedded, no download), or any "
        "image-classification name of tensorflow-datasets.",
        phases=("train",),
    )
    data_dir: str | None = setting(
        None,
        "Where the data is: the publishers' CIFAR files, class folders (train/ and test/ inside, "
        "or one tree), an .npz file or a folder of .npy files with x_train, y_train, x_test and "
        "y_test, or what tensorflow-datasets prepared.",
        used="reads_files",
    )
    labels: int | None = setting(
        None,
        "Use K labels only: CIFAR-K/10 and CIFAR-K/100 of the papers. Subsets of one `subset_seed` "
        "are nested; CIFAR-100's are drawn evenly from its superclasses.",
        phases=("train",),
        low=1,
    )
    subset_seed: int = setting(
        0, "Which subset of labels.", phases=("train",), low=0, used="draws_labels"
    )
    test_fraction: float = setting(
        0.2,
        "Share of images kept for testing where the data has no test split of its own.",
        phases=("train",),
        low=0,
        below=1,
        used="divides_images",
    )
    only_split: str | None = setting(
        None,
        "Use this split of the data alone, such as validation, and divide it by `test_fraction`.",
        phases=("train",),
    )
    resize: str = setting(
        "stretch",
        "How images are resized: stretch, or crop, the shorter side to 256/224 of `image_size` and "
        "the centre cut out, as ImageNet's networks are tested.",
        phases=("train",),
        choices=("stretch", "crop"),
    )
    image_size: tuple[str, ...] = setting(
        (),
        "Resize images to this: one number, or height,width. Default: as they are, or what an own "
        "network takes.",
        phases=("train",),
    )
    scaling: str | None = setting(
        None,
        "What the network takes: 0..255 or none (as images are), 0..1, -1..1, "
        "<means>/<stds> as in 0.485,0.456,0.406/0.229,0.224,0.225 (of 0..1), "
        "dataset (mean and deviation of the training set), or package.module:function such as "
        "keras.applications.resnet50:preprocess_input. Default: the network's: -1..1, and 0..255 "
        "for own ones that come trained; for efficientnetb0 dataset, or ImageNet's numbers with "
        "`weights`.",
        phases=("train",),
    )
    class_names: str | None = setting(
        None,
        "Names in the order of an own network's outputs: a text file with one a line, or a,b,c.",
        phases=("train",),
    )
    memory_gib: float = setting(2.0, "Images above this size are read from disk as needed.", low=0)
