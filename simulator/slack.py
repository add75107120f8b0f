"""A double of Slack: incoming webhooks and the few Web API methods a notifier uses. It keeps what it was sent."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from simulator.clock import Clock
from simulator.errors import ScriptError, SlackRefusal
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply

MOST_BLOCKS = 50
MOST_ATTACHMENTS = 100
LONGEST_TEXT = 40_000
KEPT_MESSAGES = 1_000

# What an incoming webhook answers with which status; the body is the bare name.
WEBHOOK_STATUSES = {
    "invalid_payload": 400,
    "no_text": 400,
    "invalid_blocks": 400,
    "too_many_attachments": 400,
    "action_prohibited": 403,
    "posting_to_general_channel_denied": 403,
    "invalid_token": 403,
    "no_service": 404,
    "no_service_id": 404,
    "no_team": 404,
    "team_disabled": 404,
    "channel_not_found": 404,
    "channel_is_archived": 410,
    "rate_limited": 429,
    "rollup_error": 500,
}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """One message that arrived. `channel` is the channel's id, or the webhook's path."""

    at: float
    via: str
    channel: str
    text: str
    ts: str
    payload: Json = field(repr=False)


@dataclass(slots=True)
class SlackFault:
    """Answer with `error` instead of taking the message. `channel=None` means any; `times=None` means always."""

    error: str
    channel: str | None = None
    times: int | None = 1
    retry_after: int = 1


class SlackDouble:
    """The channels of one pretended Slack team.

    `per_channel_seconds` is how far apart messages of one channel must be (None: no limit). `tokens` are the bot tokens
    it knows; when empty, every token that starts with `xoxb-` is good.
    """

    def __init__(self, *, clock: Clock, per_channel_seconds: float | None = None) -> None:
        self._clock = clock
        self.per_channel_seconds = per_channel_seconds
        self.tokens: set[str] = set()
        self.messages: deque[SlackMessage] = deque(maxlen=KEPT_MESSAGES)
        self.faults: list[SlackFault] = []
        self._last: dict[str, float] = {}
        self._count = 0

    def fault(
        self, error: str, *, channel: str | None = None, times: int | None = 1, retry_after: int = 1
    ) -> SlackFault:
        """Script an error by Slack's name for it. Raises ScriptError for a name that is none."""
        if not error.replace("_", "").isalnum():
            raise ScriptError("A Slack error is a name such as channel_not_found or rate_limited.")
        made = SlackFault(error, channel, times, retry_after)
        self.faults.append(made)
        return made

    def texts(self, channel: str | None = None) -> list[str]:
        """Give the texts received, of one channel or of all."""
        return [message.text for message in self.messages if channel in {None, message.channel}]

    def webhook(self, incoming: Incoming) -> Reply:
        """POST /slack/services/T…/B…/…: 200 `ok`, or the error's bare name."""
        try:
            payload = _payload(incoming)
            self._take("webhook", incoming.path.removeprefix("/slack"), payload)
        except SlackRefusal as refusal:
            return _webhook_refusal(refusal)
        return Reply(200, {"content-type": "text/html"}, (b"ok",))

    def post_message(self, incoming: Incoming) -> Reply:
        """POST /slack/api/chat.postMessage: always JSON with `ok`; only a throttle has a status of its own."""
        try:
            payload = {**_payload(incoming, form_field=None)}
            self._authenticate(incoming, payload)
            message = self._take("api", str(payload.get("channel") or ""), payload)
        except SlackRefusal as refusal:
            return _api_refusal(refusal)
        shown = {"type": "message", "text": message.text, "ts": message.ts, "bot_id": "B0SIMULATED"}
        return json_reply({"ok": True, "channel": message.channel, "ts": message.ts, "message": shown})

    def auth_test(self, incoming: Incoming) -> Reply:
        """POST /slack/api/auth.test."""
        try:
            self._authenticate(incoming, _payload(incoming, form_field=None))
        except SlackRefusal as refusal:
            return _api_refusal(refusal)
        team = {"team": "Simulated", "team_id": "T0SIMULATED", "user": "bot", "user_id": "U0SIMULATED"}
        return json_reply({"ok": True, "url": "https://simulated.slack.com/", "bot_id": "B0SIMULATED", **team})

    def _authenticate(self, incoming: Incoming, payload: Json) -> None:
        token = incoming.headers.get("authorization", "")[7:].strip() or str(payload.get("token", ""))
        if not token:
            raise SlackRefusal("not_authed")
        if token not in self.tokens if self.tokens else not token.startswith("xoxb-"):
            raise SlackRefusal("invalid_auth")

    def _take(self, via: str, channel: str, payload: Json) -> SlackMessage:
        if not channel:
            raise SlackRefusal("channel_not_found")
        self._play(channel)
        _check(payload)
        self._throttle(channel)
        self._count += 1
        now = self._clock.now()
        ts = f"{int(now)}.{self._count:06d}"
        message = SlackMessage(now, via, channel, str(payload.get("text") or ""), ts, payload)
        self.messages.append(message)
        return message

    def _play(self, channel: str) -> None:
        for fault in self.faults:
            if fault.channel not in {None, channel} or fault.times == 0:
                continue
            if fault.times is not None:
                fault.times -= 1
            if fault.error != "ok":
                raise SlackRefusal(fault.error, retry_after=fault.retry_after)
            return

    def _throttle(self, channel: str) -> None:
        now, gap = self._clock.now(), self.per_channel_seconds
        if gap is None:
            return
        wait = self._last.get(channel, -gap) + gap - now
        if wait > 0:
            raise SlackRefusal("rate_limited", retry_after=max(1, int(-(-wait // 1))))
        self._last[channel] = now


def _payload(incoming: Incoming, *, form_field: str | None = "payload") -> Json:
    """Read JSON, or a form: a webhook's form carries JSON in `payload`, the Web API's carries plain fields."""
    raw = incoming.body
    if incoming.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields = {name: values[0] for name, values in parse_qs(raw.decode(errors="replace")).items()}
        if form_field is None:
            return _form(fields)
        raw = fields.get(form_field, "").encode()
    try:
        payload = json.loads(raw or b"{}")
    except ValueError:
        raise SlackRefusal("invalid_payload") from None
    if not isinstance(payload, dict):
        raise SlackRefusal("invalid_payload")
    return payload


def _form(fields: Mapping[str, str]) -> Json:
    try:
        blocks = {name: json.loads(fields[name]) for name in ("blocks", "attachments") if name in fields}
    except ValueError:
        raise SlackRefusal("invalid_blocks_format") from None
    return {**fields, **blocks}


def _check(payload: Json) -> None:
    text, blocks, attachments = payload.get("text"), payload.get("blocks") or [], payload.get("attachments") or []
    if not text and not blocks and not attachments:
        raise SlackRefusal("no_text")
    if len(blocks) > MOST_BLOCKS:
        raise SlackRefusal("invalid_blocks")
    if len(attachments) > MOST_ATTACHMENTS:
        raise SlackRefusal("too_many_attachments")
    if text and len(str(text)) > LONGEST_TEXT:
        raise SlackRefusal("msg_too_long")


def _webhook_refusal(refusal: SlackRefusal) -> Reply:
    status = WEBHOOK_STATUSES.get(refusal.error, 400)
    headers = {"content-type": "text/html"}
    if status == WEBHOOK_STATUSES["rate_limited"]:
        headers["retry-after"] = str(refusal.retry_after)
    return Reply(status, headers, (refusal.error.encode(),))


def _api_refusal(refusal: SlackRefusal) -> Reply:
    if refusal.error in {"rate_limited", "ratelimited"}:
        reply = json_reply({"ok": False, "error": "ratelimited"}, status=429)
        return reply.with_headers({"retry-after": str(refusal.retry_after)})
    return json_reply({"ok": False, "error": refusal.error})
