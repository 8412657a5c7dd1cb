"""PassFlow in a process of its own, with an environment and a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("PASSFLOW_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "EMAIL_URL", "PORT", "DJANGO_")


@dataclass(frozen=True)
class Installation:
    """A checkout that keeps what it makes in `var`, and nothing of whose environment comes from here."""

    var: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        project = {"DJANGO_SETTINGS_MODULE": "passflow.settings", "PASSFLOW_VAR_DIR": str(self.var)}
        return {**inherited, **project, **self.settings}

    def run(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Python with these arguments, until it ends."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`manage.py` with these arguments."""
        return self.run("manage.py", *arguments)

    def show(self, *names: str) -> dict[str, Any]:
        """The settings of these names."""
        shown = self.run(
            "-c",
            "import json, sys; from passflow import settings;"
            "print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))",
            *names,
        )
        assert shown.returncode == 0, shown.stderr
        found: dict[str, Any] = json.loads(shown.stdout)
        return found
