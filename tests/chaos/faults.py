"""What must come of each fault: for each kind, what the pool has to do with it and what the caller may see. Pure.

Said anew here, and not read from `gateway.rules`: a table that is compared with itself proves nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

from tests.chaos.kinds import Kind, Must, Only, Spends


def _served(label: str, **more: Any) -> Kind:
    return Kind(label, Must.SERVE, Must.SERVE, parameters=more)


def _callers(label: str, status: int) -> Kind:
    return Kind(label, Must.PASS_ON, Must.PASS_ON, status=status)


def _unseen(label: str, status: int, spends: Spends = Spends.ATTEMPT, **more: Any) -> Kind:
    return Kind(label, Must.MOVE_ON, Must.MOVE_ON, spends, status, **more)


def _dead(label: str) -> Kind:
    return _unseen(label, 503, Spends.NOTHING, condemns=True)


def _early(fault: str, spends: Spends = Spends.ATTEMPT, status: int = 502, **more: Any) -> Kind:
    made = {"fault": fault, "parameters": more, "only": Only.STREAMS}
    return _unseen(f"{fault}, early", status, spends, **made)


def _late(fault: str, status: int = 502, spends: Spends = Spends.ATTEMPT, **more: Any) -> Kind:
    label = f"{fault}, late"
    return Kind(label, Must.BREAK, Must.BREAK, spends, status, fault, more, Only.STREAMS)


def _last(fault: str, **more: Any) -> Kind:
    return Kind(f"{fault}, at the end", Must.BREAK, Must.BREAK, fault=fault, parameters=more, only=Only.STREAMS)


def _in_json(fault: str, **more: Any) -> Kind:
    return _unseen(f"{fault}, JSON", 502, fault=fault, parameters=more, only=Only.WHOLE)


_FREE: Final = Spends.NOTHING
_ONCE: Final = Spends.ONCE
_HANG: Final = "hang_after_headers"
LATE_FRAMES: Final = 7
"""Behind the first content, and in front of the end, of any answer that the campaign asks for."""

KINDS: Final[tuple[Kind, ...]] = (
    # odd, and nevertheless the answer
    _served("crlf"),
    _served("huge_line", size=200_000),
    _served("drip", chunk=40, seconds=0.0),
    _served("latency", first=0.05, between=0.001),
    _served("pings", count=3, seconds=0.02),
    _served("silence", seconds=0.1),
    Kind("wrong_content_type", Must.SERVE, Must.MOVE_ON),
    Kind("missing_event_line", Must.SERVE, Must.MOVE_ON),
    Kind("wrong_length", Must.MOVE_ON, Must.SERVE_OR_BREAK),
    # between the caller and Anthropic
    _callers("bad_request", 400),
    _callers("not_found", 404),
    _callers("too_large", 413),
    _callers("unprocessable", 422),
    Kind("status", Must.PASS_ON, Must.PASS_ON, status=418, parameters={"status": 418}),
    # a limit
    *(_unseen(name, 429, _FREE) for name in ("throttle", "throttle_bare", "throttle_ms", "throttle_reset", "ramp")),
    *(_unseen(name, 429, _FREE) for name in ("long_context", "spend_cap", "contract_spend_cap")),
    *(_unseen(name, 429, _FREE) for name in ("spend_limit", "workspace_spend_limit")),
    # money, the key, the model
    *(_unseen(name, 503, _FREE) for name in ("credit", "billing", "linked_billing")),
    *(_dead(name) for name in ("invalid_key", "forbidden", "organization_disabled", "on_hold")),
    _unseen("model_forbidden", 403, _FREE),
    _unseen("model_not_found", 404, _FREE),
    # their servers, and what stands in front of them
    _unseen("timeout", 408),
    _unseen("conflict", 409),
    *(_unseen(name, 502) for name in ("internal", "bad_gateway", "unavailable", "gateway_timeout", "edge_error")),
    _unseen("overloaded", 529, _ONCE),
    _unseen("edge_block", 503, _ONCE),
    # nothing, or nothing that can be read
    *(_unseen(name, 502) for name in ("html_200", "empty_200", "redirect", "gzip_garbage", "refuse", "reset")),
    _unseen("hang_before_headers", 504),
    _unseen(_HANG, 504),
    _in_json("bad_json"),
    _in_json("non_utf8"),
    _in_json("reset", at=120),
    # a stream that goes wrong before its first content, and after it
    *(_early(name, frame=0) for name in ("bad_json", "non_utf8", "missing_event_line")),
    _early("cut_after", frames=1),
    _early("stream_error_first", _ONCE, 529),
    _early("silence", status=504, seconds=3600.0, frames=1),
    *(_late(name, frame=LATE_FRAMES) for name in ("bad_json", "non_utf8", "missing_event_line")),
    _last("bad_json", frame=1_000),
    _last("non_utf8", frame=1_000),
    _late("cut_after", frames=LATE_FRAMES),
    _late("no_message_stop"),
    _late("stream_error", 529, _ONCE, frames=LATE_FRAMES),
    _late("reset", at=1_500),
    _late(_HANG, 504, frames=LATE_FRAMES),
)

BY_LABEL: Final[Mapping[str, Kind]] = {kind.label: kind for kind in KINDS}
