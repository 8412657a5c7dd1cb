"""The benchmark runs by itself and says what it measured in the form that others read."""

from __future__ import annotations

import re
import subprocess
import sys

from django.conf import settings

FEW_ROUNDS = "from tests.benchmarks import lookups; lookups.ROUNDS = 3; lookups.main()"


def test_every_kind_of_wrong_token_is_printed_beside_an_unknown_one() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FEW_ROUNDS],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    line = r"lookups: (\w+) \d+\.\d\d ms \(ratio \d+\.\d\d of an unknown token\)\n"
    assert re.findall(line, ran.stdout) == ["unknown", "malformed", "foreign"]
