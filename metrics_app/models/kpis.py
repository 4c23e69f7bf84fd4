"""The registry of KPIs and the keys of programs."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from metrics_app.core.aggregates import list_choices
from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput


def validate_topic(topic):
    """Django's form of ``check_topic``."""
    try:
        check_topic(topic)
    except BadInput as error:
        raise ValidationError(str(error)) from None


REFUSAL = "A restricted KPI cannot be open data: lift the restriction first, or leave this empty."


def list_tile_aggregates():
    """``(name, words)`` of what a tile may show."""
    return list_choices("on_tiles")


class Kpi(models.Model):
    """A topic that people care about, and what its tile shows."""

    class Direction(models.TextChoices):
        LOWER = "lower", "lower is better"
        HIGHER = "higher", "higher is better"
        NONE = "none", "neither"

    topic = models.CharField(
        max_length=100,
        unique=True,
        validators=[validate_topic],
        help_text="Dotted lower-case name, such as complaint.latency.",
    )
    name = models.CharField(max_length=100, blank=True, help_text="As people call it. Empty: the topic.")
    unit = models.CharField(
        max_length=30,
        blank=True,
        help_text="'seconds' is shown as '2 d 4 h', '%' as a percentage, "
        "anything else as it is: 'open', 'calls'.",
    )
    direction = models.CharField(max_length=10, choices=Direction, default=Direction.LOWER)
    aggregate = models.CharField(
        max_length=20, choices=list_tile_aggregates, default="mean", help_text="What the tile shows."
    )
    window = models.PositiveIntegerField(default=1800, help_text="Seconds the tile looks back.")
    expected_interval = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="A point must come at least this often, in seconds. Empty: it may be silent.",
    )
    owner = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        help_text="The group that answers for this KPI.",
    )
    restricted = models.BooleanField(
        default=False,
        help_text="Visible to the owner group only, with its thresholds, streams and proposals.",
    )
    open_data = models.BooleanField(
        default=False,
        help_text="Published at /open-data/: everybody may see and download its history, without a log-in.",
    )
    description = models.TextField(
        blank=True, max_length=2000, help_text="What it measures, for readers of the open data."
    )
    method = models.TextField(
        blank=True,
        max_length=4000,
        help_text="How it is measured: source, what counts, what is left out.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["topic"]
        verbose_name = "KPI"
        verbose_name_plural = "KPIs"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(open_data=True, restricted=True),
                name="metrics_kpi_open_or_restricted",
                violation_error_message="A restricted KPI cannot be open data.",
            )
        ]

    def clean(self):
        """A restricted KPI without an owner would be visible to nobody; an open one to everybody."""
        if self.restricted and self.owner is None:
            raise ValidationError({"owner": "Choose the group that may see this restricted KPI."})
        if self.restricted and self.open_data:
            raise ValidationError({"open_data": REFUSAL})

    def save(self, *args, **kwargs):
        """What becomes restricted stops being open, whoever saves it."""
        if self._state.adding:
            take_kept([self])
        if self.restricted and self.open_data:
            self.open_data = False
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "open_data"}
        super().save(*args, **kwargs)

    def __str__(self):
        return self.name or self.topic


class Restriction(models.Model):
    """A topic whose restricted KPI was deleted: its points, roll-ups and texts stay for the same eyes.

    A KPI that comes again under the name is restricted too, and counts instead of this row; who may
    see it lifts that there, and this row goes with it once it is deleted unrestricted.
    """

    topic = models.CharField(max_length=100, unique=True)
    owner = models.ForeignKey(Group, null=True, on_delete=models.SET_NULL, related_name="+")
    kept_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["topic"]

    def __str__(self):
        return self.topic


def take_kept(kpis):
    """Restricts new KPIs, still to be saved, whose topic was restricted before."""
    rows = Restriction.objects.filter(topic__in=[kpi.topic for kpi in kpis])
    owners = dict(rows.values_list("topic", "owner_id"))
    for kpi in kpis:
        if kpi.topic in owners:
            kpi.restricted, kpi.open_data, kpi.owner_id = True, False, owners[kpi.topic]


class ApiKey(models.Model):
    """A credential of a program. Only its hash is stored; the key is shown once."""

    class Scope(models.TextChoices):
        EMIT = "emit", "emit points"
        READ = "read", "read KPIs, thresholds, breaches and streams"
        PROPOSE = "propose", "open proposals"
        PARTNER = "partner", "subscribe to /mkt/ only"

    name = models.CharField(max_length=100, help_text="Who or what uses it.")
    prefix = models.CharField(max_length=12, editable=False, help_text="The first characters of the key.")
    hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the key.")
    scopes = models.JSONField(default=list)
    topics = models.JSONField(
        default=list,
        blank=True,
        help_text="Topics or patterns this key is limited to. Empty: all (a partner key: none).",
    )
    group = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        help_text="Reads the restricted KPIs of this group too.",
    )
    actions = models.JSONField(
        default=list,
        blank=True,
        help_text="Actions that a proposal of this key may name. Empty: none, people carry it out.",
    )
    origins = models.JSONField(
        default=list,
        blank=True,
        help_text="For partners: web origins whose pages may open this key's streams.",
    )
    max_rate = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.01)],
        help_text="For partners: events a second and topic; what comes faster is merged into one event with "
        "mean, count, lowest and highest. Empty: every point.",
    )
    connections = models.PositiveIntegerField(
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(2000)],
        help_text="For partners: streams open at once, over all servers; one more ends the oldest.",
    )
    requests_per_minute = models.PositiveIntegerField(
        default=600,
        validators=[MinValueValidator(1)],
        help_text="For partners: streams opened and tickets fetched in a minute; beyond it they are put off.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "API key"

    def __str__(self):
        return f"{self.name} ({self.prefix}…)"
