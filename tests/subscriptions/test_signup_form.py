"""The form under an article."""

from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client

from subscriptions.models import Newsletter
from tests.newsroom.factories import make_article
from tests.subscriptions.factories import make_newsletter, make_policy


def render(article: Any) -> str:
    return Template("{% load signup %}{% signup_form article=article %}").render(Context({"article": article}))


def test_form_stands_under_an_article_and_names_the_page(client: Client, newsletter: Newsletter) -> None:
    article = make_article(slug="bridge")
    page = client.get(article.get_absolute_url()).content.decode()
    assert 'action="/newsletter/friday/sign-up/"' in page
    assert f'name="page" value="{article.get_absolute_url()}"' in page
    assert "I expressly agree" in page


def test_newsletter_of_the_articles_language_is_offered_in_its_language(newsletter: Newsletter) -> None:
    make_newsletter(name="Пятничное письмо", slug="pismo", language="ru")
    assert "/newsletter/pismo/" in render(make_article(language="ru"))
    assert "/newsletter/friday/" in render(make_article(language="en"))


def test_other_language_is_marked(newsletter: Newsletter) -> None:
    html = render(make_article(language="ru"))
    assert 'id="newsletter"' in html
    assert 'lang="en"' in html


def test_queries_stay_three(newsletter: Newsletter, django_assert_num_queries: Any) -> None:
    article = make_article()
    for _ in range(5):
        make_newsletter()
    with django_assert_num_queries(3):
        render(article)


@pytest.mark.parametrize("has_policy", [True, False])
def test_nothing_is_shown_that_nobody_could_agree_to(db: None, has_policy: bool) -> None:
    if has_policy:
        make_policy()
        make_newsletter(is_active=False)
    else:
        make_newsletter()
    assert render(make_article()) == ""
