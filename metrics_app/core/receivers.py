"""What a kind of receiver is: a way by which notices reach people."""

from collections.abc import Callable
from dataclasses import dataclass


def list_addresses(receiver):
    """Where a receiver's notices go, for people who look through a list."""
    return ", ".join(receiver.addresses)


@dataclass(frozen=True)
class Kind:
    """One way, in one file: its name in the database, its label in forms, what it needs, how it carries.

    - ``asks``: ``{field: help}`` of what it needs of a receiver: ``addresses`` (lines of text,
      whatever they mean to it) or ``webhook`` (a name in the settings).
    - ``check(receiver)``: yields the faults of those as ``(field, message)``.
    - ``carry(receiver, message, facts, earlier)``: sends notices as one message and returns how,
      in words; DeliveryFailed where it did not arrive. ``message`` is a UUID that stays the same
      through every attempt, ``facts`` a dict per notice, ``earlier`` the UUIDs of messages about
      the same breaches.
    - ``place(receiver)``: where its notices go, in a line.
    """

    name: str
    label: str
    asks: dict
    check: Callable
    carry: Callable
    place: Callable = list_addresses
