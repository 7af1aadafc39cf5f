"""The tab opens no framework: a process that trains has the GPU to itself."""

import ast
import subprocess
import sys
from pathlib import Path

import tb_plugin

SOURCE = Path(tb_plugin.__file__).parent
ALLOWED = (
    "sfp_keras.filters",
    "sfp_keras.monitoring.error_bars",
    "sfp_keras.monitoring.schema",
    "sfp_keras.errors",
    "sfp_keras.csv_files",
)

# TensorBoard's own multiplexer opens TensorFlow where it is installed; this provider does not.
SCRIPT = """
import sys
from tensorboard.data import provider
from tensorboard.plugins import base_plugin
from werkzeug.test import Client
from sfp_keras.monitoring import schema
from tb_plugin.demo import STAGES, make_fields
from tb_plugin.plugin import ClustersPlugin

fields = make_fields(STAGES[2], 10, 0.9, 0)
blobs = {
    "about": schema.encode_about(schema.About("final", tuple("abcdefghij"), 0.3)),
    schema.factors_tag("layer13", 3): schema.encode_measurement(
        schema.header_of("layer13", 0, 3, fields), fields
    ),
}

class Log(provider.DataProvider):
    def list_blob_sequences(self, ctx=None, **asked):
        kinds = {tag: "about" if tag == "about" else "factors" for tag in blobs}
        return {"final": {tag: provider.BlobSequenceTimeSeries(
            max_step=3, max_wall_time=1.0, max_length=3, description="", display_name="",
            plugin_content=schema.plugin_data(kind)) for tag, kind in kinds.items()}}
    def read_blob_sequences(self, ctx=None, **asked):
        return {"final": {tag: [provider.BlobSequenceDatum(step=3, wall_time=1.0, values=tuple(
            provider.BlobReference(f"{tag} {i}") for i in range(len(found))))]
            for tag, found in blobs.items()}}
    def read_blob(self, ctx=None, *, blob_key):
        tag, _, i = blob_key.rpartition(" ")
        return blobs[tag][int(i)]
    def read_scalars(self, ctx=None, **asked):
        return {}

Log.__abstractmethods__ = frozenset()
plugin = ClustersPlugin(base_plugin.TBContext(data_provider=Log()))
apps = plugin.get_plugin_apps()
where = "run=final&stage=layer13"
for route, query in (
    ("/runs", ""), ("/layers", where), ("/curves", where), ("/filters", where),
    ("/labels", where), ("/filter", where + "&filter=1"), ("/thumbnails", where + "&filters=1,2"),
):
    response = Client(apps[route]).get(route, query_string=query)
    assert response.status_code == 200, (route, response.data)
opened = {name.split(".")[0] for name in sys.modules}
print(*sorted(opened & {"keras", "tensorflow", "jax", "torch", "pandas", "matplotlib"}))
"""


def test_serving_opens_no_framework():
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == ""


def test_the_tab_imports_only_what_it_may():
    for path in SOURCE.glob("*.py"):
        writer = ("sfp_keras.monitoring.writer",) if path.name == "demo.py" else ()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
                if node.module in ("sfp_keras", "sfp_keras.monitoring"):
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                if name.startswith("sfp_keras"):
                    assert name.startswith((*ALLOWED, *writer)), f"{path.name} imports {name}"
