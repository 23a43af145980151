from newsroom.admin import foundation  # noqa: F401 - importing registers.
