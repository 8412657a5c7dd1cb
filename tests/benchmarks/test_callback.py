"""The benchmark runs by itself and says what it measured in the form that others read."""

from __future__ import annotations

import re
import subprocess
import sys

from django.conf import settings

ONE_ROUND = "from tests.benchmarks import callback; callback.ROUNDS = 1; callback.main()"


def test_verifying_is_printed_beside_its_reference() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ONE_ROUND],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    line = r"callback: \d+ verifications/s \(ratio \d\.\d\d of two bare P-256 verifications\)\n"
    assert re.fullmatch(line, ran.stdout)
