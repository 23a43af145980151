from newsroom.admin import articles, foundation, publishing  # noqa: F401 - importing registers.
