"""Copy frozen models with other values: a scan of a large bill copies findings a million times."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


def changed(model: Model, update: Mapping[str, object]) -> Model:
    """Return a copy with the values of `update`, as `model_copy` does, in less time and memory.

    Copies share the names of the fields that were set, which only `exclude_unset` reads. For models without private or
    extra fields.
    """
    copy = type(model).__new__(type(model))
    object.__setattr__(copy, "__dict__", {**model.__dict__, **update})
    object.__setattr__(copy, "__pydantic_fields_set__", model.__pydantic_fields_set__)
    object.__setattr__(copy, "__pydantic_extra__", None)
    object.__setattr__(copy, "__pydantic_private__", None)
    return copy
