"""Everything this package can raise.

    AccountsError
    ├── KeyRefused             a text is no API key we may store; the message says why and what to use instead
    │   └── DuplicateKey       the pool holds this key already
    ├── UndecryptableKey       a stored key cannot be read: another ENCRYPTION_KEY, a damaged or a moved ciphertext
    ├── BaseUrlRefused         an upstream address is not on the allow-list
    ├── UnknownAccount         no account of that id
    ├── DirectoryUnavailable   the accounts could not be loaded and what was known is too old
    ├── DeletionRefused        the account is enabled, owns leases, or history depends on it; the pool is in use
    ├── EditConflict           somebody changed the row since it was read; carries the version it has now
    ├── ScopesRefused          a list of scopes is empty or names an unknown one
    ├── GrantRefused           somebody wants to give an access key more than they have themselves
    ├── AccessRefused          a client's credential is wrong; always the same words, whatever is wrong with it
    └── AccessUndecided        the database did not answer, so nobody knows whether a credential is good

None carries key material, neither in its message nor in its attributes.
"""


class AccountsError(Exception):
    """Base of all; the message is fit to be shown to operators."""


class KeyRefused(AccountsError, ValueError):
    """The text is not an API key that may be stored."""


class DuplicateKey(KeyRefused):
    """One key twice in a pool adds no capacity and would be counted twice."""


class UndecryptableKey(AccountsError):
    """A stored key cannot be read. The row itself is fine: enter the key again or restore the encryption key."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"{what} cannot be decrypted: {why}. Put the key it was encrypted with into ENCRYPTION_KEY or "
            f"ENCRYPTION_KEY_FALLBACKS, or enter the API key again."
        )
        self.what = what
        self.why = why


class BaseUrlRefused(AccountsError, ValueError):
    """The upstream address is not one this installation may send keys to; `origin` is that address, if it is told."""

    def __init__(self, message: str, *, origin: str = "") -> None:
        super().__init__(message)
        self.origin = origin


class UnknownAccount(AccountsError, LookupError):
    """There is no account of this id."""

    def __init__(self, account_id: str) -> None:
        super().__init__(f"there is no account {account_id!r}")
        self.account_id = account_id


class DirectoryUnavailable(AccountsError):
    """The database did not answer and the accounts known so far are too old to be trusted."""


class DeletionRefused(AccountsError):
    """The account cannot be deleted now; disabling it keeps its history and is always possible."""


class EditConflict(AccountsError):
    """An edit of something that has changed since it was read; nothing was stored."""

    def __init__(self, what: str, *, current: int) -> None:
        super().__init__(
            f"{what} was changed meanwhile and is at version {current} now. Look at it again and repeat your change."
        )
        self.current = current


class ScopesRefused(AccountsError, ValueError):
    """A list of scopes is empty or names something that is no scope."""


class GrantRefused(AccountsError):
    """An access key would be able to do more than whoever makes it. HTTP 403."""


class AccessRefused(AccountsError):
    """The presented credential opens nothing. HTTP 401; deliberately silent about the cause."""

    status = 401

    def __init__(self, message: str = "The access key is not valid.") -> None:
        super().__init__(message)


class KeysDiffer(AccessRefused):
    """Two different keys were presented at once; which one is meant, nobody can say. HTTP 401."""

    def __init__(self) -> None:
        super().__init__(
            "Two different keys were presented, in Authorization and in x-api-key. Send one: where "
            "ANTHROPIC_AUTH_TOKEN is set, unset ANTHROPIC_API_KEY."
        )


class AccessUndecided(AccountsError):
    """It could not be found out whether the credential is good. HTTP 503."""

    status = 503

    def __init__(self) -> None:
        super().__init__("Access keys cannot be checked at the moment; try again shortly.")
