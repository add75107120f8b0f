"""The management API's addresses of this app. A slash at the end is welcome and not needed."""

from rest_framework.routers import SimpleRouter

from accounts.api.access_keys import AccessKeyViewSet
from accounts.api.accounts import AccountViewSet
from accounts.api.pools import PoolViewSet
from accounts.api.trial import AccountTrialViewSet

router = SimpleRouter()
router.trailing_slash = "/?"
router.register("api/admin/accounts", AccountViewSet, basename="api-account")
router.register("api/admin/accounts", AccountTrialViewSet, basename="api-account-trial")
router.register("api/admin/pools", PoolViewSet, basename="api-pool")
router.register("api/admin/access-keys", AccessKeyViewSet, basename="api-access-key")

urlpatterns = router.urls
