"""The tab as TensorBoard serves it, in this process, over either of its loaders."""

import json
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import grpc
import numpy as np
from tensorboard.backend import application
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.data import grpc_provider, server_ingester
from tensorboard.plugins import base_plugin
from werkzeug.test import Client

from tb_plugin.plugin import ClustersPlugin

ROOT = "/data/plugin/clusters/"


class TabServer:
    """Answers requests below the tab's address, over the Python loader."""

    def __init__(self, folder: Path):
        self.multiplexer = plugin_event_multiplexer.EventMultiplexer(
            tensor_size_guidance={"clusters": 10, "scalars": 1000}
        )
        self.folder = folder
        provider = data_provider.MultiplexerDataProvider(self.multiplexer, str(folder))
        self.reload()
        self.open(provider)

    def open(self, provider):
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


class FastTabServer(TabServer):
    """The same over TensorBoard's data server, which its command starts by default.

    Args:
        folder: the log.
        runs: how many runs to wait for.
        max_bytes: most bytes of an answer of the data server.
    """

    def __init__(self, folder: Path, runs: int, max_bytes: int = 2**28):
        binary = server_ingester.get_server_binary().path
        # It chooses a port, writes it into a file, and ends with its input.
        self._state = tempfile.TemporaryDirectory()
        port_file = Path(self._state.name) / "port"
        command = [binary, f"--logdir={folder}", "--reload=once", "--port=0", "--die-after-stdin"]
        self._server = subprocess.Popen(
            [*command, f"--port-file={port_file}"], stdin=subprocess.PIPE
        )
        port = wait_for(lambda: port_file.exists() and port_file.read_text().strip())
        self._channel = grpc.insecure_channel(
            f"localhost:{port}", [("grpc.max_receive_message_length", max_bytes)]
        )
        provider = grpc_provider.GrpcDataProvider("", grpc_provider.make_stub(self._channel))
        wait_for(lambda: len(provider.list_runs(None, experiment_id="")) == runs)
        self.open(provider)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._channel.close()
        self._server.communicate()
        self._state.cleanup()


def wait_for(condition, seconds=20):
    """What a condition gives once it holds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def unpack(data, side):
    """A packed Boolean matrix."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=side * side)
    return bits.reshape(side, side).astype(bool)


def number(value):
    """A number of the tab's JSON."""
    return {None: np.nan, "Infinity": np.inf}.get(value, value)
