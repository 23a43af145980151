"""The staff's pages of the package, one module for each subject."""

from subscriptions.admin import consents, newsletters, policies, subscribers

__all__ = ["consents", "newsletters", "policies", "subscribers"]
