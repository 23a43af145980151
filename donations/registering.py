"""What the newsroom asks of this package, by its registry."""

from donations.figures import week_panel
from newsroom import registry


def register_all() -> None:
    registry.dashboard_panels.append(week_panel)
