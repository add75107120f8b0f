"""An upstream's error goes to the caller as it came, but for the key that it was sent, should it say it. Pure."""

from msgspec.structs import replace

from accounts.credentials import Secret
from gateway.plain import ELISION
from gateway.responses import Saved


def veiled(saved: Saved, secret: Secret) -> Saved:
    """The same answer with an ellipsis wherever its headers or its body have the key."""
    key = secret.reveal()
    headers = tuple((name, value) for name, value in saved.headers if key not in value)
    return replace(saved, headers=headers, body=saved.body.replace(key.encode(), ELISION.encode()))
