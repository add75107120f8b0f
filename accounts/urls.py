"""The management API's addresses of this app. A slash at the end is welcome and not needed."""

from rest_framework.routers import SimpleRouter

from accounts.api.accounts import AccountViewSet
from accounts.api.pools import PoolViewSet

router = SimpleRouter()
router.trailing_slash = "/?"
router.register("api/admin/accounts", AccountViewSet, basename="api-account")
router.register("api/admin/pools", PoolViewSet, basename="api-pool")

urlpatterns = router.urls
