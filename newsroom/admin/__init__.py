from newsroom.admin import access, alarms, articles, foundation, people, publishing  # noqa: F401 - importing registers.
