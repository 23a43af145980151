import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("newsroom", "0012_pictures_in_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportedArticle",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("origin", models.CharField(max_length=200, verbose_name="old site")),
                ("key", models.CharField(max_length=64, verbose_name="key in the old system")),
                ("imported_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="imported at")),
                (
                    "article",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="newsroom.article",
                        verbose_name="article",
                    ),
                ),
            ],
            options={
                "verbose_name": "imported article",
                "verbose_name_plural": "imported articles",
                "constraints": [
                    models.UniqueConstraint(fields=("origin", "key"), name="imported_article_comes_once"),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("origin", ""), _negated=True), models.Q(("key", ""), _negated=True)),
                        name="imported_article_names_its_origin",
                    ),
                ],
            },
        ),
    ]
