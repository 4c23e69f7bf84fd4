"""What people ask for by hand: a test, sent at once, and another attempt at what was given up."""

import uuid

from django.utils import timezone

from metrics_app.core.moments import to_ms
from metrics_app.exceptions import DeliveryFailed
from metrics_app.models import Notice
from metrics_app.services.notices.kinds import carry
from metrics_app.services.notices.messages import describe
from metrics_app.services.notices.stamps import fail, succeed
from metrics_app.services.notices.turns import CLAIM, wake


def send_test(receiver, *, by, now=None):
    """Sends a test to a receiver, also to one that is switched off; the ``Notice`` with its outcome.

    It is tried once: the answer is there to be read. What waits for a receiver that was down follows at
    once where it arrives.
    """
    moment = now or timezone.now()
    row = Notice.objects.create(
        receiver=receiver,
        event=Notice.Event.TEST,
        at=to_ms(moment),
        text=f"A test that {by.get_username()} asked for: nothing has happened.",
        message=uuid.uuid4(),
        attempts=1,
        try_after=moment + CLAIM,
    )
    parcel = describe(receiver, row.message, [row], [])
    try:
        way = carry(parcel)
    except DeliveryFailed as error:
        fail(receiver, [row], error, moment)
    else:
        succeed(parcel, way, moment)
        wake([receiver.pk], moment)
    row.refresh_from_db()
    receiver.refresh_from_db()
    return row


def try_again(rows, *, now=None):
    """Puts notices that were given up back in the queue; how many. Their message keeps its name.

    Their receivers are asked at once, also where they are down.
    """
    moment = now or timezone.now()
    ids = list(rows.values_list("pk", flat=True))
    known = Notice.objects.filter(pk__in=ids, receiver__isnull=False, breach__isnull=False)
    failed = known.filter(outcome=Notice.Outcome.FAILED)
    receivers = list(failed.order_by().values_list("receiver", flat=True).distinct())
    number = failed.update(done_at=None, outcome="", attempts=0, try_after=moment)
    wake(receivers, moment)
    return number
