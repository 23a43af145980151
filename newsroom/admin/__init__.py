from newsroom.admin import articles, foundation, people, publishing  # noqa: F401 - importing registers.
