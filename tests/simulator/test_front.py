"""The front door: credentials, versions, bodies, and what is not there."""

import io
from typing import Any

import aiohttp
import anthropic
import pytest

from simulator.ids import admin_key_for
from simulator.testing import RunningSimulator
from simulator.validation import NEW_VERSION, OLD_VERSION

REQUEST: Any = {"model": "claude-sonnet-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}


class Caller:
    """Sends requests with exactly the headers it is told to."""

    def __init__(self, sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
        self.sim = sim
        self._http = http

    async def post(
        self, body: Any = REQUEST, *, path: str = "/v1/messages", **headers: str
    ) -> tuple[int, dict[str, Any], Any]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"data": body} if isinstance(body, (bytes, io.BytesIO)) else {"json": body}
        async with self._http.post(self.sim.url + path, headers=names, **sent) as response:
            return response.status, await response.json(), response.headers

    def good(self, **more: str) -> dict[str, str]:
        return {"x_api_key": self.sim.key("alpha"), "anthropic_version": OLD_VERSION} | more


@pytest.fixture
def caller(sim: RunningSimulator, http: aiohttp.ClientSession) -> Caller:
    return Caller(sim, http)


async def test_a_key_opens_as_x_api_key(caller: Caller) -> None:
    assert (await caller.post(**caller.good()))[0] == 200


async def test_a_key_opens_as_bearer(caller: Caller) -> None:
    bearer = f"Bearer {caller.sim.key('alpha')}"
    assert (await caller.post(authorization=bearer, anthropic_version=NEW_VERSION))[0] == 200


async def test_the_same_key_in_both_headers_is_fine(caller: Caller) -> None:
    assert (await caller.post(**caller.good(authorization=f"Bearer {caller.sim.key('alpha')}")))[0] == 200


async def test_two_different_keys_are_refused(caller: Caller) -> None:
    assert (await caller.post(**caller.good(authorization=f"Bearer {caller.sim.key('beta')}")))[0] == 401


@pytest.mark.parametrize("headers", [{}, {"x_api_key": "sk-ant-api03-nobody"}, {"authorization": "Basic eA=="}])
async def test_an_unknown_or_missing_key_is_401_without_an_identity(caller: Caller, headers: dict[str, str]) -> None:
    status, body, answered = await caller.post(anthropic_version=OLD_VERSION, **headers)
    assert (status, body["error"]["type"]) == (401, "authentication_error")
    assert answered["request-id"] == body["request_id"]
    assert "anthropic-organization-id" not in answered


async def test_an_admin_key_opens_no_messages(caller: Caller) -> None:
    status, _, _ = await caller.post(x_api_key=admin_key_for("alpha"), anthropic_version=OLD_VERSION)
    assert status == 401


async def test_the_version_header_is_required(caller: Caller) -> None:
    status, body, _ = await caller.post(x_api_key=caller.sim.key("alpha"))
    assert (status, body["error"]["message"]) == (400, "anthropic-version: header is required")


async def test_an_unknown_version_is_refused(caller: Caller) -> None:
    assert (await caller.post(**caller.good(anthropic_version="2030-01-01")))[0] == 400


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_sampling_is_accepted_by_the_old_version_only(caller: Caller, name: str, path: str) -> None:
    body = {**REQUEST, name: 1}
    assert (await caller.post(body, path=path, **caller.good()))[0] == 200
    status, error, _ = await caller.post(body, path=path, **caller.good(anthropic_version=NEW_VERSION))
    assert (status, error["error"]["message"]) == (400, f"{name}: Extra inputs are not permitted")


async def test_the_new_version_refuses_documents_of_the_assistant(caller: Caller) -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    messages = [*REQUEST["messages"], {"role": "assistant", "content": [document]}]
    body = {**REQUEST, "messages": messages}
    assert (await caller.post(body, **caller.good()))[0] == 200
    assert (await caller.post(body, **caller.good(anthropic_version=NEW_VERSION)))[0] == 400


async def test_the_new_version_refuses_citations_in_user_text(caller: Caller) -> None:
    text = {"type": "text", "text": "x", "citations": [{"type": "char_location"}]}
    body = {**REQUEST, "messages": [{"role": "user", "content": [text]}]}
    assert (await caller.post(body, **caller.good()))[0] == 200
    assert (await caller.post(body, **caller.good(anthropic_version=NEW_VERSION)))[0] == 400


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"model": None}, "model: Input should be a valid string"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ({"max_tokens": "many"}, "max_tokens: Input should be a valid integer"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": "hi"}, "messages: Input should be a valid list"),
        ({"messages": ["hi"]}, "messages.0: Input should be an object"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages.0.role: Input should be 'user' or 'assistant'"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content: Input should be a valid list"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"tools": [{}]}, "tools.0.name: Field required"),
    ],
)
async def test_a_bad_body_is_told_what_is_wrong(caller: Caller, change: dict[str, Any], complaint: str) -> None:
    status, body, _ = await caller.post({**REQUEST, **change}, **caller.good())
    assert (status, body["error"]["type"], body["error"]["message"]) == (400, "invalid_request_error", complaint)


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"\xff"])
async def test_a_body_that_is_no_json_object_is_400(caller: Caller, raw: bytes) -> None:
    assert (await caller.post(raw, **caller.good()))[0] == 400


async def test_a_body_above_32_megabytes_is_413(caller: Caller) -> None:
    status, body, _ = await caller.post(io.BytesIO(b"x" * (32 * 1024 * 1024 + 1)), **caller.good())
    assert (status, body["error"]["type"]) == (413, "request_too_large")


async def test_an_unknown_model_is_404(alpha: Any) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        await alpha.messages.create(**{**REQUEST, "model": "claude-gherkin-1"})
    assert caught.value.api_message == "model: claude-gherkin-1"


async def test_a_forbidden_model_is_403(sim: RunningSimulator, connect: Any) -> None:
    sim.world.add_account("delta", forbidden_models=["claude-sonnet-5-5"])
    with pytest.raises(anthropic.PermissionDeniedError):
        await connect("delta").messages.create(**REQUEST)


async def test_a_path_nobody_serves_is_404_in_the_envelope(caller: Caller) -> None:
    status, body, answered = await caller.post(path="/v1/complete", **caller.good())
    assert (status, body["error"]["type"]) == (404, "not_found_error")
    assert answered["request-id"].startswith("req_")


async def test_a_query_does_not_change_the_path(caller: Caller) -> None:
    assert (await caller.post(path="/v1/messages?beta=true", **caller.good()))[0] == 200


async def test_another_workspace_cannot_be_asked_for(caller: Caller) -> None:
    other = caller.sim.world.accounts["beta"].workspace.id
    assert (await caller.post(**caller.good(anthropic_workspace_id=other)))[0] == 403


async def test_hello_says_nothing_and_is_fine(sim: RunningSimulator, http: aiohttp.ClientSession) -> None:
    async with http.head(f"{sim.url}/api/hello") as response:
        assert response.status == 200
