"""What the caller may do: every view names the scope that each of its methods needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from credentials.models import ApiKey
from credentials.scopes import grants

if TYPE_CHECKING:
    # The module of views itself loads the classes that the settings name.
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """The key grants `view.required_scopes[method]`; a method that names no scope is open to nobody."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """True or a reason: the refusal names the scope that is missing."""
        if not isinstance(request.auth, ApiKey):
            raise NotAuthenticated("Send an API key: Authorization: Bearer <key>.")
        method = str(request.method)
        needed = getattr(view, "required_scopes", {}).get("GET" if method == "HEAD" else method)
        if needed is None:
            # OPTIONS tells nothing that the API's description does not; what a view lacks answers 405 next.
            return method == "OPTIONS" or not hasattr(view, method.lower())
        if not grants(request.auth.scopes, needed=needed):
            raise PermissionDenied(f"This API key lacks the scope {needed}.")
        return True
