"""A bundle: what a digest is about."""

import msgspec


class Bundle(msgspec.Struct, frozen=True):
    """What all items of a digest have in common, empty where they differ; `id` is its stream."""

    id: str
    source: str
    account: str
    course: str
    kind: str
    instance: str | None
