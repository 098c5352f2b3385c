"""One mailspace of Ann's, and a directory that knows her."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mta import directory
from mta.mailstore import service as mailstore
from tests.fake_directory import FakeDirectory


@pytest.fixture
def ann(db: None) -> Iterator[int]:
    made = mailstore.create_mailspace()
    with directory.use(FakeDirectory({"ann@a.test": made})):
        yield made
