"""The Celery application: `celery -A webmail worker`. Tasks carry an id or nothing and may run twice.

The broker only shortens a wait. What has to be done stands in the database; the sweeps below find it again
when a message was lost. So there are no results, no retries by Celery, and no countdown or ETA anywhere.
JSON only: whoever can write to the broker must not be able to run code here.
"""

import os
from typing import Any

from celery import Celery, bootsteps
from celery.beat import EmbeddedService
from click import Option
from django.conf import settings

from webmail import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")

# Packages whose `tasks` module defines tasks.
_TASK_PACKAGES = (
    "mta.relay",
    "mta.flow",
    "mta.mailstore",
    "mta.queue",
    "mta.limits",
    "hosting.dns",
    "hosting",
    "webmail",
    "webmail.moving",
)


def _sweep(task: str, seconds: float) -> dict[str, object]:
    # A tick nobody ran in time is worth nothing: after a standstill one sweep is enough, not a thousand.
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 5.0)}}


BEAT_SCHEDULE = {
    "relay": _sweep("mta.relay.tasks.sweep", 5.0),
    "mailstore": _sweep("mta.mailstore.tasks.sweep", 60.0),
    "jobs": _sweep("mta.mailstore.tasks.work", 5.0),
    "snoozed": _sweep("mta.mailstore.tasks.wake", 10.0),
    "scheduled": _sweep("mta.flow.tasks.send_scheduled", 10.0),
    "answered": _sweep("mta.flow.tasks.forget_answered", 3600.0),
    "spam": _sweep("mta.flow.tasks.learn_spam", 20.0),
    "scanning": _sweep("mta.flow.tasks.scan_later", 30.0),
    "trust": _sweep("mta.flow.tasks.keep_trust", 3600.0),
    "people": _sweep("mta.flow.tasks.get_acquainted", 20.0),
    "limits": _sweep("mta.limits.tasks.sweep", 300.0),
    "dns": _sweep("hosting.dns.tasks.sweep", 60.0),
    "pictures": _sweep("webmail.tasks.fetch_pictures", 20.0),
    "quarantine": _sweep("webmail.tasks.tell_of_held_mail", 600.0),
    "chores": _sweep("webmail.tasks.chores", 10.0),
    "moving": _sweep("webmail.moving.tasks.move", 10.0),
    "drafts": _sweep("webmail.tasks.materialise_stale_drafts", 30.0),
}


def _broker() -> dict[str, object]:
    if settings.REDIS_URL:
        return {
            "broker_url": settings.REDIS_URL,
            "broker_transport_options": {"visibility_timeout": 3600, "socket_timeout": 10},
            "worker_prefetch_multiplier": 1,
        }
    broker.register()
    return {
        "broker_url": "fslease://localhost//",
        "broker_transport_options": {"folder": str(settings.DATA_DIR / "broker")},
        # A polling broker carries (threads × prefetch) / interval messages a second: 1 would be a trap.
        "worker_prefetch_multiplier": 8,
    }


app = Celery("mailstead")
app.conf.update(
    **_broker(),
    accept_content=["json"],
    task_serializer="json",
    result_backend=None,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue="mailstead",
    task_publish_retry=True,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.05, "interval_step": 0.05},
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=2,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    # Beat's default keeps a pickle file to remember last runs; our longest interval is a minute.
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule=BEAT_SCHEDULE,
    beat_max_loop_interval=5,
    enable_utc=True,
    timezone="UTC",
)
app.autodiscover_tasks(_TASK_PACKAGES)


class BeatThread(bootsteps.StartStopStep):
    """`worker --beat-thread`: the clock as a thread of the worker.

    Celery's own `-B` forks a second process, which costs an embedded installation 45 MiB.
    """

    requires = frozenset({"celery.worker.components:Pool"})

    def __init__(self, worker: Any, *, beat_thread: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.enabled = beat_thread

    def create(self, worker: Any) -> Any:
        return EmbeddedService(worker.app, thread=True, scheduler_cls=worker.app.conf.beat_scheduler)

    def stop(self, parent: Any) -> None:
        """Without waiting for the end of its nap: it holds nothing."""
        if self.obj is not None:
            self.obj.service.stop(wait=False)


app.user_options["worker"].add(
    Option(("--beat-thread",), is_flag=True, default=False, help="run beat as a thread of this worker")
)
app.steps["worker"].add(BeatThread)
