"""What the webhook tests share."""

from __future__ import annotations

import pytest

from tests.webhooks.certificates import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.create(tmp_path_factory.mktemp("certificates"))
