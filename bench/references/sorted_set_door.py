"""The sorted-set design behind the same HTTP door: a plain Django view on the same Daphne.

It checks neither key nor limits nor fields, only that the body is JSON, which
favours the reference.
"""

import json

import redis
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from bench.references.sorted_set import add_many

client = redis.Redis.from_url(settings.REDIS_URL)


@require_POST
def post_points(request):
    """Takes a list of points, or columns, and answers once Redis has them."""
    body = json.loads(request.body)
    if isinstance(body, dict):
        rows = zip(body["ts"], body["values"], strict=True)
        points = [(body["topic"], ts, value) for ts, value in rows]
    else:
        points = [(point["topic"], point["ts"], point["value"]) for point in body]
    add_many(client, points)
    return JsonResponse({"accepted": len(points)}, status=202)


urlpatterns = [path("api/v1/points/", post_points)]
application = get_asgi_application()
