from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.models.articles import Article
from newsroom.personal_data import PersonalData


class UnsavedWords(models.Model):
    """What one person has typed into one article's form since the last save; without an article, into an empty form.

    It is no revision and nobody else sees it. Saving the form or a press of “Discard” ends the row. Words are as long
    as they were typed: a headline that is too long to be saved is still not lost.
    """

    # The words belong to the form, and go with what the form was about and with who filled it in.
    article = models.ForeignKey(
        Article, verbose_name=_("article"), on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("typed by"), on_delete=models.CASCADE, related_name="+"
    )
    headline = models.TextField(_("headline"), blank=True)
    standfirst = models.TextField(_("standfirst"), blank=True)
    body = models.TextField(_("text"), blank=True)
    credit_line = models.TextField(_("credit line"), blank=True)
    based_on = models.PositiveIntegerField(_("number of the revision on the screen"), default=0)
    typed_at = models.DateTimeField(_("typed at"))

    personal_data = PersonalData(
        not_personal={
            "headline standfirst body credit_line": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("unsaved words")
        verbose_name_plural = _("unsaved words")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["article", "user"], name="unsaved_words_once_per_form", nulls_distinct=False
            ),
        ]
        indexes = [models.Index(fields=["typed_at"], name="unsaved_words_oldest")]

    def __str__(self) -> str:
        return f"{self.article_id or '–'} · {self.user_id}"
