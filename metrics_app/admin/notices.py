"""Notices: who was told what, when, and what came of it. To be read."""

from django.contrib import admin, messages

from metrics_app.admin.breaches import DELETES_THRESHOLDS
from metrics_app.admin.cells import shorten, write_ms, write_time
from metrics_app.admin.visible import VisibleAdmin
from metrics_app.models import Notice
from metrics_app.services.notices import try_again

SHOWN = 60  # characters of a text in a cell
SHAPES = {"sent": "✓", "withheld": "–", "failed": "✕", "": "…"}


class OutcomeFilter(admin.SimpleListFilter):
    """By what came of it."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request, model_admin):
        """The outcomes, and those that wait for one."""
        return [("waiting", "waiting"), *Notice.Outcome.choices]

    def queryset(self, request, queryset):
        """Notices with the chosen outcome."""
        if self.value() is None:
            return queryset
        return queryset.filter(outcome="" if self.value() == "waiting" else self.value())


@admin.register(Notice)
class NoticeAdmin(VisibleAdmin):
    """Nothing here can be edited; what was given up can be tried again."""

    topic_path = "breach__threshold__kpi__topic"
    list_display = ["id", "told", "event", "name", "result", "written", "tries", "why"]
    list_filter = [OutcomeFilter, "event", "receiver"]
    list_select_related = ["receiver", "breach__threshold__kpi"]
    search_fields = ["receiver__name", "receiver_name", "breach__threshold__kpi__topic", "error"]
    actions = ["try_again"]
    fields = readonly_fields = [
        *("told", "breach", "event", "slot", "text", "written", "result", "tries", "why", "message"),
    ]

    def has_add_permission(self, request):
        """Breaches make them."""
        return False

    def has_change_permission(self, request, obj=None):
        """History does not change; the list's action needs the permission."""
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        """They go with their threshold; who was told stays when the receiver goes."""
        return request.resolver_match.url_name in DELETES_THRESHOLDS

    @admin.display(description="receiver", ordering="receiver__name")
    def told(self, notice):
        """Its name."""
        return notice.told if notice.receiver else f"{notice.told} (deleted)"

    @admin.display(description="threshold", ordering="breach__threshold__kpi__topic")
    def name(self, notice):
        """The threshold, in a cell."""
        return shorten(str(notice.breach.threshold), SHOWN) if notice.breach else "–"

    @admin.display(description="outcome", ordering="done_at")
    def result(self, notice):
        """Shape, word and time."""
        words = f"{SHAPES[notice.outcome]} {notice.outcome or 'waiting'}"
        return f"{words} {write_time(notice.done_at)}" if notice.done_at else words

    @admin.display(description="written", ordering="created_at")
    def written(self, notice):
        """When the row was written."""
        return write_time(notice.created_at)

    @admin.display(description="told of")
    def slot(self, notice):
        """The slot."""
        return write_ms(notice.at)

    @admin.display(description="attempts", ordering="attempts")
    def tries(self, notice):
        """How often, and when it is tried again."""
        if notice.done_at or not notice.attempts:
            return str(notice.attempts)
        return f"{notice.attempts}, again {write_time(notice.try_after)}"

    @admin.display(description="why", ordering="error")
    def why(self, notice):
        """Why it failed or was withheld."""
        return shorten(notice.error, SHOWN) or "–"

    @admin.action(description="Try again (those that were given up)", permissions=["change"])
    def try_again(self, request, queryset):
        """Puts what was given up back in the queue."""
        number = try_again(queryset)
        self.message_user(request, f"{number} will be tried again at once.", messages.SUCCESS)
