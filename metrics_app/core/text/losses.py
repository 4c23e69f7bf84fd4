"""What is told of points that were lost with the memory of Redis. Pure.

``points``: how many of one KPI; 0 where none is known, None where they were not counted by KPI.
"""

from metrics_app.core.text.counts import agree, count_words


def name_lost(points):
    """ "3,000 points lost": a few words, for a chart and a tile."""
    if points is None:
        return "points may be lost"
    return f"{count_words(points, 'point')} lost" if points else "last points may be lost"


def mark_lost(losses):
    """What stands beside a value whose window touches spans with these ``points``; "" of none."""
    if not losses:
        return ""
    return "points lost" if any(losses) else "points may be lost"


def tell_lost(points):
    """What was lost and why, as a sentence without its end."""
    if points is None:
        return (
            "the server lost its memory before all points were archived; how many of this KPI were among "
            "them is not known"
        )
    if not points:
        return (
            "the server lost its memory; no point of this KPI is known to be lost, but what came in "
            "its last seconds may not have been counted"
        )
    return (
        f"{count_words(points, 'point')} of this KPI {agree(points, 'was', 'were')} lost: the server "
        "lost its memory before archiving them, and what came in its last seconds may not have been counted"
    )


def tell_lacking(count, since):
    """What the overview adds where tiles lack points: "points of 2 KPIs were lost at 10:42 UTC"; or ""."""
    return f"points of {count_words(count, 'KPI')} were lost at {since}" if count else ""
