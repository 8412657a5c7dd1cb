"""The lifecycle as data agrees with itself."""

from __future__ import annotations

from credentials.states import FINAL, LIVE, RULES, Move, State, diagram


def test_every_move_has_a_rule() -> None:
    assert set(RULES) == set(Move)


def test_revoked_and_expired_are_final() -> None:
    assert set(FINAL) == {State.REVOKED, State.EXPIRED}
    assert set(LIVE) | set(FINAL) == set(State)


def test_the_diagram_draws_every_rule() -> None:
    arrows = [line for line in diagram().splitlines() if ": " in line]
    assert len(arrows) == sum(len(rule.sources) for rule in RULES.values())
    assert "    added_to_wallet --> removed_from_wallet: remove" in arrows
