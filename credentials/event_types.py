"""The names of everything that is recorded."""

from __future__ import annotations

from django.db.models import TextChoices


class EventType(TextChoices):
    """What happened. Webhooks carry the `credential.` and `security.` types and their own test."""

    CREDENTIAL_CREATED = "credential.created"
    CREDENTIAL_URL_ISSUED = "credential.url_issued"
    CREDENTIAL_ADDED_TO_WALLET = "credential.added_to_wallet"
    CREDENTIAL_REMOVED_FROM_WALLET = "credential.removed_from_wallet"
    CREDENTIAL_SUSPENDED = "credential.suspended"
    CREDENTIAL_RESUMED = "credential.resumed"
    CREDENTIAL_EXPIRED = "credential.expired"
    CREDENTIAL_REVOKED = "credential.revoked"
    SECURITY_SUSPICIOUS_ACTIVITY = "security.suspicious_activity"
    WEBHOOK_TEST = "webhook.test"
    # For the audit trail only.
    CREDENTIAL_UPDATED = "credential.updated"
    CREDENTIAL_REOPENED = "credential.reopened"
    CREDENTIAL_MAIL_SENT = "credential.mail_sent"
    CREDENTIAL_MAIL_FAILED = "credential.mail_failed"
    PERSON_CREATED = "person.created"
    PERSON_UPDATED = "person.updated"
    PERSON_DISABLED = "person.disabled"
    PERSON_ENABLED = "person.enabled"
    PERSON_DELETED = "person.deleted"
    PEOPLE_IMPORTED = "people.imported"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_UPDATED = "account.updated"
    BRANDING_UPDATED = "branding.updated"
    CREDENTIAL_TYPE_CREATED = "credential_type.created"
    CREDENTIAL_TYPE_UPDATED = "credential_type.updated"
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    APPLE_IDENTITY_IMPORTED = "apple_identity.imported"
    APPLE_IDENTITY_EXPIRING = "apple_identity.expiring"
    GOOGLE_ISSUER_IMPORTED = "google_issuer.imported"
    GOOGLE_ISSUER_REFUSED = "google_issuer.refused"
    WEBHOOK_ENDPOINT_CREATED = "webhook_endpoint.created"
    WEBHOOK_ENDPOINT_UPDATED = "webhook_endpoint.updated"
    WEBHOOK_ENDPOINT_DELETED = "webhook_endpoint.deleted"
    WEBHOOK_ENDPOINT_DISABLED = "webhook_endpoint.disabled"
    WEBHOOK_ENDPOINT_FAILING = "webhook_endpoint.failing"
    WEBHOOK_ENDPOINT_RECOVERED = "webhook_endpoint.recovered"
    WEBHOOK_SECRET_ROTATED = "webhook_endpoint.secret_rotated"
    WEBHOOK_DELIVERY_RETRIED = "webhook_endpoint.delivery_retried"
    WEBHOOK_REPLAY_STARTED = "webhook_endpoint.replay_started"
    WEBHOOK_REPLAY_CANCELLED = "webhook_endpoint.replay_cancelled"


PUBLIC_EVENT_TYPES: tuple[EventType, ...] = tuple(EventType)[:10]
