"""Stock Channels: one consumer per socket, every socket a member of one group.

As in the Channels tutorial: `connect` adds the socket to the group, a
`group_send` reaches each member's own receive loop, and each member encodes
and sends its frame. The frame is the one this project sends. Nobody is
authenticated and no topic is filtered, which favours the reference.

Served with `DJANGO_SETTINGS_MODULE=bench.references.settings`.
"""

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

GROUP = "stock"


class StockConsumer(AsyncJsonWebsocketConsumer):
    """One of a thousand."""

    async def connect(self):
        """Joins the group first, so that an accepted socket misses nothing."""
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        """Leaves the group."""
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def points(self, event):
        """Sends the frame of one `group_send`."""
        await self.send_json(event["frame"])


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("ws/metrics/", StockConsumer.as_asgi())]),
    }
)
