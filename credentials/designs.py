"""The verbs on designs: every change gives a new version and an event, and nothing malformed gets in."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from credentials.design_rules import check_design, check_roles
from credentials.errors import Invalid
from credentials.event_types import EventType
from credentials.events import record
from credentials.images import SIZES, default_icon, renditions
from credentials.models import Account, CredentialType, DesignImage

Role = DesignImage.Role
# By role: the PNG or JPEG file to show there, or None to show nothing.
Images = Mapping[str, bytes | None]


def create_credential_type(
    account: Account, *, actor: str, images: Images | None = None, **columns: object
) -> CredentialType:
    """A new credential type. Raises `Invalid` naming the column or the image that cannot be accepted."""
    credential_type = CredentialType(account=account, **columns)
    with transaction.atomic():
        check_design(credential_type)
        _save(credential_type)
        _put_images(credential_type, images or {}, style_was=credential_type.style)
        _record(EventType.CREDENTIAL_TYPE_CREATED, credential_type, actor=actor)
    return credential_type


def update_credential_type(
    credential_type: CredentialType, *, actor: str, images: Images | None = None, **columns: object
) -> CredentialType:
    """Changes what is named, as one new version. Raises `Invalid` naming the column or the image."""
    with transaction.atomic():
        rows = CredentialType.objects.select_related("account").select_for_update(of=("self",), no_key=True)
        credential_type = rows.get(pk=credential_type.pk)
        style_was = credential_type.style
        changed = [name for name, value in columns.items() if getattr(credential_type, name) != value]
        for name in changed:
            setattr(credential_type, name, columns[name])
        check_design(credential_type)
        changed += _put_images(credential_type, images or {}, style_was=style_was)
        if not changed:
            return credential_type
        credential_type.version += 1
        _save(credential_type)
        _record(EventType.CREDENTIAL_TYPE_UPDATED, credential_type, actor=actor, changed=sorted(changed))
    return credential_type


def set_image(credential_type: CredentialType, *, role: str, upload: bytes, actor: str) -> CredentialType:
    """Shows `upload`, a PNG or JPEG file, in that place. Raises `Invalid` with the role as its field."""
    return update_credential_type(credential_type, actor=actor, images={role: upload})


def remove_image(credential_type: CredentialType, *, role: str, actor: str) -> CredentialType:
    """Shows nothing in that place any more; without its own icon a design has a neutral one."""
    return update_credential_type(credential_type, actor=actor, images={role: None})


def image_files(credential_type: CredentialType) -> dict[str, bytes]:
    """The PNG files of the design by their name in a pass; always with an icon, without which none opens."""
    files = own_image_files(credential_type)
    if "icon.png" in files:
        return files
    icon = default_icon(
        background=credential_type.background_color, foreground=credential_type.foreground_color
    )
    neutral = (DesignImage(role=Role.ICON, scale=scale, png=png) for scale, png in icon.items())
    return files | {image.file_name: bytes(image.png) for image in neutral}


def own_image_files(credential_type: CredentialType) -> dict[str, bytes]:
    """What was uploaded, by its name in a pass."""
    return {image.file_name: bytes(image.png) for image in credential_type.images.all()}


class FinestImage(NamedTuple):
    """The PNG file with the most pixels that there is for a place, and its size in points."""

    png: bytes
    size: tuple[float, float]


def finest_images(files: Mapping[str, bytes]) -> dict[str, FinestImage]:
    """The best of these image files of a design, by role."""
    found = {}
    # In this order the finest comes last.
    for name, png in sorted(files.items()):
        role, _, scale = name.removesuffix(".png").partition("@")
        # Of a PNG file's header (ISO 15948 section 11.2.2).
        width, height = (pixels / int(scale[:1] or 1) for pixels in struct.unpack(">2L", png[16:24]))
        found[role] = FinestImage(png, (width, height))
    return found


def _save(credential_type: CredentialType) -> None:
    try:
        with transaction.atomic():
            credential_type.save()
    except IntegrityError:
        # Somebody took it since it was checked.
        raise Invalid("slug", "Another credential type of this account has this slug.") from None


def _put_images(credential_type: CredentialType, images: Images, *, style_was: str) -> list[str]:
    """Writes what becomes of the images, and returns the roles that changed."""
    style = credential_type.style
    shown = set(credential_type.images.values_list("role", flat=True))
    removed = {role for role, upload in images.items() if upload is None} & shown
    files = {
        role: renditions(upload, role=role, style=style)
        for role, upload in images.items()
        if upload is not None
    }
    if style != style_was and Role.STRIP in shown - images.keys():
        files |= _recut_strip(credential_type, style_was=style_was)
    check_roles((shown - removed) | files.keys(), style=style, uploaded=images.keys())
    credential_type.images.filter(role__in=removed | files.keys()).delete()
    DesignImage.objects.bulk_create(
        DesignImage(credential_type=credential_type, role=role, scale=scale, png=png)
        for role, pngs in files.items()
        for scale, png in pngs.items()
    )
    return [*removed, *files]


def _recut_strip(credential_type: CredentialType, *, style_was: str) -> dict[str, dict[int, bytes]]:
    """The strip in the height of the new style, which not every style shows."""
    style = credential_type.style
    if SIZES[style].get(Role.STRIP) in (None, SIZES[style_was].get(Role.STRIP)):
        return {}
    largest = credential_type.images.filter(role=Role.STRIP).latest("scale")
    return {Role.STRIP: renditions(bytes(largest.png), role=Role.STRIP, style=style)}


def _record(event_type: EventType, credential_type: CredentialType, *, actor: str, **data: object) -> None:
    told = {"credential_type_id": credential_type.pk, "version": credential_type.version, **data}
    record(event_type, account=credential_type.account, actor=actor, now=timezone.now(), data=told)
