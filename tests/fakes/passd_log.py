"""The lines that `passd` writes into its log and sends to the web service, word for word."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fakes.passd_wire import Changes, InstalledPass, Latest, Origin

# Seconds without a change after which being sent for an unchanged pass is worth a complaint.
PATIENCE = 300


def task(name: str, card: InstalledPass) -> str:
    """Name a task about a pass, as `Register task (…)`."""
    origin = card.origin
    about = f"for device {origin.device_id}, pass type {origin.pass_type}, serial number {card.serial}"
    return f"{name} task ({about}; with web service url {origin.url})"


def get_pass(card: InstalledPass) -> str:
    """Name the task that fetches a pass."""
    about = f"pass type {card.origin.pass_type}, serial number {card.serial}"
    since = f"if-modified-since {card.last_modified}; with web service url {card.origin.url}"
    return f"Get pass task ({about}, {since})"


def get_serials(origin: Origin) -> str:
    """Name the task that asks what changed; what stands in its parentheses is our inference."""
    about = f"for device {origin.device_id}, pass type {origin.pass_type}, last updated {origin.tag}"
    return f"Get serial #s task ({about}; with web service url {origin.url})"


def unregistered(serial: str) -> str:
    """Complain of a serial number in a list that the device has not registered."""
    return f"Update requested for unregistered serial number {serial}"


def oddities_of_list(changes: Changes, origin: Origin, *, pushed: bool) -> Iterator[str]:
    """Complain of a list that was read and makes no sense."""
    included = f"Response to 'What changed?' request included {len(changes.serials)} serial numbers but"
    if changes.serials and not changes.tag:
        yield f"{included} omitted a lastUpdated tag."
    elif changes.serials and changes.tag == origin.tag:
        yield f"{included} the lastUpdated tag ({changes.tag}) remained the same."
    elif pushed and not changes.serials:
        request = f"Request for passesUpdatedSince '{origin.tag}' returned no serial numbers."
        yield f"Device received spurious push. {request} (Device = {origin.device_id})"


def oddities_of_pass(
    card: InstalledPass, fresh: InstalledPass, *, latest: Latest, requested: bool, now: float
) -> Iterator[str]:
    """Complain of a pass that was taken and need not have come, or came without its date."""
    if latest.pkpass is not None and not latest.last_modified:
        returned = f"Server returned the pass data for serial number '{card.serial}'"
        yield f"{returned} but did not provide a 'last-modified' header."
    if latest.pkpass is not None and card.last_modified and card.is_same_as(fresh):
        ignored = f"Server ignored the 'if-modified-since' header ({card.last_modified})"
        yield f"{ignored} and returned the full unchanged pass data for serial number '{card.serial}'."
    if requested and now - card.changed_at > PATIENCE and card.is_same_as(fresh):
        yield f"Server requested update to serial number '{card.serial}', but the pass was unchanged."
