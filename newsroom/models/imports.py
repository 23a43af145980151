"""Which articles of an older system were taken over already."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.models.articles import Article
from newsroom.personal_data import PersonalData


class ImportedArticle(models.Model):
    """One post of an old site, noted in the transaction that made its article: a later import leaves it alone."""

    origin = models.CharField(_("old site"), max_length=200)
    key = models.CharField(_("key in the old system"), max_length=64)
    article = models.ForeignKey(
        Article,
        verbose_name=_("article"),
        # Staff may delete the draft that an import made, and the next import shall not bring it back.
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    imported_at = models.DateTimeField(_("imported at"), default=timezone.now)

    personal_data = PersonalData(
        not_personal={
            "origin": "The address of the newsroom's own older site.",
            "key": "The number of an article there.",
        }
    )

    class Meta:
        verbose_name = _("imported article")
        verbose_name_plural = _("imported articles")
        constraints = [
            models.UniqueConstraint(fields=["origin", "key"], name="imported_article_comes_once"),
            models.CheckConstraint(
                condition=~models.Q(origin="") & ~models.Q(key=""), name="imported_article_names_its_origin"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.origin} {self.key}"
