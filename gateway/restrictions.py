"""What a restricted access key asks for, read so strictly that nothing can hide in it. Pure.

Only keys that may use some models and not others pay for this. A body that Anthropic might read in another way than we
do (a key given twice, a request we cannot make out) is refused: it could ask for what the key may not have.
"""

from typing import Any, Final

from gateway.errors import CallerRefused
from gateway.paths import Action, Found, Kind
from gateway.resources import strictly_read

ELSEWHERE: Final = "This access key may not be used from this address. Its networks are set where keys are made."
_UNREADABLE: Final = "This access key may use some models only, and which one the body asks for cannot be read."


def models_asked(found: Found, body: bytes) -> frozenset[str]:
    """Give every model that a message or a batch asks for, or the address names; none for other routes.

    Raises `CallerRefused` (400) where that cannot be read beyond doubt.
    """
    route = found.route
    if route.kind is Kind.MODEL:
        return frozenset({found.id} - {""})
    if (
        not route.body_max
        or route.action not in {Action.NONE, Action.CREATE}
        or route.kind not in {Kind.MESSAGE, Kind.BATCH}
    ):
        return frozenset()
    document = strictly_read(body)
    messages = [document] if route.action is Action.NONE else _batched(document)
    return frozenset(_model(message) for message in messages)


def _batched(document: Any) -> list[Any]:  # noqa: ANN401 - JSON
    requests = document.get("requests") if isinstance(document, dict) else None
    if not isinstance(requests, list):
        raise _refused()
    return [request.get("params") if isinstance(request, dict) else None for request in requests]


def _model(message: Any) -> str:  # noqa: ANN401 - JSON
    model = message.get("model") if isinstance(message, dict) else None
    if not isinstance(model, str):
        raise _refused()
    return model


def _refused() -> CallerRefused:
    return CallerRefused(400, "invalid_request_error", _UNREADABLE)
