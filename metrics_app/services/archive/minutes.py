"""Dirty minutes become roll-ups: replacements, with their hours in the same transaction."""

from django.db import transaction
from django.db.models import F

from metrics_app.core.buckets import floor, merge
from metrics_app.core.durations import DAY_MS, HOUR_MS
from metrics_app.models import DayRollup, Generation, HourRollup, MinuteRollup
from metrics_app.services.archive.names import find_generation, lock_shard, number_topics
from metrics_app.services.archive.rows import read_spans, write_rollups


def write_minutes(shard, taken):
    """Writes a Taken in one short transaction; how many minutes were news."""
    with transaction.atomic():
        history = lock_shard(shard)
        rows, generations = name_minutes(shard, taken)
        grown = replace(rows, history)
        note_progress(shard, taken, generations, grown)
        if taken.sealed > history.sealed:
            history.sealed = taken.sealed
            history.save(update_fields=["sealed"])
    return len(grown)


def name_minutes(shard, taken):
    """``({(topic id, minute, generation id): Summary}, {name: Generation})`` of a Taken."""
    topics = number_topics(topic for topic, _, _ in taken.minutes)
    names = {taken.generations.of_minute(minute) for _, minute, _ in taken.minutes}
    names |= {taken.generations.current} - {""}
    generations = {name: find_generation(shard, name) for name in names}
    rows = {
        (topics[topic], minute, generations[taken.generations.of_minute(minute)].pk): summary
        for topic, minute, summary in taken.minutes
    }
    return rows, generations


def replace(rows, history):
    """Writes minutes that grew, their hours, and days that were written before; ``{key: points more}``."""
    hours = {(topic, floor(minute, HOUR_MS), generation) for topic, minute, generation in rows}
    known = read_spans(MinuteRollup, hours, HOUR_MS)
    grown = {
        key: summary.count - (known[key].count if key in known else 0)
        for key, summary in rows.items()
        if key not in known or summary.count > known[key].count
    }
    write_rollups(MinuteRollup, {key: rows[key] for key in grown})
    changed = {(topic, floor(minute, HOUR_MS), generation) for topic, minute, generation in grown}
    all_minutes = known | {key: rows[key] for key in grown}
    write_rollups(HourRollup, add_up(all_minutes, changed, HOUR_MS))
    days = {(topic, floor(hour, DAY_MS), generation) for topic, hour, generation in changed}
    rewrite_days([day for day in days if day[1] < history.days_target])
    return grown


def add_up(rows, keys, step):
    """``{key: Summary}`` of the spans of ``step`` in ``keys``, merged of ``rows``."""
    parts = {key: [] for key in keys}
    for (topic, start, generation), summary in rows.items():
        name = topic, floor(start, step), generation
        if name in parts:
            parts[name].append(summary)
    return {key: merge(found) for key, found in parts.items() if found}


def rewrite_days(keys):
    """Writes the days of ``[(topic, day, generation), …]`` from their hours."""
    if keys:
        write_rollups(DayRollup, add_up(read_spans(HourRollup, keys, DAY_MS), set(keys), DAY_MS))


def note_progress(shard, taken, generations, grown):
    """Counts what each generation has in SQL, and what the newest is known to have collected."""
    for generation in generations.values():
        more = sum(n for (_, _, pk), n in grown.items() if pk == generation.pk)
        if more:
            Generation.objects.filter(pk=generation.pk).update(archived=F("archived") + more)
    if current := generations.get(taken.generations.current):
        Generation.objects.filter(pk=current.pk, seen__lt=taken.collected).update(seen=taken.collected)
