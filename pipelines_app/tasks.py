"""Drains, for Celery: each finds its rows in SQL, so that a lost message costs nothing."""

from celery import shared_task

from pipelines_app import services
from pipelines_app.services.watch_audit import watch_audit


@shared_task(name="pipelines_app.tasks.expire")
def expire():
    """Lets overdue proposals lapse."""
    services.expire()


@shared_task(name="pipelines_app.tasks.run_errands")
def run_errands():
    """Does what is due later. Overlapping runs are harmless."""
    services.run_errands()


@shared_task(name="pipelines_app.tasks.count_open")
def count_open():
    """Tells how many proposals wait, where the project asks for it."""
    services.emit_open()


@shared_task(name="pipelines_app.tasks.verify_audit")
def verify_audit():
    """Looks each night whether anything was edited, and tells of it."""
    watch_audit()
