"""`/webhook_endpoints/{id}/replay` and what became of it."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from credentials.api.authentication import integrator
from credentials.api.bodies import unwrapped
from credentials.api.idempotency import idempotent
from credentials.api.pagination import PageQuery, answer_page
from credentials.scopes import Scope
from webhooks import replays
from webhooks.api import lookups
from webhooks.shapes import ReplayInput, ReplayJson


class NewReplay(APIView):
    """The past of an endpoint, once more."""

    required_scopes = {"POST": Scope.WEBHOOK}

    @extend_schema(operation_id="replayWebhooks", request=ReplayInput, responses={202: ReplayJson})
    @idempotent
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Send what happened in a stretch of time again, with the same message ids, little by little."""
        endpoint = lookups.find_endpoint(request, endpoint_id)
        sent = ReplayInput(data=unwrapped(request, "replay"))
        sent.is_valid(raise_exception=True)
        asked = {**sent.validated_data}
        if "credential_id" in asked:
            asked["credential"] = lookups.named_credential(request, asked.pop("credential_id"))
        replay = replays.start_replay(endpoint, actor=integrator(request).actor, **asked)
        return Response(ReplayJson(replay).data, 202)


class Replays(APIView):
    """The replays to an endpoint."""

    required_scopes = {"GET": Scope.WEBHOOK}

    @extend_schema(operation_id="listWebhookReplays", parameters=[PageQuery], responses=ReplayJson(many=True))
    def get(self, request: Request, endpoint_id: str) -> Response:
        """List the replays to an endpoint, newest first."""
        rows = lookups.replays(lookups.find_endpoint(request, endpoint_id))
        return answer_page(rows, request=request, shape=ReplayJson)


class OneReplay(APIView):
    """One replay."""

    required_scopes = {"GET": Scope.WEBHOOK}

    @extend_schema(operation_id="getWebhookReplay", responses=ReplayJson)
    def get(self, request: Request, endpoint_id: str, replay_id: str) -> Response:
        """Show how far a replay has come."""
        return Response(ReplayJson(lookups.find_replay(request, endpoint_id, replay_id)).data)


class ReplayCancellation(APIView):
    """The end of a replay before its time."""

    required_scopes = {"POST": Scope.WEBHOOK}

    @extend_schema(operation_id="cancelWebhookReplay", request=None, responses=ReplayJson)
    @idempotent
    def post(self, request: Request, endpoint_id: str, replay_id: str) -> Response:
        """Cancel a replay: nothing more is queued, and what has been queued is sent."""
        replay = lookups.find_replay(request, endpoint_id, replay_id)
        replay = replays.cancel_replay(replay, actor=integrator(request).actor)
        return Response(ReplayJson(replay).data)
