"""Reading requests strictly: what nobody asked for is refused by name, so that a typo does not pass for consent."""

import re
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from accounts.api.base import PAGE_SIZE, PAGE_SIZE_MAX
from accounts.editing import Versions

_UNKNOWN = "There is no such field here."
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


class Strict(serializers.Serializer[Any]):
    """An object that has only the fields it lists."""

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        strangers = sorted(set(data) - set(self.fields)) if isinstance(data, Mapping) else ()
        if strangers:
            raise serializers.ValidationError({_shown(name): _UNKNOWN for name in strangers})
        return super().to_internal_value(data)


def _shown(name: str) -> str:
    """A name is said again if it can be a field's; it may also be a key that was pasted into the wrong place."""
    return name if _FIELD.fullmatch(name) else "…"


class Text(serializers.CharField):
    """A text; numbers are none."""

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 - whatever JSON holds
        if not isinstance(data, str):
            self.fail("invalid")
        text: str = super().to_internal_value(data)
        return text


class Flag(serializers.BooleanField):
    """true or false; 0, "no" and their like are no answers in JSON."""

    def to_internal_value(self, data: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class SeenVersion(serializers.IntegerField):
    """The version that the editor of an update has seen."""

    def __init__(self) -> None:
        said = "The version you have seen, if not by If-Match."
        super().__init__(required=False, min_value=1, write_only=True, help_text=said)


class PageQuery(Strict):
    """Which page of a list."""

    page = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=PAGE_SIZE_MAX, default=PAGE_SIZE)


def query_of(request: Request, form: type[Strict]) -> dict[str, Any]:
    """The query's parameters by an allow-list. Raises ValidationError."""
    return checked(form(data=request.query_params.dict()))


def body_of(request: Request, form: type[Strict], *, partial: bool = False) -> dict[str, Any]:
    """The body's fields. Raises ValidationError."""
    return checked(form(data=request.data, partial=partial))


def checked(form: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    form.is_valid(raise_exception=True)
    values: dict[str, Any] = form.validated_data
    return values


class PreconditionRequired(APIException):
    """428: an update must say which version it is about."""

    status_code = 428
    default_code = "precondition_required"
    default_detail = (
        "Say which version you have seen, so that nobody's change is lost: send the ETag as If-Match, or its number as "
        "`version` in the body."
    )


def expected_versions(request: Request, version: int | None, *, required: bool = True) -> Versions:
    """The versions an edit may be made on, by If-Match and the body's `version`; None: whichever it is.

    Raises PreconditionRequired if neither was said.
    """
    header = request.headers.get("If-Match")
    if header is None and version is None and required:
        raise PreconditionRequired
    named = None if header is None or header.strip() == "*" else _numbers(header)
    spoken = None if version is None else frozenset({version})
    return spoken if named is None else named if spoken is None else named & spoken


def _numbers(header: str) -> frozenset[int]:
    """An If-Match that names no version of ours matches none."""
    tags = (tag.strip().strip('"') for tag in header.split(","))
    return frozenset(int(tag) for tag in tags if tag.isascii() and tag.isdigit() and len(tag) < 20)  # noqa: PLR2004
