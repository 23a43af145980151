"""Remind me later: the form, the page after it, the button that confirms and the button that cancels."""

from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods, require_safe

from donations import giving, reminders
from donations.forms import ReminderForm
from donations.giving import Choice, ChoiceRefused
from donations.models import Appeal, Reminder, Span
from donations.reminder_words import CONFIRM_WITHIN, Disclosure, day_in_words, disclosure
from donations.views.support import HttpResponseSeeOther
from newsroom.limits import network_of
from newsroom.models import Article
from newsroom.outlet import current_outlet
from newsroom.pages import public, render_page


@require_http_methods(["GET", "HEAD", "POST"])
@public
def remind(request: HttpRequest) -> HttpResponseBase:
    """Show the form, or take a wish. The answer and the work are the same whatever is known of the address."""
    data = request.POST if request.method == "POST" else request.GET
    language = _language(data.get("language", ""))
    at = timezone.now()
    with translation.override(language):
        article, appeal, choice = _article(data), _appeal(data), _choice(data)
        shown = disclosure(language, at=at, article=article, appeal=appeal, choice=choice)
        if shown is None:
            raise Http404
        if request.method != "POST":
            return _form_page(request, shown)
        form = ReminderForm(data, shown=shown)
        if not form.is_valid():
            return _form_page(request, shown, form=form, status=422)
    span = Span(form.cleaned_data["when"])
    wish = reminders.Wish(
        email=form.cleaned_data["email"],
        span=span,
        statement=shown.statement,
        page=article.get_absolute_url() if article else reverse("donations:remind"),
        article=article,
        appeal=appeal,
        choice=choice,
    )
    if form.is_trapped:
        return _noted(reminders.day_of(span, at=at), language)
    try:
        day = reminders.ask(wish, network=network_of(request), at=at)
    except reminders.TooManyReminders:
        return _form_page(request, shown, form=form, status=429)
    return _noted(day, language)


def _noted(day: date, language: str) -> HttpResponse:
    query = urlencode({"day": day.isoformat(), "language": language})
    return HttpResponseSeeOther(f"{reverse('donations:remind-noted')}?{query}")


@require_safe
@public
def noted(request: HttpRequest) -> HttpResponse:
    """Say what happens now: the same to everyone who chose this day."""
    language = _language(request.GET.get("language", ""))
    try:
        day = day_in_words(date.fromisoformat(request.GET.get("day", "")), language)
    except ValueError:
        day = ""
    context = {"day": day, "days": CONFIRM_WITHIN.days}
    return render_page(request, "donations/remind_noted.html", context, language=language)


@require_http_methods(["GET", "HEAD", "POST"])
@public
def confirm(request: HttpRequest, key: UUID) -> HttpResponseBase:
    """Show the button, and confirm when it is pressed. A GET changes nothing."""
    at = timezone.now()
    if request.method == "POST":
        reminders.confirm(key, at=at)
        return HttpResponseSeeOther(reverse("donations:remind-confirm", args=[key]))
    reminder = reminders.find(key)
    language = reminder.language if reminder else current_outlet().language
    is_set = reminder is not None and reminder.state in (Reminder.State.CONFIRMED, Reminder.State.QUEUED)
    can_confirm = reminder is not None and reminders.is_confirmable(reminder, at=at)
    context = {
        "key": key,
        "is_set": is_set,
        "can_confirm": can_confirm,
        "day": day_in_words(reminder.due_date, language) if reminder else "",
        "wording": reminder.wording if reminder else "",
        "days": CONFIRM_WITHIN.days,
    }
    status = 200 if is_set or can_confirm else 410
    return render_page(request, "donations/remind_confirm.html", context, language=language, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@public
def cancel(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show the button, and cancel when it is pressed; the same page however often, and for a key that nothing has.

    The POST needs no body, so that a mail program's own button (RFC 8058) can press it.
    """
    reminder = reminders.find(key)
    language = reminder.language if reminder else current_outlet().language
    is_done = request.method == "POST"
    if is_done:
        reminders.cancel_all(key, at=timezone.now())
    return render_page(request, "donations/remind_cancel.html", {"is_done": is_done}, language=language)


def _form_page(
    request: HttpRequest, shown: Disclosure, *, form: ReminderForm | None = None, status: int = 200
) -> HttpResponse:
    # A link may choose the time beforehand, as another page of ours does that offers one.
    wanted = (form.data if form else request.GET).get("when", "")
    context: dict[str, Any] = {
        "disclosure": shown,
        "form": form,
        "chosen": wanted if wanted in dict(shown.spans) else shown.default,
        "is_too_often": status == 429,
    }
    return render_page(request, "donations/remind.html", context, language=shown.language, status=status)


def _language(text: str) -> str:
    return text if text in dict(settings.LANGUAGES) else current_outlet().language


def _article(data: QueryDict) -> Article | None:
    pk = giving.whole_number(data.get("article", ""))
    return Article.objects.published(timezone.now()).filter(pk=pk).defer("body").first() if pk else None


def _appeal(data: QueryDict) -> Appeal | None:
    pk = giving.whole_number(data.get("appeal", ""))
    return Appeal.objects.filter(pk=pk).first() if pk else None


def _choice(data: QueryDict) -> Choice | None:
    """Return the gift that rides along, where it is one that the form would take."""
    try:
        return giving.read_choice(data) if data.get("amount") else None
    except ChoiceRefused:
        return None
