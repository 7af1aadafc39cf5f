"""The demo log and its tab."""

import warnings

import pytest

with warnings.catch_warnings():
    # TensorBoard's copy of html5lib warns of itself when it is first imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tab_server import TabServer

# Fixtures of the browser tests; tests name them as arguments.
from browser_tab import (  # noqa: F401
    base,
    browser,
    log_folder,
    page,
    page_alone,
    warm_page,
    writer,
)

from tb_plugin.demo import write_demo


@pytest.fixture(scope="session")
def demo_log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder)
    return folder


@pytest.fixture(scope="session")
def tab(demo_log):
    return TabServer(demo_log)
