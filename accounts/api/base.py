"""What every view of the management API has: who asks, what they may see, and the headers of each answer.

Who may use a view stands in `nubabel.rights`; a view that is not there is closed.
"""

from typing import Any, TypeVar, cast

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.api.throttling import rate_headers
from accounts.principals import Principal

M = TypeVar("M", bound=Model)

UUID_PATTERN = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
PAGE_SIZE = 50
PAGE_SIZE_MAX = 200


IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag you have seen; * for whichever it is."
)


def principal_of(request: Request) -> Principal:
    """Who asks; views are reached only by somebody known."""
    return cast("Principal", request.auth)


def visible(rows: "QuerySet[M, M]", request: Request, *, pool: str = "pool") -> "QuerySet[M, M]":
    """Those of a key's own pool, if it names one; everything for everybody else. `pool` is the column to look at."""
    own = principal_of(request).pool_id
    return rows.filter(**{pool: own}) if own else rows


class Pages(PageNumberPagination):
    """Numbered pages of bounded size."""

    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = PAGE_SIZE_MAX


class Management(APIView):
    """Base of the views: what is said with each answer."""

    http_method_names: Any = ("get", "head", "post", "put", "patch", "delete")
    throttled_as_probe: tuple[str, ...] = ()
    """Actions that reach for Anthropic."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401
        """Nothing of this is for caches; how much is left of the caller's rate is said each time."""
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        for name, value in rate_headers(request).items():
            answer.headers[name] = value
        return answer


class ManagementViewSet(Management, GenericViewSet[Any]):
    """A subclass gives `queryset`, which `rows` confines to what the caller may see."""

    lookup_value_regex = UUID_PATTERN
    pagination_class: Any = Pages
    filter_backends = ()
    pool_column = "pool"

    def rows(self) -> Any:  # noqa: ANN401 - a queryset of the subclass's model
        """What the caller may see."""
        return visible(self.get_queryset(), self.request, pool=self.pool_column)

    def one(self) -> Any:  # noqa: ANN401 - a row of the subclass's model
        """The row named in the address. Raises Http404."""
        return get_object_or_404(self.rows(), pk=self.kwargs[self.lookup_field])

    def paged(self, rows: Any, shown: type[BaseSerializer[Any]]) -> Response:  # noqa: ANN401 - a queryset
        """One page of rows that are in a stable order."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(shown(page, many=True).data)


def versioned(row: Any, shown: type[BaseSerializer[Any]], *, status: int = 200) -> Response:  # noqa: ANN401
    """A row with its ETag, which an update presents again as If-Match."""
    return Response(shown(row).data, status=status, headers={"ETag": f'"{row.version}"'})
