"""Who writes: the identities of a visit, and the guard that keeps one person's text out of another's mailbox.

`@writing` wraps the views of compose behind `@visiting`: it finds the identities of the open mailspace, refuses
those that have none, and turns what cannot be done into an answer that the window shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from hosting.access import Sender
from mta.flow.errors import AlreadySent, BadRecipient, Refused
from mta.mailstore.errors import NoSuchDraft, NoSuchMessage, OverQuota, StoreError
from mta.queue.errors import NoSuchOutgoing, TooLate
from webmail.compose import CannotWrite
from webmail.visit import Visit, visiting, wants_parts

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Desk:
    """A visit of somebody who may send from the mailspace; the default identity comes first."""

    visit: Visit
    senders: tuple[Sender, ...]

    @property
    def mailspace(self) -> int:
        return self.visit.mailspace

    @property
    def own(self) -> frozenset[str]:
        return frozenset(sender.address.lower() for sender in self.senders)


def account_mark(visit: Visit) -> str:
    """What a window remembers of who opened it, and says with everything it sends."""
    return visit.mark


def desk_of(visit: Visit) -> Desk | None:
    return Desk(visit, visit.senders) if visit.senders else None


def writing(
    view: Callable[Concatenate[HttpRequest, Desk, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """For views that write: they get a Desk, and may raise what they cannot do."""

    @visiting
    @wraps(view)
    def entered(request: HttpRequest, visit: Visit, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        desk = desk_of(visit)
        if desk is None:
            return _answer(request, 403, _("You may read this mailbox, but not send from it."))
        try:
            return view(request, desk, *args, **kwargs)
        except (AlreadySent, NoSuchDraft, NoSuchMessage) as error:
            return _answer(request, 410, str(error))
        except NoSuchOutgoing:
            return _answer(request, 410, _("There is nothing left to take back."))
        except BadRecipient as error:
            return _answer(request, 422, str(error), address=error.address)
        except (CannotWrite, Refused) as error:
            return _answer(request, 422, str(error))
        except TooLate:
            return _answer(request, 409, _("Too late: the message is on its way."))
        except OverQuota:
            return _answer(
                request, 422, _("Your mailbox is full. Delete something to make room, then try again.")
            )
        except StoreError as error:
            return _answer(request, 409, str(error))
        except RequestDataTooBig:
            return _answer(request, 413, _("This text is too long to send. Attach it as a file instead."))

    return entered


def _answer(request: HttpRequest, status: int, text: str, **more: str) -> HttpResponse:
    if wants_parts(request):
        return JsonResponse({"error": text, **more}, status=status)
    return render(request, "webmail/compose_refused.html", {"text": text}, status=status)
