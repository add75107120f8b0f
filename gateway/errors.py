"""Everything the gateway can raise.

    GatewayError
    ├── UnknownPool           no pool of that name or id
    ├── UnusableRequest       the request cannot be sent upstream as it stands (path, header, body)
    ├── CallerRefused         an error of ours in Anthropic's terms, before anything was leased
    ├── OwnersUnavailable     who holds a resource cannot be found out at the moment
    ├── InvalidCall           the orchestrator's body is wrong; code, message and details are for the caller
    ├── CallFailed            the pool could not answer; carries status, type, retry_after and the activity's id
    └── UpstreamFault         no usable answer came; `fault` says what happened, `sent` whether anything left us
        ├── UnableToConnect       refused, DNS, TLS, or no connection in time
        ├── DeadlinePassed        nothing came in time: first byte, next event, or the whole
        └── ConnectionCut         the connection ended before the answer did

An upstream error answer is no exception: it is a `Reply` that `gateway.outcomes.classify` judges.
"""

from collections.abc import Mapping

from gateway.replies import Fault


class GatewayError(Exception):
    """Base of all; catch this where the cause does not matter."""


class UnknownPool(GatewayError):
    """No pool of that name or id. `manage.py init_multi_account` makes the default one."""

    code = "no_pool"
    told = "The pool of this request does not exist."
    """What callers hear; the message is for operators."""

    def __init__(self, pool: str) -> None:
        super().__init__(f"there is no pool {pool!r}; create it in the admin or run manage.py init_multi_account")
        self.pool = pool


class UnusableRequest(GatewayError):
    """The request cannot be forwarded; the caller's fault, nothing was leased."""


class CallerRefused(GatewayError):
    """The request is refused at the door. `type` is one of Anthropic's error types, the message is for the caller."""

    def __init__(self, status: int, type_: str, message: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.type = type_
        self.message = message
        self.headers = headers


class OwnersUnavailable(GatewayError):
    """The database does not answer, so nobody knows which account holds a batch, file, skill or container."""


class InvalidCall(GatewayError):
    """A body that breaks the orchestrator's rules. `details` maps field names to what is wrong with them."""

    def __init__(self, message: str, *, details: Mapping[str, str], code: str = "invalid_request") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details)


class CallFailed(GatewayError):
    """The pool could not serve the call. `retry_after` is in seconds, None if unknown."""

    def __init__(
        self,
        *,
        status: int,
        code: str,
        message: str,
        activity: str,
        retry_after: int | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.activity = activity
        self.retry_after = retry_after
        self.should_retry = should_retry

    def as_json(self) -> dict[str, object]:
        """Give it as the API shows it."""
        details: dict[str, object] = {"activity": self.activity}
        if self.retry_after is not None:
            details["retry_after"] = self.retry_after
        return {"code": self.code, "message": self.message, "details": details}


class UpstreamFault(GatewayError):
    """No usable answer came."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault

    @property
    def sent(self) -> bool:
        """Whether the request may have reached Anthropic (and may therefore be billed)."""
        return self.fault.sent


class UnableToConnect(UpstreamFault):
    """Nothing left us."""


class DeadlinePassed(UpstreamFault):
    """The request was sent and no (further) answer came in time."""


class ConnectionCut(UpstreamFault):
    """The connection ended early."""
