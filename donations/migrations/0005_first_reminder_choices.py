from django.db import migrations

CHOICES = ["1-week", "1-month", "3-months"]
DEFAULT = "1-month"


def write(apps, schema_editor):
    ReminderChoice = apps.get_model("donations", "ReminderChoice")
    if ReminderChoice.objects.using(schema_editor.connection.alias).exists():
        return
    for position, span in enumerate(CHOICES, start=1):
        ReminderChoice.objects.using(schema_editor.connection.alias).create(span=span, position=position, is_default=span == DEFAULT)


class Migration(migrations.Migration):
    """Write the times that the form offers to begin with. Staff change them; going back leaves their rows alone."""

    dependencies = [("donations", "0004_reminders")]

    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
