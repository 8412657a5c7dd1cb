"""The addresses of webhooks in the API, relative to `/api/v3/`."""

from __future__ import annotations

from django.urls import path

from webhooks import api

urlpatterns = [
    path("webhook_endpoints", api.Endpoints.as_view()),
    path("webhook_endpoints/<slug:endpoint_id>", api.OneEndpoint.as_view()),
    path("webhook_endpoints/<slug:endpoint_id>/rotate_secret", api.SecretRotation.as_view()),
    path("webhook_endpoints/<slug:endpoint_id>/test", api.EndpointTest.as_view()),
    path("webhook_endpoints/<slug:endpoint_id>/deliveries", api.DeliveriesOfEndpoint.as_view()),
    path("webhook_endpoints/<slug:endpoint_id>/replay", api.NewReplay.as_view()),
    path("webhook_endpoints/<slug:endpoint_id>/replays", api.Replays.as_view()),
    path("webhook_endpoints/<slug:endpoint_id>/replays/<slug:replay_id>", api.OneReplay.as_view()),
    path(
        "webhook_endpoints/<slug:endpoint_id>/replays/<slug:replay_id>/cancel",
        api.ReplayCancellation.as_view(),
    ),
    path("deliveries/<slug:delivery_id>", api.OneDelivery.as_view()),
    path("deliveries/<slug:delivery_id>/retry", api.DeliveryRetry.as_view()),
]
