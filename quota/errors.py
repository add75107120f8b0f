"""Everything this package can raise by itself (the engine's errors are in `quota.engine.errors`).

QuotaError
├── RecordUnreadable    a record's JSON does not say what it should
├── EntryUnreadable     a stream entry makes no sense; it is set aside, never retried
├── NoAdminKey          nobody can be asked about an account: its organization has no Admin key here
├── AdminApiError       Anthropic's Admin API did not say what was asked; the message says what to do
│   ├── AdminKeyRefused     the Admin key is wrong, expired or of a kind that may not ask
│   ├── AdminThrottled      asked too often; `retry_after` says when to ask again
│   ├── AdminUnreachable    it did not answer in time, or with a failure of its own
│   ├── AdminAnswerOdd      its answer is not what is documented
│   └── ReportMissing       the organization does not have this report; an older one may serve
└── SetupFailed         a check of `init_multi_account` failed; the message says how to mend it
    ├── SchemaBehind    migrations are missing
    └── ChecksFailed    everything that is wrong, at once
"""


class QuotaError(Exception):
    """Base of all; catch this where the cause does not matter."""


class RecordUnreadable(QuotaError, ValueError):
    """A record's JSON does not say what it should."""

    def __init__(self, record: str, why: str) -> None:
        super().__init__(f"not a readable {record}: {why}")
        self.record = record


class EntryUnreadable(QuotaError, ValueError):
    """A stream entry makes no sense; reading it again will not help."""


class SetupFailed(QuotaError):
    """A check failed. `check` names it, the message says what is wrong and `mend` what to do about it."""

    def __init__(self, check: str, why: str, mend: str) -> None:
        super().__init__(f"{check}: {why}")
        self.check = check
        self.why = why
        self.mend = mend


class SchemaBehind(SetupFailed):
    """The database answers, but its tables are older than the code: waiting mends nothing."""


class ChecksFailed(SetupFailed):
    """Everything that is wrong. `failures` has at least one."""

    def __init__(self, failures: list[SetupFailed]) -> None:
        super().__init__(failures[0].check, failures[0].why, failures[0].mend)
        self.failures = failures


class NoAdminKey(QuotaError):
    """Nobody can be asked about an account; the message says how to mend it."""

    def __init__(self, account: str) -> None:
        super().__init__(
            f"There is no Admin key of the organization of {account}. Set ANTHROPIC_ADMIN_API_KEY, or enter the "
            "organization's Admin key in the admin site under Organizations."
        )


class AdminApiError(QuotaError):
    """Anthropic's Admin API did not say what was asked. `mend` says what to do."""

    mend = "It is asked again within minutes; nothing needs to be done unless this lasts."


class AdminKeyRefused(AdminApiError):
    """The Admin key is wrong, expired, revoked, or may not ask."""

    mend = "Make a new Admin key in the Claude Console of this organization and enter it here."


class AdminThrottled(AdminApiError):
    """Asked too often. `retry_after` is in seconds; None if it was not said."""

    def __init__(self, message: str, *, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AdminUnreachable(AdminApiError):
    """It did not answer in time, or with a failure of its own."""


class AdminAnswerOdd(AdminApiError):
    """Its answer is not what is documented."""

    mend = "Anthropic may have changed this report; look for a newer version of this software."


class ReportMissing(AdminApiError):
    """The organization does not have this report."""
