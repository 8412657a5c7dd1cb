"""Lists as bare arrays, page by page; where one stands is in the headers."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials.errors import Invalid

DEFAULT_PER_PAGE = 50
MAX_PER_PAGE = 100
# So that `skip_pagination` is no way to ask for a million rows at once.
MAX_UNPAGED = 5_000
_MAX_PAGE = 1_000_000


class PageQuery(serializers.Serializer[Any]):
    """Where in a list."""

    page = serializers.IntegerField(min_value=1, max_value=_MAX_PAGE, default=1, help_text="Counted from 1.")
    per_page = serializers.IntegerField(min_value=1, max_value=MAX_PER_PAGE, default=DEFAULT_PER_PAGE)
    skip_pagination = serializers.BooleanField(
        default=False, help_text=f"Everything in one answer; refused above {MAX_UNPAGED:,} rows."
    )


class PageHeaders(BasePagination):
    """`X-Page`, `X-Per-Page`, `X-Total-Results`, and `Link` (RFC 8288) to the pages around this one."""

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """The rows of the page that was asked for: a count and the rows, two queries."""
        query = PageQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        self.request, self.total = request, queryset.count()
        self.page, self.per_page = query.validated_data["page"], query.validated_data["per_page"]
        if query.validated_data["skip_pagination"]:
            self.page, self.per_page = 1, _unpaged(self.total)
        start = (self.page - 1) * self.per_page
        return list(queryset[start : start + self.per_page])

    def get_paginated_response(self, data: Any) -> Response:
        """The array, with its place in the list as headers."""
        headers = {
            "X-Page": str(self.page),
            "X-Per-Page": str(self.per_page),
            "X-Total-Results": str(self.total),
            "Link": self._link(),
        }
        return Response(data, headers=headers)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """For the API's description: nothing is wrapped around the array."""
        return schema

    def _link(self) -> str:
        last = max(1, -(-self.total // self.per_page))
        pages = {"first": 1, "prev": self.page - 1, "next": self.page + 1, "last": last}
        known = {relation: page for relation, page in pages.items() if 1 <= page <= last}
        return ", ".join(f'<{self._address(page)}>; rel="{relation}"' for relation, page in known.items())

    def _address(self, page: int) -> str:
        query = self.request.query_params.copy()
        query["page"] = str(page)
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")


def answer_page(
    rows: QuerySet[Any], *, request: Request, shape: type[serializers.Serializer[Any]]
) -> Response:
    """One page of `rows`, each as `shape` writes it. `rows` must have an order."""
    pages = PageHeaders()
    found = pages.paginate_queryset(rows, request)
    return pages.get_paginated_response(shape(found, many=True).data)


def _unpaged(total: int) -> int:
    if total > MAX_UNPAGED:
        raise Invalid(
            "skip_pagination", f"There are more than {MAX_UNPAGED:,} results: read them by the page."
        )
    return max(1, total)
