"""Orders to accounts: for many from the list, for one from its page. Both are one call of `gateway.operating`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.decorators import action

from gateway.operating import Order, Told, operate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from accounts.models import ClaudeAccount

BUTTONS: Final = (
    (Order.TEST, "Test the key"),
    (Order.SYNC, "Sync now"),
    (Order.RESET_CIRCUIT, "Reset circuit"),
    (Order.CLEAR_COOL_DOWN, "Clear cool-down"),
    (Order.FORCE_OPEN, "Force open"),
    (Order.FORCE_CLOSED, "Force closed"),
)
_SHOWN: Final = 10
"""Messages of many orders; the rest is counted."""
_PERMISSIONS: Final = ("operate",)


class AccountOrders:
    """A part of the admin class."""

    admin_site: Any
    message_user: Any

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.operate_claudeaccount")

    def order_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.order_view)
        return [path("<uuid:object_id>/order/", view, name="accounts_claudeaccount_order")]

    def order_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:  # noqa: ANN401 - a UUID
        """Carry out what one of the page's buttons says, and go back to the page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_operate_permission(request):
            raise PermissionDenied
        account = self.get_object(request, str(object_id))  # type: ignore[attr-defined] # ModelAdmin's
        if account is None or request.POST.get("order") not in set(Order):
            raise Http404
        self.tell(request, operate([account], Order(request.POST["order"]), actor=request.user.get_username()))
        return HttpResponseRedirect(reverse("admin:accounts_claudeaccount_change", args=[object_id]))

    def tell(self, request: HttpRequest, results: Iterable[Told]) -> None:
        """Say what became of orders, what went wrong first."""
        told = sorted(results, key=lambda one: one.ok)
        for one in told[:_SHOWN]:
            self.message_user(request, one.text, messages.SUCCESS if one.ok else messages.ERROR)
            if one.warning:
                self.message_user(request, one.warning, messages.WARNING)
        if rest := told[_SHOWN:]:
            failed = sum(not one.ok for one in rest)
            self.message_user(request, f"{len(rest)} more: {len(rest) - failed} done, {failed} not.", messages.INFO)

    def _carry_out(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount], order: Order) -> None:
        chosen = list(accounts.select_related("pool").order_by("name"))
        self.tell(request, operate(chosen, order, actor=request.user.get_username()))

    @action(description="Enable", permissions=_PERMISSIONS)  # type: ignore[untyped-decorator]
    def enable_accounts(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        self._carry_out(request, accounts, Order.ENABLE)

    @action(description="Disable (history and usage stay)", permissions=_PERMISSIONS)  # type: ignore[untyped-decorator]
    def disable_accounts(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        self._carry_out(request, accounts, Order.DISABLE)

    @action(description="Test the keys (counts a few tokens, free)", permissions=_PERMISSIONS)  # type: ignore[untyped-decorator]
    def test_keys(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        self._carry_out(request, accounts, Order.TEST)

    @action(description="Sync now: ask Anthropic for limits, usage and cost", permissions=_PERMISSIONS)  # type: ignore[untyped-decorator]
    def sync_now(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        self._carry_out(request, accounts, Order.SYNC)

    @action(description="Reset circuit: close and go by what happens", permissions=_PERMISSIONS)  # type: ignore[untyped-decorator]
    def reset_circuits(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        self._carry_out(request, accounts, Order.RESET_CIRCUIT)

    @action(description="Clear cool-down", permissions=_PERMISSIONS)  # type: ignore[untyped-decorator]
    def clear_cool_downs(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        self._carry_out(request, accounts, Order.CLEAR_COOL_DOWN)

    @action(description="Force open: use for nothing", permissions=_PERMISSIONS)  # type: ignore[untyped-decorator]
    def force_open(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        self._carry_out(request, accounts, Order.FORCE_OPEN)

    @action(description="Force closed: use whatever happens", permissions=_PERMISSIONS)  # type: ignore[untyped-decorator]
    def force_closed(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        self._carry_out(request, accounts, Order.FORCE_CLOSED)
