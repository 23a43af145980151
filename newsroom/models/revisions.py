from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.models.articles import Article
from newsroom.personal_data import PersonalData


class ArticleRevision(models.Model):
    """The words of an article as somebody saved them. Its number is what an editor's form is based on."""

    # Only drafts can be deleted, and their revisions with them.
    article = models.ForeignKey(Article, verbose_name=_("article"), on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField(_("number"))
    headline = models.CharField(_("headline"), max_length=200)
    standfirst = models.TextField(_("standfirst"), blank=True)
    body = models.TextField(_("text"), blank=True)
    credit_line = models.CharField(_("credit line"), max_length=200, blank=True)
    saved_at = models.DateTimeField(_("saved at"))
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("saved by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty where the product itself wrote it."),
    )

    personal_data = PersonalData(
        not_personal={
            "headline standfirst body credit_line": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        constraints = [models.UniqueConstraint(fields=["article", "number"], name="revision_number_is_used_once")]

    def __str__(self) -> str:
        return f"{self.article_id} · {self.number}"
