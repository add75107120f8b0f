"""Whose certificates are believed."""

import ssl


def trust(ca_file: str) -> ssl.SSLContext:
    """The usual authorities, and those in the file, if one is named. Raises OSError and ssl.SSLError."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
