"""The Celery application's promises."""

from types import SimpleNamespace

from celery import current_app
from celery.beat import Scheduler

from webmail.celery import BEAT_SCHEDULE, BeatThread, app


def test_every_sweep_of_the_clock_is_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= set(app.tasks)


def test_only_json_is_read_and_no_result_is_kept() -> None:
    assert app.conf.accept_content == ["json"] and app.conf.task_serializer == "json"
    assert app.conf.task_ignore_result and app.conf.result_backend is None
    assert app.conf.task_acks_late


def test_tasks_anywhere_go_to_our_application() -> None:
    assert current_app.main == "mailstead"


def test_the_clock_keeps_no_pickle_file() -> None:
    assert app.conf.beat_scheduler == "celery.beat:Scheduler"
    worker = SimpleNamespace(app=app)
    step = BeatThread(worker, beat_thread=True)
    assert step.enabled
    assert type(step.create(worker).service.scheduler) is Scheduler


def test_every_task_of_the_clock_is_one_that_a_worker_knows() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
