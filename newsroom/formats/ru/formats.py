"""Dates in Russian without the abbreviated word for “year”, whose full stop would stand twice at a sentence's end."""

DATE_FORMAT = "j E Y"
DATETIME_FORMAT = "j E Y, G:i"
YEAR_MONTH_FORMAT = "F Y"
