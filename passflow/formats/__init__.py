"""How languages write days and times in a sentence, where Django says nothing or something else."""

from __future__ import annotations
