"""Event streams as a client meets them, on both servers."""

import pytest

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_sends_every_point_once_and_goes_on_where_the_client_left(
    server, read_key, emit_now, in_thread
):
    bearer = {"Authorization": f"Bearer {read_key}"}
    await in_thread(emit_now, "er.wait", [1.0])
    async with server.stream("topic=er.wait", **bearer) as events:
        await in_thread(emit_now, "er.wait", [2.0, 3.0])
        assert [value for _, value in await events.take(2)] == [2.0, 3.0]
    await in_thread(emit_now, "er.wait", [4.0])
    async with server.stream("topic=er.wait", **bearer, **{"Last-Event-ID": events.last_id}) as events:
        await in_thread(emit_now, "er.wait", [5.0])
        assert [value for _, value in await events.take(2)] == [4.0, 5.0]
