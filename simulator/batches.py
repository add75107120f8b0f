"""Message batches. Requests of a batch are done one after another by the world's clock, evenly over its duration."""

import json
from collections.abc import Mapping
from typing import Any

from simulator import messages, tokens
from simulator.cache import CachePlan
from simulator.errors import ApiError, InvalidRequest, NotFound, envelope
from simulator.paging import by_id
from simulator.parties import Account
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply
from simulator.things import Batch
from simulator.validation import check_message, json_object, version_of
from simulator.world import World

MOST_REQUESTS = 100_000

Json = Mapping[str, Any]


def finish_due(world: World) -> None:
    """Work off every batch whose end has come; the bills fall due then."""
    now = world.clock.now()
    for batch in world.batches.every():
        if batch.results is None and now >= batch.ended_at:
            batch.results = _results(world, batch)


def _results(world: World, batch: Batch) -> list[Json]:
    account = world.accounts[batch.account]
    done = batch.done_by(batch.ended_at)
    return [
        {
            "custom_id": request["custom_id"],
            "result": _result(world, account, batch, request["params"]) if index < done else {"type": "canceled"},
        }
        for index, request in enumerate(batch.requests)
    ]


def _result(world: World, account: Account, batch: Batch, params: Json) -> Json:
    try:
        check_message(params, version=batch.version)
        model = messages.model_for(world, account, str(params["model"]))
    except ApiError as error:
        body = envelope(type=error.type, message=error.message, request_id=world.ids.new("req"), code=error.code)
        return {"type": "errored", "error": body}
    plan = CachePlan(uncached=tokens.of_request(params))
    served = messages.serve(world, account, messages.Work(model, params, plan, batch=True))
    world.settle(account, served.bill, at=batch.ended_at)
    return {"type": "succeeded", "message": served.message}


def create(world: World, account: Account, incoming: Incoming) -> Reply:
    """Accept a batch. Raises InvalidRequest for a list that is empty, too long, or repeats a custom_id."""
    requests = json_object(incoming.body).get("requests")
    if not isinstance(requests, list) or not requests:
        raise InvalidRequest("requests: at least one request is required")
    if len(requests) > MOST_REQUESTS:
        raise InvalidRequest(f"requests: at most {MOST_REQUESTS} requests are allowed")
    _check_requests(requests)
    messages.check_money(world, account)
    batch = Batch(
        id=world.ids.new("msgbatch"),
        workspace_id=account.workspace.id,
        account=account.name,
        version=version_of(incoming.headers),
        created_at=world.clock.now(),
        duration=world.batch_seconds,
        requests=requests,
    )
    world.batches.put(batch)
    return _answer(world, batch, incoming)


def _check_requests(requests: list[Any]) -> None:
    seen: set[str] = set()
    for index, request in enumerate(requests):
        if not isinstance(request, dict) or not isinstance(request.get("custom_id"), str):
            raise InvalidRequest(f"requests.{index}.custom_id: Field required")
        if not isinstance(request.get("params"), dict):
            raise InvalidRequest(f"requests.{index}.params: Field required")
        if request["custom_id"] in seen:
            raise InvalidRequest(f"requests.{index}.custom_id: Duplicate custom_id {request['custom_id']}")
        seen.add(request["custom_id"])


def _answer(world: World, batch: Batch, incoming: Incoming) -> Reply:
    finish_due(world)
    return json_reply(batch.row(world.clock.now(), incoming.origin))


def _find(world: World, account: Account, incoming: Incoming) -> Batch:
    finish_due(world)
    return world.batches.get(incoming.params["batch"], workspace_id=account.workspace.id)


def retrieve(world: World, account: Account, incoming: Incoming) -> Reply:
    """Give one batch."""
    return _answer(world, _find(world, account, incoming), incoming)


def listing(world: World, account: Account, incoming: Incoming) -> Reply:
    """List the workspace's batches, newest first."""
    finish_due(world)
    now = world.clock.now()
    rows = [batch.row(now, incoming.origin) for batch in world.batches.of(account.workspace.id)]
    return json_reply(by_id(rows, incoming))


def cancel(world: World, account: Account, incoming: Incoming) -> Reply:
    """Stop a batch; what is done stays done. Raises InvalidRequest when it has ended."""
    batch = _find(world, account, incoming)
    if batch.results is not None:
        raise InvalidRequest(f"Batch {batch.id} has already ended and cannot be canceled")
    batch.cancelled_at = batch.cancelled_at or world.clock.now()
    return _answer(world, batch, incoming)


def delete(world: World, account: Account, incoming: Incoming) -> Reply:
    """Delete a batch that has ended. Raises InvalidRequest while it runs."""
    batch = _find(world, account, incoming)
    if batch.results is None:
        raise InvalidRequest(f"Batch {batch.id} cannot be deleted while it is processing")
    world.batches.remove(batch.id, workspace_id=batch.workspace_id)
    return json_reply({"id": batch.id, "type": "message_batch_deleted"})


def results(world: World, account: Account, incoming: Incoming) -> Reply:
    """Give the results as JSON lines. Raises NotFound before the end."""
    batch = _find(world, account, incoming)
    if batch.results is None:
        raise NotFound(f"Batch {batch.id} has no available results")
    lines = "".join(json.dumps(result) + "\n" for result in batch.results)
    return Reply(200, {"content-type": "application/x-jsonl"}, (lines.encode(),))
