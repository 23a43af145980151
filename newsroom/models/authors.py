"""The people who sign articles, under their own name or another."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from newsroom.models.images import Image
from newsroom.models.sections import SLUG
from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData


class Author(ShownOnPages):
    """A name that stands over articles.

    A pseudonym protects a person. The account behind one is shown only to staff who hold `newsroom.view_pseudonyms`,
    and never to readers, in feeds or in data blocks.
    """

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("slug"), max_length=120, unique=True)
    role = models.CharField(_("role"), max_length=120, blank=True, help_text=_("Such as “Courts correspondent”."))
    description = models.CharField(
        _("description"), max_length=400, blank=True, help_text=_("One or two sentences for readers.")
    )
    portrait = models.ForeignKey(
        Image, verbose_name=_("portrait"), on_delete=models.PROTECT, null=True, blank=True, related_name="portrays"
    )
    is_pseudonymous = models.BooleanField(
        _("pseudonym"),
        default=False,
        help_text=_("The name protects a person. Readers are told that it is a pseudonym."),
    )
    staff_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("staff account"),
        # The account may go while the name stays over what was published.
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Never shown to readers."),
    )

    personal_data = PersonalData(
        not_personal={
            "name slug role description": "Under this name a journalist chose to be published.",
        },
    )

    class Meta:
        verbose_name = _("author")
        verbose_name_plural = _("authors")
        permissions = [("view_pseudonyms", "Can see which account stands behind a pseudonym")]
        constraints = [
            models.CheckConstraint(condition=~models.Q(name=""), name="author_has_a_name"),
            models.CheckConstraint(condition=models.Q(slug__regex=SLUG), name="author_slug_can_be_an_address"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("author", args=[self.slug])
