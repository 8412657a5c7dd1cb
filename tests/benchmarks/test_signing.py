"""The benchmark runs by itself and says what it measured in the form that others read."""

from __future__ import annotations

import re
import subprocess
import sys

from django.conf import settings

ONE_ROUND = "from tests.benchmarks import signing; signing.ROUNDS = 1; signing.main()"


def test_signing_is_printed_beside_its_reference() -> None:
    command = [sys.executable, "-c", ONE_ROUND]
    ran = subprocess.run(
        command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    line = r"%s: \d+ passes/s \(ratio \d\.\d\d of bare RSA-2048 signatures\)"
    ours, theirs = ran.stdout.splitlines()
    assert re.fullmatch(line % "signing", ours)
    assert re.fullmatch(line % "signing_wallet_py3k", theirs)
