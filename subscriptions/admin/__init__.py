"""The staff's pages of the package, one module for each subject."""

from subscriptions.admin import consents, issues, newsletters, policies, retention, subscribers

__all__ = ["consents", "issues", "newsletters", "policies", "retention", "subscribers"]
