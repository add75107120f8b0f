"""Refuse every connection beyond this machine, whichever library opens it."""

from ipaddress import ip_address


class Guard:
    """An audit hook: Python calls it before each connect; what it refuses is remembered in `seen`."""

    def __init__(self, *, allowed_hosts: set[str | None]) -> None:
        self._allowed = {host for host in allowed_hosts if host}
        self.seen: list[str] = []

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if event in {"socket.connect", "socket.sendto"}:
            self._check(args[1])
        elif event == "socket.getaddrinfo":
            self._check(args)

    def _check(self, address: object) -> None:
        if isinstance(address, tuple) and not self._is_near(str(address[0])):
            self.seen.append(str(address[0]))
            raise RuntimeError(f"tests may not reach {address[0]!r}: only this machine")

    def _is_near(self, host: str) -> bool:
        if host in self._allowed or host in {"", "None", "localhost", "0.0.0.0"}:
            return True
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return False
