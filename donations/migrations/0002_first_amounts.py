from django.db import migrations

MAJOR = {
    # currency: decimals, then per frequency minimum, maximum, suggestions, default, in whole units
    "USD": (2, (2, 10_000, (20, 50, 100, 250), 50), (2, 1_000, (2, 5, 10, 25), 5), (10, 10_000, (25, 60, 120, 250), 60)),
    "EUR": (2, (2, 10_000, (20, 50, 100, 250), 50), (2, 1_000, (2, 5, 10, 25), 5), (10, 10_000, (25, 60, 120, 250), 60)),
    "GBP": (2, (2, 10_000, (20, 50, 100, 200), 50), (2, 1_000, (2, 5, 10, 20), 5), (10, 10_000, (25, 50, 100, 200), 50)),
    "CHF": (2, (2, 10_000, (20, 50, 100, 250), 50), (2, 1_000, (2, 5, 10, 25), 5), (10, 10_000, (25, 60, 120, 250), 60)),
    "PLN": (2, (10, 40_000, (50, 100, 200, 500), 100), (10, 4_000, (10, 20, 40, 100), 20), (40, 40_000, (100, 240, 480, 1_000), 240)),
    "JPY": (0, (300, 1_500_000, (3_000, 5_000, 10_000, 30_000), 5_000), (300, 150_000, (300, 500, 1_000, 3_000), 500), (1_500, 1_500_000, (3_000, 6_000, 12_000, 30_000), 6_000)),
}
FREQUENCIES = ("once", "monthly", "annual")
METHODS = {
    "once": {"EUR": ["card", "sepa_debit", "ideal", "bancontact"], "PLN": ["card", "blik", "p24"], "CHF": ["card", "twint"]},
    "monthly": {"EUR": ["card", "sepa_debit"]},
    "annual": {"EUR": ["card", "sepa_debit"]},
}
LANGUAGES = {"en": "USD", "de": "EUR", "fr": "EUR", "pl": "PLN", "ru": "EUR"}


def write(apps, schema_editor):
    AmountRule = apps.get_model("donations", "AmountRule")
    PaymentMethodRule = apps.get_model("donations", "PaymentMethodRule")
    LanguageCurrency = apps.get_model("donations", "LanguageCurrency")
    for currency, (decimals, *rules) in MAJOR.items():
        unit = 10**decimals
        for frequency, (minimum, maximum, suggestions, default) in zip(FREQUENCIES, rules, strict=True):
            AmountRule.objects.using(schema_editor.connection.alias).get_or_create(
                currency=currency,
                frequency=frequency,
                defaults={
                    "minimum": minimum * unit,
                    "maximum": maximum * unit,
                    "suggestions": [amount * unit for amount in suggestions],
                    "default": default * unit,
                },
            )
            PaymentMethodRule.objects.using(schema_editor.connection.alias).get_or_create(
                currency=currency, frequency=frequency, defaults={"methods": METHODS[frequency].get(currency, ["card"])}
            )
    for language, currency in LANGUAGES.items():
        LanguageCurrency.objects.using(schema_editor.connection.alias).get_or_create(language=language, defaults={"currency": currency})


class Migration(migrations.Migration):
    """Write amounts, ways to pay and currencies to begin with. Staff change them; going back leaves their rows alone."""

    dependencies = [("donations", "0001_giving")]

    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
