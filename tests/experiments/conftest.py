"""One fast locality run, shared by every test of this folder: it takes most of their time."""

from types import SimpleNamespace

import pytest

from geomflow.experiments.locality import Locality


@pytest.fixture(scope="session")
def fast_run(tmp_path_factory):
    """The finished run: `folder`, with everything it wrote, and `result`."""
    folder = tmp_path_factory.mktemp("locality") / "out"
    return SimpleNamespace(folder=folder, result=Locality(fast=True, out=folder).run())
