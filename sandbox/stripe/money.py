"""Currencies, the smallest and largest charge, and the fee, all in integers of the minor unit."""

from sandbox.stripe.errors import ApiError, invalid

# https://docs.stripe.com/currencies#zero-decimal
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
# fmt: off
TWO_DECIMAL = frozenset([
    "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn",
    "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "cny", "cop", "crc",
    "cve", "czk", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip", "gmd",
    "gtq", "gyd", "hkd", "hnl", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "kes", "kgs", "khr",
    "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl", "mkd", "mmk", "mnt", "mop", "mur",
    "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok", "npr", "nzd", "pab", "pen", "pgk",
    "php", "pkr", "pln", "qar", "ron", "rsd", "rub", "sar", "sbd", "scr", "sek", "sgd", "shp", "sle",
    "sos", "srd", "std", "szl", "thb", "tjs", "top", "try", "ttd", "twd", "tzs", "uah", "ugx", "usd",
    "uyu", "uzs", "wst", "xcd", "yer", "zar", "zmw",
])
# fmt: on
CURRENCIES = ZERO_DECIMAL | TWO_DECIMAL | THREE_DECIMAL

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUM = {
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    "usd": 50,
}
MAXIMUM = 99_999_999
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}

FEE_PER_MILLE = 29
FEE_FIXED = 30
DISPUTE_FEE = 1500


def exponent(currency: str) -> int:
    """Return how many decimals an amount in this currency is shown with."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def shown(amount: int, currency: str) -> str:
    """Return an amount of minor units as people write it: `$25.00`, `¥500`, `25.00 CHF`."""
    digits = exponent(currency)
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    whole, part = divmod(amount, 10**digits)
    number = f"{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {currency.upper()}"


def fee(amount: int) -> int:
    """Return what Stripe keeps of a charge: 2.9 %, rounded half up, and 30 minor units."""
    return (amount * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED if amount else 0


def check_currency(currency: str, *, param: str = "currency") -> str:
    """Return the currency in lower case, or refuse one that Stripe does not know."""
    code = currency.lower()
    if code not in CURRENCIES:
        known = ", ".join(sorted(CURRENCIES))
        raise invalid(f"Invalid currency: {currency}. Stripe currently supports these currencies: {known}", param=param)
    return code


def check_amount(amount: int, currency: str, *, param: str = "amount", subject: str = "Amount") -> None:
    """Refuse an amount below or above what Stripe charges in this currency."""
    smallest = MINIMUM.get(currency, 1)
    if amount < smallest:
        raise _out_of_range(
            f"{subject} must be at least {shown(smallest, currency)} {currency}", "amount_too_small", param
        )
    if amount > MAXIMUM:
        raise _out_of_range(
            f"{subject} must be no more than {shown(MAXIMUM, currency)} {currency}", "amount_too_large", param
        )


def _out_of_range(message: str, code: str, param: str) -> ApiError:
    return invalid(message, code=code, param=param)
