"""The staff's pages of the package, one module for each subject."""

from subscriptions.admin import (
    consents,
    embedding,
    imports,
    issues,
    newsletters,
    policies,
    renewals,
    retention,
    segments,
    subscribers,
)

__all__ = [
    "consents",
    "embedding",
    "imports",
    "issues",
    "newsletters",
    "policies",
    "renewals",
    "retention",
    "segments",
    "subscribers",
]
