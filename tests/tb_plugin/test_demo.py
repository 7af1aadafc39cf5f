import sys

import numpy as np
import pytest

from sfp_keras.filters import find_clusters, layer_statistics
from tb_plugin import demo


def test_what_is_made_up_looks_as_in_the_papers():
    layers = [
        layer_statistics(find_clusters(demo.make_fields(stage, 10, 0.98, 0)))
        for stage in demo.STAGES
    ]
    noise = [layer.noise for layer in layers]
    assert noise == sorted(noise, reverse=True)
    assert all(0.8 < layer.clusters < 1.5 and 1 < layer.cluster_size < 3 for layer in layers)
    assert all(layer.dead_filters for layer in layers)
    early = layer_statistics(find_clusters(demo.make_fields(demo.STAGES[2], 10, 0.1, 0)))
    assert early.noise > layers[2].noise


def test_the_same_seed_writes_the_same(tmp_path):
    first, second, other = (demo.make_fields(demo.STAGES[2], 10, 0.5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.kernel, second.kernel)
    assert not np.array_equal(first.kernel, other.kernel)


def test_the_command(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "log"
    monkeypatch.setattr(sys, "argv", ["demo", str(folder), "--filters", "8", "--labels", "20"])
    demo.main()
    assert f"tensorboard --logdir {folder}" in capsys.readouterr().out
    assert len(list(folder.glob("final/events.out.tfevents.*"))) == 1
    for wrong in (["--filters", "0"], ["--labels", "two"], []):
        monkeypatch.setattr(sys, "argv", ["demo", *([str(folder)] if wrong else []), *wrong])
        with pytest.raises(SystemExit):
            demo.main()
