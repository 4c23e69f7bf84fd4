"""The page of one KPI: any span, as a chart, a table and a file, with what happened meanwhile."""

import csv
import io
import re
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from metrics_app.models import Breach, Kpi, Note, NoteChange, ThresholdState
from metrics_app.pages.charts import tell_loss
from metrics_app.pages.lights import clock_with_zone
from metrics_app.queries import list_window_shares
from metrics_app.registry import forget
from metrics_app.services.corrections import restore, void
from metrics_app.services.notes import delete_note, save_note
from metrics_app.templatetags.metrics_words import moment, until
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, propose
from tests.metrics_app.watching import HOUR, TOPIC, let_all_work, make_threshold, send

pytestmark = pytest.mark.django_db
PAGE = f"/kpis/{TOPIC}/"


@pytest.fixture
def now():
    return time.time_ns() // 1_000_000


@pytest.fixture
def reader(client):
    user = User.objects.create_user("ada")
    client.force_login(user)
    return user


@pytest.fixture
def rule(now):
    """The worked example with points and its rule, beyond its limit for ten minutes."""
    Kpi.objects.create(topic=TOPIC, name="Response time", unit="seconds")
    send((now - 600_000, 50 * HOUR), (now - 1000, 54 * HOUR))
    rule = make_threshold(now=now, recovery_limit=40 * HOUR)
    ThresholdState.objects.update_or_create(threshold=rule, defaults={"state": "firing"})
    Breach.objects.create(threshold=rule, version=1, since=now - 540_000, fired_at=now - 540_000)
    forget()
    return rule


def get_plot(client, **query):
    response = client.get(f"{PAGE}chart/", query)
    assert response.status_code == 200
    return response.json()["plot"]


@pytest.mark.parametrize("span", ["1h", "24h", "7d", "90d", "nonsense"])
def test_every_span_ends_with_the_value_of_now(client, reader, rule, span):
    plot = get_plot(client, span=span)
    assert plot["value"][-1] == pytest.approx(52 * HOUR)
    assert plot["n"][-1] == 2
    assert plot["ts"] == sorted(set(plot["ts"]))
    assert [(line["kind"], line["value"]) for line in plot["lines"]][:2] == (
        [("limit", 48 * HOUR), ("recovery", 40 * HOUR)]
    )
    assert [breach["end"] for breach in plot["breaches"]] == [None]


def test_a_gap_is_a_gap(client, reader, rule):
    assert get_plot(client)["value"][0] is None


def test_a_zoom_is_what_the_address_says_and_nonsense_is_the_last_hour(client, reader, rule, now):
    plot = get_plot(client, **{"from": now - 1_800_000, "to": now - 600_000, "span": "24h"})
    assert (plot["zoomed"], plot["start"], plot["end"]) == (True, now - 1_800_000, now - 600_000)
    assert plot["breaches"] == []
    for query in ({"from": "x", "to": "1"}, {"from": "9" * 30, "to": "9"}, {"span": "²", "compare": "'"}):
        assert get_plot(client, **query)["zoomed"] is False
    assert client.get(f"{PAGE}chart/", {"from": "0", "to": "0"}).status_code == 200


def test_an_earlier_day_is_drawn_beside_it(client, reader, rule):
    plot = get_plot(client, compare="yesterday")
    assert plot["compare"]["name"] == "the day before"
    assert len(plot["compare"]["values"]) == len(plot["ts"])


def test_the_file_holds_what_the_chart_shows(client, reader, rule):
    response = client.get(f"{PAGE}values.csv", {"span": "24h"})
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert "attachment" in response["Content-Disposition"]
    assert float(rows[-1]["value"]) == pytest.approx(52 * HOUR)
    assert rows[-1]["n"] == "2" and rows[0]["value"] == "" and "+" in rows[0]["window_ends"]


def read_table(client, **query):
    """The head and the first rows of the table, without markup."""
    html = client.get(f"{PAGE}chart/", {"table": 1} | query).json()["html"]["values"]
    rows = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>.*?</tr>", html)]
    return [[re.sub(r"<.*?>", "", cell) for cell in row] for row in rows]


def test_the_table_has_every_line_of_the_chart_and_none_twice(client, reader, rule):
    head = read_table(client)[0]
    assert head == ["Window ends", "Mean of 30 min", "Points", "Median", "Recorded"]
    head, first, second, *_ = read_table(client, compare="yesterday", percentiles=1, span="24h")
    assert head[2] == "The day before" and head[5] == "95 % are at or below"
    assert len(first) == len(head) and first[0].endswith(" so far") and "so far" not in second[0]


def test_the_file_holds_the_comparison_too(client, reader, rule):
    response = client.get(f"{PAGE}values.csv", {"compare": "week"})
    head, *rows = csv.reader(io.StringIO(response.content.decode()))
    assert head[-1] == "a_week_before" and {len(row) for row in rows} == {len(head)}


def test_decisions_stand_on_the_chart_for_those_who_may_see_them(client, reader, rule, now):
    boss = User.objects.create_superuser("boss")
    group = Group.objects.create(name="owners")
    pipeline, _ = propose(title="Slow", suggestion="Hire 2", topic=TOPIC, restricted_to=group)
    approve(pipeline=pipeline, by=boss, version=1)
    assert get_plot(client)["marks"] == []
    Pipeline.objects.update(restricted_to=None)
    let_all_work()  # a chart ends where points are counted no further
    body = client.get(f"{PAGE}chart/").json()
    assert [mark["kind"] for mark in body["plot"]["marks"]][:2] == ["decision", "decision"]
    assert "“Hire 2” approved by boss" in body["html"]["marks"]


def test_what_was_voided_stands_on_the_chart_with_its_reason_also_once_restored(client, reader, rule, now):
    row = void(topic=TOPIC, start=now - 600_000, end=now - 540_000, reason="a <test>", by=reader)
    body = client.get(f"{PAGE}chart/").json()
    [mark] = body["plot"]["marks"]
    assert (mark["kind"], mark["at"], mark["until"]) == ("voided", row.start, row.end)
    assert "voided by ada: a &lt;test&gt;" in body["html"]["marks"]
    assert "it counts" not in body["html"]["marks"]
    restore(correction=row, reason="it was real", by=reader)
    body = client.get(f"{PAGE}chart/").json()
    assert [mark["kind"] for mark in body["plot"]["marks"]] == ["restored"]
    assert "Restored by ada, it counts: it was real" in body["html"]["marks"]
    assert get_plot(client, **{"from": now - 9 * 3_600_000, "to": now - 8 * 3_600_000})["marks"] == []


def test_a_note_is_written_changed_and_deleted_on_the_page(client, reader, rule):
    client.cookies["timezone"] = "America/New_York"
    form = {"text": "New form", "at": "2026-03-29T14:30", "until": ""}
    response = client.post(f"{PAGE}notes/?span=24h", form)
    assert response.status_code == 302 and response.url == f"{PAGE}?span=24h#notes"
    note = Note.objects.get()
    assert (note.at, note.author) == (1774809000000, reader), "the time was in the reader's zone"
    client.post(f"{PAGE}notes/", {"note": note.pk, "text": "Newer form"})
    assert "Newer form" in client.get(PAGE).content.decode()
    client.post(f"{PAGE}notes/", {"note": note.pk, "action": "delete"})
    assert get_plot(client)["marks"] == []
    assert list(NoteChange.objects.values_list("action", flat=True)) == ["added", "changed", "deleted"]


def test_a_note_whose_text_is_changed_stays_the_moment_it_is(client, reader, rule):
    """The form shows no seconds, nor which of the two hours it is that a clock shows twice."""
    client.cookies["timezone"] = "Europe/Berlin"
    assert "When (Europe/Berlin; empty: now)" in client.get(PAGE).content.decode()
    second = 1_792_892_442_123  # 02:40:42 on 25 October 2026, for the second time
    note = save_note(Note(topic=TOPIC, text="New form", at=second, until=second + 90_000), by=reader)
    form = {"note": note.pk, "text": "Newer form", "at": "2026-10-25T02:40", "until": "2026-10-25T02:42"}
    assert client.post(f"{PAGE}notes/", form).status_code == 302
    note.refresh_from_db()
    assert (note.text, note.at, note.until) == ("Newer form", second, second + 90_000)
    client.post(f"{PAGE}notes/", form | {"until": "2026-10-25T03:00"})
    note.refresh_from_db()
    assert (note.at, note.until) == (second, 1_792_893_600_000)
    refused = client.post(f"{PAGE}notes/", form | {"at": "2026-03-29T02:40"})
    assert refused.status_code == 400 and "2026-03-29 02:40 never comes" in refused.content.decode()


def test_who_saves_over_a_change_made_meanwhile_is_told_whose_it_was(client, reader, rule):
    """The form keeps what was typed and the version it would replace: saving once more is a choice."""
    note = save_note(Note(topic=TOPIC, text="New form", at=1774787400000), by=reader)
    note.text = "Newer form"
    save_note(note, by=User.objects.create_user("bob"))
    form = {"note": note.pk, "version": 1, "text": "My form", "at": "2026-03-29T14:30"}
    refused = client.post(f"{PAGE}notes/", form)
    page = refused.content.decode()
    assert refused.status_code == 409 and "bob changed this note meanwhile" in page
    assert 'value="My form"' in page and 'name="version" value="2"' in page
    assert client.post(f"{PAGE}notes/", form | {"action": "delete"}).status_code == 409
    assert Note.objects.get().text == "Newer form" and Note.objects.get().deleted_at is None
    assert client.post(f"{PAGE}notes/", form | {"version": 2}).status_code == 302
    assert Note.objects.get().text == "My form"


def test_what_was_typed_into_a_note_deleted_meanwhile_can_be_written_anew(client, reader, rule):
    note = save_note(Note(topic=TOPIC, text="New form", at=1774787400000), by=reader)
    delete_note(note, by=User.objects.create_user("bob"))
    refused = client.post(f"{PAGE}notes/", {"note": note.pk, "version": 1, "text": "My form"})
    page = refused.content.decode()
    assert refused.status_code == 409 and "bob deleted this note meanwhile" in page
    assert 'value="My form"' in page and 'name="note"' not in page
    assert Note.objects.get().deleted_at is not None


def test_a_note_names_who_wrote_and_who_changed_it_and_is_deleted_in_two_steps(client, reader, rule, now):
    note = save_note(Note(topic=TOPIC, text="New form", at=now - 60_000), by=reader)
    assert ", changed by" not in client.get(PAGE).content.decode()
    save_note(note, by=User.objects.create_user("bob"))
    page = client.get(PAGE).content.decode()
    assert "noted by ada, changed by bob" in page
    assert page.index("<summary>Delete it</summary>") < page.index('value="delete"')


def test_a_refused_change_stays_a_change(client, reader, rule):
    note = save_note(Note(topic=TOPIC, text="New form", at=1774787400000), by=reader)
    page = client.post(f"{PAGE}notes/", {"note": note.pk, "version": 1, "text": " "}).content.decode()
    assert f'name="note" value="{note.pk}"' in page


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({"text": "  "}, "Say what happened"),
        ({"text": "x", "at": "tomorrow"}, "Write a date and a time"),
        ({"text": "x", "at": "2026-03-29T14:30", "until": "2026-03-29T14:29"}, "Is before the beginning"),
        ({"text": "x", "at": "1926-03-29T14:30"}, "Is no time between"),
        ({"text": "a\x00"}, "Null characters are not allowed"),
    ],
)
def test_a_note_that_says_too_little_is_refused_at_its_field(client, reader, rule, form, fault):
    response = client.post(f"{PAGE}notes/", form)
    assert response.status_code == 400
    assert fault in response.content.decode() and not Note.objects.exists()


@pytest.mark.parametrize("pk", ["0", "999", "x", "9" * 40])
def test_a_note_that_is_none_is_404(client, reader, rule, pk):
    assert client.post(f"{PAGE}notes/", {"note": pk, "text": "x"}).status_code == 404


def test_what_is_restricted_answers_as_what_does_not_exist(client, reader, rule):
    note = save_note(Note(topic=TOPIC, text="x", at=1774787400000), by=reader)
    Kpi.objects.update(restricted=True, owner=Group.objects.create(name="owners"))
    forget()
    for path in ("", "live/", "chart/", "values.csv"):
        hidden, none = client.get(PAGE + path), client.get(f"/kpis/no.such/{path}")
        assert hidden.status_code == none.status_code == 404
        assert strip(hidden) == strip(none)
        assert TOPIC not in strip(hidden) and "Response time" not in strip(hidden)
    assert client.post(f"{PAGE}notes/", {"note": note.pk, "action": "delete"}).status_code == 404
    assert Note.objects.get().deleted_at is None


def strip(response):
    """The page without what differs between any two answers: the token, the clock, when it was written."""
    lines = re.sub(r' data-now="\d+"', "", response.content.decode()).splitlines()
    return "\n".join(line for line in lines if "csrf" not in line and "clock" not in line)


def test_the_figures_asked_for_first_are_there(client, reader, rule):
    text = client.get(PAGE).content.decode()
    for words in ("per hour now", "today since midnight", "yesterday by now", "a week ago by now"):
        assert words in text
    assert "not recorded then" in text


@pytest.mark.parametrize("unit", ["seconds", "litres", "calls"])
def test_the_number_of_points_is_a_plain_number_whatever_their_unit(client, reader, rule, unit):
    Kpi.objects.filter(topic=TOPIC).update(unit=unit)
    forget()
    assert client.get(PAGE).context["figures"][0] == ("points", "2")


@pytest.mark.parametrize(
    ("aggregate", "values", "labels"),
    [
        ("rate_per_hour", [1, 1], ["points", "per hour"]),
        ("count", [], ["points", "per hour"]),
        ("count", [2, 5], ["points", "mean", "median", "95 % are at or below", "lowest", "highest"]),
        (
            "sum",
            [1, 1],
            ["points", "together", "mean", "median", "95 % are at or below", "lowest", "highest"],
        ),
        ("sum", [], ["points", "together", "mean", "median", "95 % are at or below", "lowest", "highest"]),
        ("mean", [1, 1], ["points", "mean", "median", "95 % are at or below", "lowest", "highest"]),
    ],
)
def test_of_what_counts_it_tells_how_many_and_no_median_of_ones(
    client, reader, now, aggregate, values, labels
):
    Kpi.objects.create(topic=TOPIC, unit="calls", aggregate=aggregate)
    if values:
        send(*((now - 1000 * number, value) for number, value in enumerate(values, 1)))
    forget()
    figures = client.get(PAGE).context["figures"]
    assert [label for label, _ in figures] == labels
    if labels[1] == "per hour" and values:
        assert figures[1][1] == f"{2 * len(values)} calls per hour", "the window is half an hour"
    if not values:
        assert {text for _, text in figures} == {"—"}, "of what was never recorded nothing is known"


@pytest.mark.parametrize("span", ["1h", "24h", "7d"])
def test_a_share_is_drawn_as_its_rule_sees_it(client, reader, now, span):
    Kpi.objects.create(topic=TOPIC, name="Response time", unit="seconds")
    send((now - 600_000, 50 * HOUR), (now - 1000, 40 * HOUR))
    make_threshold(now=now, aggregate="share_above", aggregate_value=48.0 * HOUR, limit=10)
    plot = get_plot(client, span=span)
    assert (plot["value"][-1], plot["n"][-1]) == (50, 2)
    assert plot["what"].startswith("share above 48 h of ") and plot["aggregate"] == "share_above"
    assert client.get(PAGE).status_code == client.get("/").status_code == 200


def test_a_change_without_a_past_has_no_values(client, reader, now):
    Kpi.objects.create(topic=TOPIC, name="Response time", unit="seconds")
    send((now - 1000, 40 * HOUR))
    make_threshold(now=now, aggregate="mean_change_day", limit=50)
    assert set(get_plot(client, span="1h")["value"]) == {None}
    assert client.get("/").status_code == 200


def test_the_foot_leads_to_the_whole_history_and_to_open_data_once_it_is_open(client, reader, rule):
    client.cookies["timezone"] = "America/New_York"
    page = client.get(PAGE).content.decode()
    link = f"/api/v1/kpis/{TOPIC}/export/?by=day&amp;zone=America%2FNew_York"
    assert link in page and "/open-data/" not in page
    assert client.get(link.replace("&amp;", "&")).status_code == 200
    kpi = Kpi.objects.get(topic=TOPIC)
    kpi.open_data = True
    kpi.save()
    assert f"/open-data/#{TOPIC}" in client.get(PAGE).content.decode()


def test_several_limits_on_one_chart_are_told_apart_by_name(client, reader, rule, now):
    assert get_plot(client)["lines"][0]["label"] == "limit 48 h"
    make_threshold(now=now, limit=60 * HOUR, name="Alarm")
    labels = [line["label"] for line in get_plot(client)["lines"]]
    assert labels == ["limit 48 h", "recovers at 40 h", "Alarm: limit 2 d 12 h"]


def test_a_breach_names_its_threshold_before_it_is_opened(client, reader, rule):
    text = client.get(PAGE).content.decode()
    text = text.partition("Last breaches")[2]
    assert str(rule) in text.partition("<summary>")[2].partition("</summary>")[0]


def test_a_moment_of_another_year_names_it():
    year = timezone.localtime().year
    long_ago = (timezone.now() - timedelta(days=400)).timestamp() * 1000
    assert f" {timezone.localtime().year} " not in moment(time.time() * 1000).partition(">")[2]
    told = moment(long_ago).partition(">")[2]
    assert f" {year - 1} " in told or f" {year - 2} " in told


def test_the_end_of_a_span_that_began_on_another_day_says_its_day():
    now = int(time.time() * 1000)
    assert f"{timezone.localtime():%b}" in until(now - 40 * 86_400_000, now).partition(" to ")[2]


def test_a_span_within_one_minute_tells_its_seconds():
    minute = int(time.time()) // 60 * 60_000
    short, longer, none = (
        re.sub("<.*?>", "", until(minute + 5_000, minute + s)) for s in (40_000, 65_000, 5_500)
    )
    assert re.fullmatch(r"(\d\d:\d\d):05 to \1:40 UTC", short)
    assert re.fullmatch(r"\d\d:\d\d to .*\d\d:\d\d UTC", longer) and re.fullmatch(r"\d\d:\d\d:05 UTC", none)
    loss = SimpleNamespace(start=minute + 5_000, end=minute + 40_000, points=3)
    assert re.match(r"Between (\d\d:\d\d):05 \S+ and \1:40 \S+: 3 points", tell_loss(loss, minute))
    loss.end = loss.start
    assert re.match(r"At \d\d:\d\d:05 \S+: 3 points", tell_loss(loss, minute))


def test_that_nothing_has_fired_says_since_when_anybody_would_have(client, reader, rule, now):
    Breach.objects.all().delete()
    text = client.get(PAGE).context["none_fired"]
    assert text.startswith("No threshold has fired on it since the first was set, ")
    rule.delete()
    assert client.get(PAGE).context["none_fired"] == "No threshold judges it, so none has fired."


def test_a_kpi_that_never_had_a_point_has_no_data_since_nowhere(client, reader, now):
    Kpi.objects.create(topic=TOPIC, name="Response time", unit="seconds")
    rule = make_threshold(now=now)
    let_all_work()
    flagged = {"slot_class": "empty", "data": "empty", "data_since": now - 3_600_000, "last_slot": now}
    flagged["due_at"] = now + 60_000
    ThresholdState.objects.update_or_create(threshold=rule, defaults=flagged)
    forget()
    page = client.get(PAGE)
    assert page.context["tile"]["state_text"] == "No data yet"
    assert page.context["tile"]["footer"] == "limit 48 h", "nobody has found it within its limit"
    assert "since" not in page.context["rules"][0]["state_text"]
    assert not [flag for flag in page.context["rules"][0]["flags"] if "since" in flag]


def test_the_sentence_of_a_chart_says_from_when_on_anything_is_known(client, reader, rule, now):
    assert " (known from " in get_plot(client, span="24h")["sentence"]
    past = get_plot(client, **{"from": now - 540_000, "to": now - 180_000})["sentence"]
    assert "known" not in past


def test_the_sentence_of_a_chart_names_its_part_and_how_often_it_looks(client, reader, rule, now):
    send(*((now - minutes * 60_000, 3600.0 * minutes) for minutes in (2, 4, 30)))
    assert " as seen every " not in get_plot(client, span="1h")["sentence"]
    day = get_plot(client, span="24h")["sentence"]
    assert ", as seen every 5 min: " in day and ", at last " in day
    start, end = now - 3_600_000, now - 60_000
    part = get_plot(client, **{"from": start, "to": end})["sentence"]
    assert part.startswith(f"The part from {clock_with_zone(start, now)} to {clock_with_zone(end, now)} (")
    assert re.search(r", at last [^;]+ (at|on) [^;]*\d\d:\d\d UTC;", part), part


def test_a_chart_ends_with_what_is_known_and_its_table_tells_how_much_was_recorded(client, reader, now):
    Kpi.objects.create(topic="er.wait", window=60)
    send((now - 50 * 60_000, 1.0), (now - 40 * 60_000, 3.0), topic="er.wait")
    plot = client.get("/kpis/er.wait/chart/", {"span": "1h"}).json()["plot"]
    last = clock_with_zone(now - 40 * 60_000, now)
    # The value of a window goes on behind its last point.
    assert plot["ts"][-1] > now - 40 * 60_000 and f"to {last})" in plot["sentence"], plot["sentence"]
    shares = list_window_shares("er.wait", plot["ts"], 60_000)
    assert plot["recorded"] == shares and {0.0, 1.0} <= set(shares)
    assert [n for n, share in zip(plot["n"], shares, strict=True) if not share and n is not None] == []
