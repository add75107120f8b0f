"""Which route is served by whom."""

from simulator import batches, files, messages, models, skills
from simulator.admin import analytics, directory, limits, reports
from simulator.front import MEGABYTE, AdminEndpoint, Endpoint

_BATCH = "/v1/messages/batches"
_ORGANIZATION = "/v1/organizations"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v1/messages", "messages", messages.create),
    Endpoint("POST", "/v1/messages/count_tokens", "count_tokens", messages.count),
    Endpoint("GET", "/v1/models", "models", models.listing),
    Endpoint("GET", "/v1/models/{model}", "models", models.retrieve),
    Endpoint("POST", _BATCH, "batches", batches.create, limit=256 * MEGABYTE),
    Endpoint("GET", _BATCH, "batches", batches.listing),
    Endpoint("GET", _BATCH + "/{batch}", "batches", batches.retrieve),
    Endpoint("DELETE", _BATCH + "/{batch}", "batches", batches.delete),
    Endpoint("POST", _BATCH + "/{batch}/cancel", "batches", batches.cancel),
    Endpoint("GET", _BATCH + "/{batch}/results", "batches", batches.results),
    Endpoint("POST", "/v1/files", "files", files.upload, limit=500 * MEGABYTE),
    Endpoint("GET", "/v1/files", "files", files.listing),
    Endpoint("GET", "/v1/files/{file}", "files", files.metadata),
    Endpoint("GET", "/v1/files/{file}/content", "files", files.content),
    Endpoint("DELETE", "/v1/files/{file}", "files", files.delete),
    Endpoint("POST", "/v1/skills", "skills", skills.create),
    Endpoint("GET", "/v1/skills", "skills", skills.listing),
    Endpoint("GET", "/v1/skills/{skill}", "skills", skills.retrieve),
    Endpoint("DELETE", "/v1/skills/{skill}", "skills", skills.delete),
    Endpoint("GET", "/v1/skills/{skill}/versions", "skills", skills.versions),
    Endpoint("GET", "/v1/skills/{skill}/versions/{version}", "skills", skills.version),
)

_WORKSPACE = _ORGANIZATION + "/workspaces/{workspace}"

ADMIN_ENDPOINTS: tuple[AdminEndpoint, ...] = (
    AdminEndpoint("GET", _ORGANIZATION + "/me", directory.me),
    AdminEndpoint("GET", _ORGANIZATION + "/api_keys", directory.keys),
    AdminEndpoint("GET", _ORGANIZATION + "/api_keys/{key}", directory.key),
    AdminEndpoint("POST", _ORGANIZATION + "/api_keys/{key}", directory.update_key),
    AdminEndpoint("GET", _ORGANIZATION + "/workspaces", directory.workspaces),
    AdminEndpoint("POST", _ORGANIZATION + "/workspaces", directory.create_workspace),
    AdminEndpoint("GET", _WORKSPACE, directory.workspace),
    AdminEndpoint("POST", _WORKSPACE, directory.update_workspace),
    AdminEndpoint("POST", _WORKSPACE + "/archive", directory.archive_workspace),
    AdminEndpoint("GET", _WORKSPACE + "/rate_limits", limits.workspace_limits),
    AdminEndpoint("POST", _WORKSPACE + "/rate_limits/{limit}", limits.update_workspace_limits),
    AdminEndpoint("GET", _ORGANIZATION + "/rate_limits", limits.organization_limits),
    AdminEndpoint("GET", _ORGANIZATION + "/spend_limits", limits.spend_limits),
    AdminEndpoint("GET", _ORGANIZATION + "/usage_report/messages", reports.messages_usage),
    AdminEndpoint("GET", _ORGANIZATION + "/usage_report/claude_code", reports.claude_code),
    AdminEndpoint("GET", _ORGANIZATION + "/cost_report", reports.cost),
    AdminEndpoint("GET", _ORGANIZATION + "/analytics/usage", analytics.usage),
    AdminEndpoint("GET", _ORGANIZATION + "/analytics/cost", analytics.cost),
)
