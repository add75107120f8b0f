"""Which pages may open a websocket. Pure.

Browsers send cookies with a websocket from any page, so the page's origin must be ours: scheme, host and port, where
channels' own validator for ALLOWED_HOSTS looks at the host alone. No origin at all is refused too.
"""

from collections.abc import Collection
from urllib.parse import urlsplit


def acceptable(*, origin: str, host: str, secure: bool, trusted: Collection[str]) -> bool:
    """Whether `origin` is this site (as the Host header names it) or one of the `trusted` origins.

    On a secure connection only an https page of this site is; on a plain one both are, since a proxy may have taken
    the encryption off.
    """
    if origin in trusted:
        return True
    scheme, _, rest = origin.partition("://")
    schemes = {"https"} if secure else {"http", "https"}
    return scheme in schemes and bool(host) and _bare(rest, scheme) == _bare(host, scheme)


def _bare(netloc: str, scheme: str) -> tuple[str, int] | None:
    """Host and port; None for anything that is not just these."""
    try:
        parts = urlsplit(f"//{netloc}")
        port = parts.port
    except ValueError:
        return None
    if parts.netloc != netloc or parts.username is not None or not parts.hostname:
        return None
    return parts.hostname, port or (443 if scheme == "https" else 80)
