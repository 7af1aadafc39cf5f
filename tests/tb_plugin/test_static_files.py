import re
from pathlib import Path

import pytest
from werkzeug.test import Client

import tb_plugin
from tb_plugin.answers import application
from tb_plugin.static_files import StaticFiles


@pytest.fixture
def client(tmp_path):
    folder = tmp_path / "static"
    (folder / "vendor").mkdir(parents=True)
    for name in (
        "index.js",
        "vendor/a.mjs",
        "a.css",
        "a.json",
        "LICENSE.txt",
        "a.py",
        ".hidden.js",
    ):
        (folder / name).write_text(name)
    (tmp_path / "secret.js").write_text("secret")
    (folder / "link.js").symlink_to(tmp_path / "secret.js")
    return Client(application(StaticFiles("/plugin/clusters/", folder).serve))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("index.js", "text/javascript"),
        ("vendor/a.mjs", "text/javascript"),
        ("a.css", "text/css"),
        ("a.json", "application/json"),
        ("LICENSE.txt", "text/plain"),
    ],
)
def test_files_have_their_types(client, name, kind):
    response = client.get(f"/data/plugin/clusters/{name}")
    assert response.status_code == 200
    assert response.text == name
    assert response.mimetype == kind
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../secret.js",
            "vendor/../../secret.js",
            "..%2fsecret.js",
            "%2e%2e/secret.js",
            "link.js",
        ),
        *("//secret.js", "/etc/passwd", "..\\secret.js", "a.py", ".hidden.js", "vendor", "vendor/"),
        *("", "index.js/", "index.js%00", "%00.js", "x" * 5000 + ".js", "%ff.js", "./index.js"),
        *("vendor/plugin/clusters/../../index.js", "index.js/plugin/clusters/index.js"),
    ],
)
def test_nothing_else_is_served(client, name):
    response = client.get(f"/data/plugin/clusters/{name}")
    assert response.status_code == 404
    assert response.json["error"]


def test_the_tab_s_first_module_is_there(tab):
    response = tab.get("index.js")
    assert response.status_code == 200
    assert response.mimetype == "text/javascript"
    assert tab.error("../plugin.py").code == 404


def test_every_module_and_style_is_asked_for_at_once(tab):
    folder = Path(tb_plugin.__file__).parent / "static"
    modules = {path.relative_to(folder).as_posix() for path in folder.rglob("*.js")}
    assert tab.json("modules") == {"modules": sorted(modules - {"index.js"})}
    # Those of the frame, and those that a view declares.
    lists = re.findall(r"STYLES = \[(.*)\]", (folder / "index.js").read_text())
    for view in (folder / "views").iterdir():
        lists += re.findall(r"\n  styles: \[(.*)\]", view.read_text())
    styles = re.findall(r"'(\w+)'", ",".join(lists))
    assert sorted(styles) == sorted(path.stem for path in (folder / "styles").iterdir())
