"""The data plane: requests in, the best account's answer out.

    async with gateway.client(session="conversation-42") as claude:
        message = await claude.messages.create(model=…, max_tokens=…, messages=[…])

See `gateway.sdk`. Importing this package imports neither Django nor the SDK.
"""

from gateway.sdk import client

__all__ = ["client"]
