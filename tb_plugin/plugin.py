"""The plugin TensorBoard loads: its name, its routes, its files."""

import warnings
from collections.abc import Callable
from typing import Any

from tensorboard.plugins import base_plugin

from sfp_keras.monitoring.schema import PLUGIN_NAME
from tb_plugin.analysis import Analysis
from tb_plugin.answers import application, json_answer
from tb_plugin.cache import ByteCache
from tb_plugin.concurrency import ClientLeft
from tb_plugin.reader import LogReader
from tb_plugin.routes import Routes
from tb_plugin.static_files import StaticFiles

# Of factors, clusters and statistics together. Five stages of VGG-16 at K=100 take 30 MB, one
# stage of 1280 filters at K=1000 25 MB.
CACHE_BYTES = 256 * 2**20


class ClustersPlugin(base_plugin.TBPlugin):
    """The tab "Clusters".

    Args:
        context: TensorBoard's `TBContext`; its data provider is what the tab reads through.
    """

    plugin_name = PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext):
        # A label without images is shown as such in the tab; a terminal need not say it again.
        warnings.filterwarnings(
            "ignore", message=r"\d+ of \d+ labels have no inputs", category=UserWarning
        )
        cache = ByteCache(CACHE_BYTES, of_one=(ClientLeft,))
        reader = LogReader(context.data_provider, cache)
        self._routes = Routes(reader, Analysis(reader, cache))
        self._files = StaticFiles(f"/plugin/{PLUGIN_NAME}/")

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        """The routes of docs/tensorboard.md; every other path is one of the tab's files."""
        return {
            **self._routes.apps(),
            "/modules": application(
                lambda request: json_answer({"modules": self._files.modules()})
            ),
            "/*": application(self._files.serve),
        }

    def is_active(self) -> bool:
        """False: TensorBoard finds by itself whether a log holds data of ours."""
        return False

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """The tab's name and its first module."""
        return base_plugin.FrontendMetadata(es_module_path="/index.js", tab_name="Clusters")
