"""The steps of an article's life as buttons: what each says, asks for and does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.models import AbstractUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from newsroom.models import Article, articles

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class NothingForm(forms.Form):
    """A step that asks for nothing but the press of its button."""


class ScheduleForm(forms.Form):
    publish_at = forms.DateTimeField(
        label=_("Time of publication"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), help_text=_("For the record of the newsroom."), widget=forms.Textarea(attrs={"rows": 3})
    )


class WithdrawForm(ReasonForm):
    note = forms.CharField(
        label=_("Note to readers"),
        required=False,
        max_length=500,
        help_text=_("Stands at the article's address in place of the text. May stay empty."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class CorrectionForm(forms.Form):
    text = forms.CharField(
        label=_("Correction"),
        max_length=1000,
        help_text=_("Readers see it under the text, with today's date. Say what was wrong and what is right."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )


Take = Callable[[Article, AbstractUser, datetime, dict[str, Any]], object]


@dataclass(frozen=True)
class StepScreen:
    """One step as staff meet it. `take` gets the article, who, when, and the form's clean values."""

    step: articles.Step
    label: "StrOrPromise"
    explanation: "StrOrPromise"
    done: "StrOrPromise"
    take: Take
    form: type[forms.Form] = NothingForm
    is_grave: bool = False

    @property
    def action(self) -> str:
        return self.step.action

    @property
    def asks(self) -> bool:
        return bool(self.form.base_fields)


STEP_SCREENS = {
    screen.action: screen
    for screen in (
        StepScreen(
            articles.SUBMIT,
            _("Submit for review"),
            _("Editors are shown the article as ready. You can no longer change it unless they give it back."),
            _("The article is in review."),
            lambda article, by, at, data: article.submit(by=by, at=at),
        ),
        StepScreen(
            articles.RETURN,
            _("Give back"),
            _("The article becomes a draft again."),
            _("The article is a draft again."),
            lambda article, by, at, data: article.return_to_draft(by=by, at=at, reason=data["reason"]),
            ReasonForm,
        ),
        StepScreen(
            articles.PUBLISH,
            _("Publish now"),
            _("Readers see the article at once."),
            _("The article is published."),
            lambda article, by, at, data: article.publish(by=by, at=at),
        ),
        StepScreen(
            articles.SCHEDULE,
            _("Schedule"),
            _("Readers see the article from the minute you choose, with nobody having to do anything."),
            _("The article is scheduled."),
            lambda article, by, at, data: article.schedule(by=by, at=at, publish_at=data["publish_at"]),
            ScheduleForm,
        ),
        StepScreen(
            articles.UNSCHEDULE,
            _("Take off the schedule"),
            _("The article goes back to review."),
            _("The article is in review again."),
            lambda article, by, at, data: article.unschedule(by=by, at=at),
        ),
        StepScreen(
            articles.CORRECT,
            _("Add a correction"),
            _("First mend the text itself and save it. Then tell readers here what was wrong."),
            _("The correction stands under the text."),
            lambda article, by, at, data: article.correct(by=by, at=at, text=data["text"]),
            CorrectionForm,
        ),
        StepScreen(
            articles.WITHDRAW,
            _("Withdraw"),
            _("Readers no longer see the article. Its address says that it was withdrawn."),
            _("The article is withdrawn."),
            lambda article, by, at, data: article.withdraw(by=by, at=at, reason=data["reason"], note=data["note"]),
            WithdrawForm,
            is_grave=True,
        ),
        StepScreen(
            articles.REINSTATE,
            _("Publish again"),
            _("Readers see the article again, at its old address and with its old date."),
            _("The article is published again."),
            lambda article, by, at, data: article.reinstate(by=by, at=at, reason=data["reason"]),
            ReasonForm,
        ),
    )
}


def screens_for(article: Article, *, by: AbstractUser, at: datetime) -> list[StepScreen]:
    """Return the steps `by` could take with `article` now."""
    return [screen for screen in STEP_SCREENS.values() if article.may(screen.step, by=by, at=at)]


def staff_user(request: HttpRequest) -> User:
    """Return who is logged in; the admin's own views let nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
