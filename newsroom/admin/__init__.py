from newsroom.admin import access, articles, foundation, people, publishing  # noqa: F401 - importing registers.
