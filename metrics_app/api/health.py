"""``/healthz`` and ``/readyz``: for orchestrators, open to all, without secrets."""

from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from metrics_app.api.base import ApiView
from metrics_app.api.documented import operation
from metrics_app.api.errors import RETRY_AFTER
from metrics_app.outages import outages
from metrics_app.services.health import check_redis, read_parts


class OrchestratorView(ApiView):
    """Open to all, and read only; any parameter will do: balancers add their own."""

    authentication_classes = []
    permission_classes = [AllowAny]
    http_method_names = ["get", "head"]
    takes_any_parameter = True


class HealthSerializer(serializers.Serializer):
    """The process answers."""

    status = serializers.ChoiceField(["ok"])


class ReadinessSerializer(serializers.Serializer):
    """Each part by name."""

    status = serializers.ChoiceField(["ok", "unavailable"])
    parts = serializers.DictField(
        child=serializers.DictField(), help_text="`ok` of each, and what else there is to say."
    )


class HealthView(OrchestratorView):
    """Liveness."""

    @operation("show_health", "200 while the process answers at all", answers={200: HealthSerializer})
    def get(self, request):
        """Nothing is asked of anybody else."""
        return Response({"status": "ok"})


class ReadinessView(OrchestratorView):
    """Readiness."""

    @operation(
        "show_readiness",
        "Each part by name; 503 unless all are well",
        answers={200: ReadinessSerializer, 503: ReadinessSerializer},
    )
    def get(self, request):
        """The parts as they are now."""
        parts = read_parts()
        outages.see_readiness(parts)
        return answer_parts(parts)


class EmitReadinessView(OrchestratorView):
    """Readiness for points."""

    @operation(
        "show_emit_readiness",
        "Whether points are taken: needs Redis only; 503 where it does not answer",
        description="For balancers in front of emitters: 200 also while the database, beat or a worker is "
        "away, for points are taken then and judged later.",
        answers={200: ReadinessSerializer, 503: ReadinessSerializer},
    )
    def get(self, request):
        """The one part that taking points stands on."""
        return answer_parts({"redis": check_redis()})


def answer_parts(parts):
    """The answer for parts: 200 where all are well, else 503 with when to ask again."""
    ready = all(part["ok"] for part in parts.values())
    answer = {"status": "ok" if ready else "unavailable", "parts": parts}
    headers = {} if ready else {"Retry-After": str(RETRY_AFTER)}
    return Response(answer, status=200 if ready else 503, headers=headers)
