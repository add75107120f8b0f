"""Everything the engine can raise.

    EngineError
    ├── EngineUnavailable      Redis did not answer within the deadline, or is gone; nothing is known
    │   └── EngineAway         it was found gone a moment ago and was not even asked
    ├── EngineEmpty            Redis answers but holds no state for this pool: configure() it from the database
    ├── EngineMisconfigured    a configuration was refused; the message says what is wrong with it
    └── UnknownAccount         the pool has no account of that id

A lease that cannot be granted is no error: it is a `Refusal`.
"""


class EngineError(Exception):
    """Base of all; catch this where the cause does not matter."""


class EngineUnavailable(EngineError):
    """The store did not answer in time. The call may or may not have taken effect; every call can be repeated."""


class EngineAway(EngineUnavailable):
    """The store was found gone less than a second ago; it was not asked, so nothing can have taken effect."""


class EngineEmpty(EngineError):
    """The store holds nothing for this pool, which is not the same as zero usage. Rebuild it with configure()."""

    def __init__(self, pool: str) -> None:
        super().__init__(f"pool {pool!r} is not loaded; configure() it with its accounts and their usage first")
        self.pool = pool


class EngineMisconfigured(EngineError):
    """The configuration makes no sense; nothing was changed."""


class UnknownAccount(EngineError):
    """The pool has no such account."""

    def __init__(self, pool: str, account: str) -> None:
        super().__init__(f"pool {pool!r} has no account {account!r}")
        self.pool = pool
        self.account = account
