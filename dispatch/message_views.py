"""The page of texts to customers, and where gateways hand on what customers answer."""

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from dispatch import rest
from dispatch.access import may_dispatch
from dispatch.messages import answers, page, phones, stop_list
from dispatch.messages.answers import Answer, Wish
from dispatch.messages.notices import current_notices
from dispatch.views import json_answer

logger = logging.getLogger(__name__)

SEE_PERMISSION = "dispatch.view_message"


@require_safe
@login_required
@cache_control(no_store=True)
def messages_page(request: HttpRequest) -> HttpResponse:
    """The newest texts, `?before=` an id those before it. They have tracking links in them, which whoever may
    dispatch may open anyhow: the admin shows the same link with each order.
    """
    if not (may_dispatch(request.user) and request.user.has_perm(SEE_PERMISSION)):
        raise PermissionDenied
    before = request.GET.get("before", "")
    now = timezone.now()
    context: dict[str, Any] = {
        "on": bool(settings.NOTIFY_URLS),
        "notices": current_notices(now),
        **page.newest(int(before) if before.isdecimal() and len(before) < 19 else None, now),
    }
    response = render(request, "messages.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_safe
@cache_control(no_store=True)
def notices(request: HttpRequest) -> HttpResponse:
    """What a dashboard that stays open should say of texts."""
    if not may_dispatch(request.user):
        return json_answer(rest.Refusal("forbidden", "Sign in as a dispatcher."), 403)
    return json_answer(rest.Notices(current_notices(timezone.now())))


@csrf_exempt
@require_POST
def inbound(request: HttpRequest, secret: str) -> HttpResponse:
    """What a customer answered: a form as Twilio posts it, or JSON. Only STOP and START mean anything to us."""
    wanted = settings.MESSAGES_INBOUND_SECRET
    if not wanted or not constant_time_compare(secret, wanted):
        raise Http404
    is_json = request.content_type == "application/json"
    answer = answers.of_json(request.body) if is_json else answers.of_fields(request.POST.dict())
    if answer is None:
        return HttpResponse("There is no sender, or no text.", content_type="text/plain", status=400)
    _heed(answer)
    if is_json:
        return HttpResponse(status=204)
    # Twilio takes this for: answer nothing. It has answered STOP and START itself.
    return HttpResponse("<Response/>", content_type="text/xml")


def _heed(answer: Answer) -> None:
    wish = answers.wish(answer.text)
    phone = phones.of_sender(answer.sender, settings.PHONE_REGION)
    if wish is None:
        return
    if phone is None:
        logger.warning("a customer wants %s, from what is no telephone number", wish.value)
        return
    if wish == Wish.STOP:
        stop_list.stop(phone)
    else:
        stop_list.start(phone)
    logger.info("a customer wants %s", wish.value)
