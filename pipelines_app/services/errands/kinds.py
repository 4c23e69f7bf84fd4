"""Every kind of errand by its name; adding one is a line here and a file beside this one."""

from pipelines_app.core.errands import Kind
from pipelines_app.core.states import OPEN, State
from pipelines_app.queries.unless import WATCH
from pipelines_app.services.errands import measure, watch
from pipelines_app.services.errands.act import BEHIND as BEHIND_ORDERS
from pipelines_app.services.errands.act import carry_out, give_up, name_place, wait_for_orders
from pipelines_app.services.errands.answer import answer
from pipelines_app.services.errands.deadlines import ESCALATE, REMIND, escalate, remind
from pipelines_app.services.errands.figures import emit_figure
from pipelines_app.services.errands.mail import BEHIND as BEHIND_MAILS
from pipelines_app.services.errands.mail import send_mail, tail, wait_for_mails
from pipelines_app.services.errands.plan import ACT, ANSWER, FIGURE, MAIL, MEASURE

KINDS = {
    # As a row of the chain it must be heard of, however long whoever listens is away.
    ANSWER: Kind(answer, frozenset(State), attempts=8_000),
    ACT: Kind(
        carry_out,
        frozenset({State.APPROVED, State.EXECUTING}),
        give_up,
        place=name_place,
        behind=BEHIND_ORDERS,
        waits=wait_for_orders,
    ),
    REMIND: Kind(remind, OPEN),
    ESCALATE: Kind(escalate, OPEN),
    MAIL: Kind(send_mail, OPEN, place=tail, behind=BEHIND_MAILS, waits=wait_for_mails),
    # A bus may be away for as long; what was undone is another version, and waits.
    FIGURE: Kind(emit_figure, frozenset(State) - OPEN, attempts=8_000),
    # A project that cannot be read may be away for long: half a year of attempts.
    MEASURE: Kind(measure.judge, frozenset({State.MEASURING}), measure.give_up, attempts=8_000),
    WATCH: Kind(watch.look, frozenset({State.REJECTED}), watch.give_up, attempts=8_000),
}
