"""What Celery runs for the project itself."""

from celery import shared_task

from hms_gov.logins import forget_attempts as forget


@shared_task(name="hms_gov.tasks.forget_attempts")
def forget_attempts():
    """Deletes the wrong passwords that no longer count: on an idle site no log-in does."""
    forget()
