"""Flags of the images and their labels."""

from absl import flags

from flags.numbers import define_number

flags.DEFINE_string(
    "dataset",
    "digits",
    "digits (embedded, no download), cifar10, cifar100, folder (class folders under --data_dir), "
    "arrays (NumPy's files at --data_dir), or any image-classification name of "
    "tensorflow-datasets.",
)
flags.DEFINE_string(
    "data_dir",
    None,
    "Where the data lies: the publishers' CIFAR files, class folders (train/ and test/ inside, "
    "or one tree), an .npz file or a folder of .npy files with x_train, y_train, x_test and "
    "y_test, or what tensorflow-datasets prepared.",
)
flags.DEFINE_integer(
    "labels",
    None,
    "Use K labels only: CIFAR-K/10 and CIFAR-K/100 of the papers. Subsets of one --subset_seed "
    "are nested; CIFAR-100's are drawn evenly from its superclasses.",
    lower_bound=1,
)
flags.DEFINE_integer("subset_seed", 0, "Which subset of labels.", lower_bound=0)
define_number(
    "test_fraction",
    0.2,
    "Share of images kept for testing where the data has no test split of its own.",
    below=1.0,
)
flags.DEFINE_string(
    "only_split",
    None,
    "Use this split of the data alone, such as validation, and divide it by --test_fraction.",
)
flags.DEFINE_list(
    "image_size",
    [],
    "Resize images to this: one number, or height,width. Default: as they are, "
    "or what an own network takes.",
)
flags.DEFINE_enum(
    "resize",
    "stretch",
    ["stretch", "crop"],
    "How images are resized: stretch, or crop, the shorter side to 256/224 of --image_size and the "
    "centre cut out, as ImageNet's networks are tested.",
)
flags.DEFINE_string(
    "scaling",
    None,
    "What the network takes: 0..255, 0..1, -1..1, <means>/<stds> as in "
    "0.485,0.456,0.406/0.229,0.224,0.225 (of 0..1), dataset (mean and deviation of the training "
    "set), or package.module:function such as keras.applications.resnet50:preprocess_input. "
    "Default: -1..1 for VGG networks, 0..255 for own ones; for efficientnetb0 dataset, or "
    "ImageNet's numbers with --weights.",
)
flags.DEFINE_string(
    "class_names",
    None,
    "Names in the order of an own network's outputs: a text file with one a line, or a,b,c.",
)
define_number("memory_gib", 2.0, "Images above this size are read from disk as needed.")
