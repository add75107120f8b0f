"""Who may use what over REST: each view class, each of its actions, and the ability it takes.

This is the only place that says so, and what is not here is closed. Which roles and scopes give an ability stands in
`accounts.roles`.
"""

from collections.abc import Mapping
from typing import Any, Final

from rest_framework.views import APIView

from accounts.api.access_keys import AccessKeyViewSet
from accounts.api.accounts import AccountViewSet
from accounts.api.pools import PoolViewSet
from accounts.api.trial import AccountTrialViewSet
from accounts.roles import Ability
from nubabel.api_docs import DocsView, SchemaView
from quota.api.activities import ActivityViewSet
from quota.api.alerts import AccountAlertViewSet, AlertViewSet
from quota.api.live import AccountLiveViewSet
from quota.api.room import QuotaView
from quota.api.select import SelectView
from quota.api.sync import AccountSyncViewSet

READ, OPERATE, MANAGE = Ability.READ, Ability.OPERATE, Ability.MANAGE

_SEEN: Final = {"list": READ, "retrieve": READ}
_ORDERS: Final = dict.fromkeys(("reset_circuit", "force_open", "force_close", "clear_cool_down"), OPERATE)
_KEPT: Final = {**_SEEN, **dict.fromkeys(("create", "update", "partial_update", "destroy"), MANAGE)}

RIGHTS: Final[Mapping[type[APIView], Mapping[str, Ability]]] = {
    AccountViewSet: {**_KEPT, "enable": OPERATE, "disable": OPERATE},
    AccountLiveViewSet: {**_ORDERS, "health": READ, "usage": READ},
    AccountTrialViewSet: {"test": OPERATE},
    PoolViewSet: _KEPT,
    AccessKeyViewSet: {**_SEEN, **dict.fromkeys(("create", "partial_update", "revoke"), MANAGE)},
    AccountAlertViewSet: {"alerts": READ},
    AccountSyncViewSet: {"sync": MANAGE},
    AlertViewSet: {**_SEEN, "acknowledge": OPERATE},
    ActivityViewSet: _SEEN,
    QuotaView: {"get": READ},
    SelectView: {"post": READ},
    SchemaView: {"get": READ},
    DocsView: {"get": READ},
}


def needed(view: Any, method: str) -> frozenset[Ability]:  # noqa: ANN401 - any view
    """The abilities of which one is needed; none: nobody may.

    A method that the view does not have is answered with 405, to those who may do anything at all there.
    """
    declared = RIGHTS.get(type(view), {})
    named = getattr(view, "action", None) or {"HEAD": "get"}.get(method, method.lower())
    if named in declared:
        return frozenset({declared[named]})
    return frozenset() if hasattr(view, str(named)) else frozenset(declared.values())
