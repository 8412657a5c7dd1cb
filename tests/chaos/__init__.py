"""Faults at random while events are made, and the proof that none is lost: `python -m tests.chaos`."""
