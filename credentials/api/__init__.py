"""The REST API v3: people, credential types, credentials and events."""
