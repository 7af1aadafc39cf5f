import io
import socket
import tarfile

import numpy as np
import pytest
from PIL import Image
from test_folder import write_sample  # noqa: F401  (for the contract of sources)

from sfp_keras.data import load_dataset
from sfp_keras.errors import InputError

pytestmark = [
    # These come from inside tensorflow-datasets and what it imports.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ImportWarning"),
]


def test_imagenet_of_the_validation_archive_alone(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr(socket, "create_connection", refuse)
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    with tarfile.open(manual / "ILSVRC2012_img_val.tar", "w") as archive:
        for i in range(1, 41):
            file = io.BytesIO()
            Image.new("RGB", (30 + i, 40), (i, i, i)).save(file, "JPEG", quality=100)
            member = tarfile.TarInfo(f"ILSVRC2012_val_{i:08d}.JPEG")
            member.size = file.tell()
            file.seek(0)
            archive.addfile(member, file)
    data = load_dataset(
        "imagenet2012", tmp_path, only_split="validation", image_size=28, resize="crop"
    )
    # Without `only_split` the one split there is is taken as well.
    same = load_dataset("imagenet2012", tmp_path, image_size=28, resize="crop")
    assert len(data.train) + len(data.test) == 40
    assert data.num_labels == 1000
    np.testing.assert_array_equal(same.test.images, data.test.images)
    with pytest.raises(InputError, match=r"`only_split`=train: .* it has validation$"):
        load_dataset("imagenet2012", tmp_path, only_split="train")
