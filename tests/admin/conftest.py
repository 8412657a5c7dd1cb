"""Who works in the admin: one who may do everything, and staff with the permissions of their test."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

Staff = Callable[..., Client]


@pytest.fixture
def root(db: None) -> Client:
    """Somebody who may do everything, logged in as `root`."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def staff(db: None) -> Staff:
    """Logs in somebody of the staff who has these permissions and no others."""

    def log_in(*codenames: str) -> Client:
        user = User.objects.create_user("clerk", is_staff=True)
        permissions = Permission.objects.filter(codename__in=codenames)
        assert permissions.count() == len(codenames)
        user.user_permissions.set(permissions)
        client = Client()
        client.force_login(user)
        return client

    return log_in
