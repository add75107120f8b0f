"""The management API's addresses of this app. A slash at the end is welcome and not needed."""

from django.urls import re_path
from rest_framework.routers import SimpleRouter

from quota.api.activities import ActivityViewSet
from quota.api.live import AccountLiveViewSet
from quota.api.room import QuotaView
from quota.api.select import SelectView

router = SimpleRouter()
router.trailing_slash = "/?"
router.register("api/admin/accounts", AccountLiveViewSet, basename="api-account-live")
router.register("api/admin/activities", ActivityViewSet, basename="api-activity")

urlpatterns = [
    re_path(r"^api/quota/?$", QuotaView.as_view(), name="api-quota"),
    re_path(r"^api/admin/select/?$", SelectView.as_view(), name="api-select"),
    *router.urls,
]
