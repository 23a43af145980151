"""What full-text search reads of an article: the expression behind its generated column."""

from django.contrib.postgres.search import SearchVector
from django.db.models import Case, F, Func, TextField, Value, When
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Lower

# Language → PostgreSQL's text search configuration; every other language is searched word for word.
CONFIGS = {"en": "english", "ru": "russian", "": "simple"}
# The server may lack the unaccent extension, and a generated column takes only immutable functions; translate() is one.
ACCENTED = "àáâãäåāăąçćčďđèéêëēėęěìíîïīįłľĺñńňòóôõöøōőŕřśšşťțţùúûüūůűųýÿźżžёґїў"
PLAIN = "aaaaaaaaacccddeeeeeeeeiiiiiilllnnnoooooooorrssstttuuuuuuuuyyzzzегиу"


def _folded(field: str) -> Func:
    """Return a column's words: without tags, in small letters, without accents."""
    # A tag that follows a full stop would make one odd token of both (“queued.</p>” reads like a file's name).
    bare = Func(F(field), Value("<[^>]*>"), Value(" "), Value("g"), function="regexp_replace", output_field=TextField())
    return Func(Lower(bare), Value(ACCENTED), Value(PLAIN), function="translate", output_field=TextField())


def _vector(config: str) -> CombinedExpression:
    weighted = [
        SearchVector(_folded(field), config=config, weight=weight)
        for field, weight in (("headline", "A"), ("standfirst", "B"), ("body", "D"))
    ]
    return weighted[0] + weighted[1] + weighted[2]


def search_expression() -> Case:
    """Weigh the headline above the standfirst and the text, stemmed in the article's language."""
    return Case(
        *(When(language=language, then=_vector(config)) for language, config in CONFIGS.items() if language),
        default=_vector(CONFIGS[""]),
    )
