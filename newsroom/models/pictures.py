from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.models.articles import Article
from newsroom.models.images import Image
from newsroom.personal_data import PersonalData


class PictureInText(models.Model):
    """An image that stands in the text of an article, so that it cannot be deleted. `Article.save` keeps these rows."""

    article = models.ForeignKey(Article, verbose_name=_("article"), on_delete=models.CASCADE, related_name="pictures")
    image = models.ForeignKey(Image, verbose_name=_("image"), on_delete=models.PROTECT, related_name="placed")

    personal_data = PersonalData()

    class Meta:
        verbose_name = _("picture in a text")
        verbose_name_plural = _("pictures in texts")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["article", "image"], name="picture_in_a_text_once")]

    def __str__(self) -> str:
        return f"{self.article_id} · {self.image_id}"
