"""A stage with one position and many labels, whose thumbnails come without its matrices."""

import threading

import numpy as np
from tab_server import TabServer, unpack

from sfp_keras.filters import find_clusters
from tb_plugin import routes
from tb_plugin.demo import write_demo

FILTERS, LABELS, CORNER = 6, 130, 40


def test_thumbnails_are_corners_of_the_matrices_and_shared_by_equal_readers(tmp_path, monkeypatch):
    write_demo(tmp_path, filters=FILTERS, labels=LABELS)
    tab = TabServer(tmp_path)
    made = []
    make = routes.thumbnails_answer
    monkeypatch.setattr(routes, "thumbnails_answer", lambda *a: made.append(a) or make(*a))
    query = {"run": "final", "stage": "stage9", "filters": "4,1,5", "corner": CORNER}
    answers = []
    readers = [
        threading.Thread(target=lambda: answers.append(tab.binary("thumbnails", **query)))
        for _ in range(6)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(made) == 1
    assert all(answer == answers[0] for answer in answers)
    header, data = answers[0]
    (_, fields, *_), size = made[0], CORNER * CORNER // 8
    found = find_clusters(fields.boolean(slice(None)))
    for place, (index, described) in enumerate(zip((4, 1, 5), header["filters"], strict=True)):
        boolean, order = fields.boolean(place), found.permutation(place)[:CORNER]
        shown = unpack(data[place * size : (place + 1) * size], CORNER)
        np.testing.assert_array_equal(shown, boolean[np.ix_(order, order)])
        assert described["filter"] == index
        assert described["ones"] == boolean.sum()
        assert described["noise"] == found.noise[place]
    assert tab.binary("thumbnails", **{**query, "corner": 16})[0]["size"] == 16
    assert len(made) == 2
