"""The project, and publishing: articles, images, feeds, search, transactional mail."""

from newsroom.celery import app as celery_app

__all__ = ["celery_app"]
