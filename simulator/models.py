"""GET /v1/models and /v1/models/{id}."""

from typing import Any

from simulator.catalogue import MODELS, Model, find, lifecycle
from simulator.errors import NotFound
from simulator.paging import by_id
from simulator.parties import Account
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply
from simulator.world import World

_YES = {"supported": True}
_NO = {"supported": False}
_CAPABILITIES = {
    "batch": _YES,
    "citations": _YES,
    "code_execution": _YES,
    "context_management": {"supported": True},
    "effort": {"supported": True, "low": _YES, "medium": _YES, "high": _YES, "max": _YES},
    "image_input": _YES,
    "pdf_input": _YES,
    "server_tools": {"supported": True, "code_execution": _YES, "web_search": _YES},
    "structured_outputs": _YES,
    "thinking": {
        "supported": True,
        "types": {"adaptive": _YES, "between_tools": _YES, "disabled": _YES, "enabled": _NO},
    },
}


def _row(model: Model, now: float) -> dict[str, Any]:
    ends = f"{model.retires_at}T00:00:00Z" if model.retires_at else None
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "created_at": f"{model.created_at}T00:00:00Z",
        "line": model.line,
        "lifecycle": lifecycle(model, now),
        "deprecated_at": f"{model.deprecated_at}T00:00:00Z" if model.deprecated_at else None,
        "retires_at": ends,
        "max_input_tokens": model.max_input_tokens,
        "max_tokens": model.max_tokens,
        "capabilities": _CAPABILITIES,
    }


def listing(world: World, _account: Account, incoming: Incoming) -> Reply:
    """List the models not retired (or those of the lifecycles asked for), newest first."""
    now = world.clock.now()
    wanted = set(incoming.every("lifecycle")) or {"active", "deprecated"}
    rows = [_row(model, now) for model in MODELS.values()]
    return json_reply(by_id([row for row in rows if row["lifecycle"] in wanted], incoming))


def retrieve(world: World, _account: Account, incoming: Incoming) -> Reply:
    """Give one model, by id or alias. Raises NotFound."""
    name = incoming.params["model"]
    model = find(name)
    if model is None:
        raise NotFound(f"model: {name}")
    return json_reply(_row(model, world.clock.now()))
