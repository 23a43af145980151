"""Who may open the desk, and which issue is on it."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from subscriptions.models import Issue


def issue_for(request: HttpRequest, pk: int) -> Issue:
    """Return the issue to somebody who may see issues. Raises PermissionDenied and Http404."""
    if not user_of(request).has_perm("subscriptions.view_issue"):
        raise PermissionDenied
    return get_object_or_404(Issue.objects.select_related("newsletter", "rendering", "approved_by"), pk=pk)


def user_of(request: HttpRequest) -> User:
    # The admin lets nobody in who is not signed in.
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
