"""The tab as TensorBoard serves it, in this process, over the Python loader."""

import json
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from tensorboard.backend import application
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from werkzeug.test import Client

from tb_plugin.plugin import ClustersPlugin

ROOT = "/data/plugin/clusters/"


class TabServer:
    """Answers requests below the tab's address."""

    def __init__(self, folder: Path):
        self.multiplexer = plugin_event_multiplexer.EventMultiplexer(
            tensor_size_guidance={"clusters": 10, "scalars": 1000}
        )
        self.folder = folder
        provider = data_provider.MultiplexerDataProvider(self.multiplexer, str(folder))
        self.reload()
        self.plugin = ClustersPlugin(base_plugin.TBContext(data_provider=provider))
        self.client = Client(application.TensorBoardWSGI([self.plugin], "", provider))

    def reload(self):
        self.multiplexer.AddRunsFromDirectory(str(self.folder))
        self.multiplexer.Reload()

    def get(self, route, **query):
        return self.client.get(ROOT + route, query_string=query)

    def json(self, route, **query):
        response = self.get(route, **query)
        assert response.status_code == 200, response.text
        return json.loads(response.data)

    def text(self, route, **query):
        response = self.get(route, **query)
        assert response.status_code == 200, response.text
        return response.text

    def error(self, route, **query):
        """Status and message of a refused request."""
        response = self.get(route, **query)
        return SimpleNamespace(code=response.status_code, text=response.json["error"])

    def binary(self, route, **query):
        """Header of a binary answer, and the bytes that follow it."""
        response = self.get(route, **query)
        assert response.status_code == 200, response.text
        assert response.content_type == "application/octet-stream"
        (length,) = struct.unpack_from("<I", response.data)
        assert length % 4 == 0
        return json.loads(response.data[4 : 4 + length]), response.data[4 + length :]


def unpack(data, side):
    """A packed Boolean matrix."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=side * side)
    return bits.reshape(side, side).astype(bool)


def number(value):
    """A number of the tab's JSON."""
    return {None: np.nan, "Infinity": np.inf}.get(value, value)
