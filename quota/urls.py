"""The management API's addresses of this app. A slash at the end is welcome and not needed."""

from django.urls import re_path
from rest_framework.routers import SimpleRouter

from quota.api.activities import ActivityViewSet
from quota.api.alerts import AccountAlertViewSet, AlertViewSet
from quota.api.live import AccountLiveViewSet
from quota.api.room import QuotaView
from quota.api.select import SelectView
from quota.api.sync import AccountSyncViewSet

router = SimpleRouter()
router.trailing_slash = "/?"
router.register("api/admin/accounts", AccountLiveViewSet, basename="api-account-live")
router.register("api/admin/accounts", AccountAlertViewSet, basename="api-account-alert")
router.register("api/admin/accounts", AccountSyncViewSet, basename="api-account-sync")
router.register("api/admin/alerts", AlertViewSet, basename="api-alert")
router.register("api/admin/activities", ActivityViewSet, basename="api-activity")

urlpatterns = [
    re_path(r"^api/quota/?$", QuotaView.as_view(), name="api-quota"),
    re_path(r"^api/admin/select/?$", SelectView.as_view(), name="api-select"),
    *router.urls,
]
