from django.db import migrations

# A slug with other letters, or none, made each page that links to its row fail. The row's number stands in for it.
TABLES = ("article", "author", "page", "section", "tag")
MEND = "\n".join(
    f"UPDATE newsroom_{table} SET slug = '{table}-' || id WHERE slug !~ '^[-a-zA-Z0-9_]+$';" for table in TABLES
)


class Migration(migrations.Migration):
    dependencies = [("newsroom", "0017_access_to_personal_data")]

    operations = [migrations.RunSQL(MEND, migrations.RunSQL.noop)]
