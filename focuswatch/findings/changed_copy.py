"""Copy frozen models with other values: a scan of a large bill copies findings a million times.

A model has the names of the fields that were set, two kilobytes for a finding. Only `exclude_unset` reads them, which
is not used for these models, so that copies can share one set.
"""

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


def changed(model: Model, update: Mapping[str, object]) -> Model:
    """Return a copy with the values of `update`, as `model_copy` does. For models without private or extra fields."""
    copy = type(model).__new__(type(model))
    object.__setattr__(copy, "__dict__", {**model.__dict__, **update})
    object.__setattr__(copy, "__pydantic_fields_set__", model.__pydantic_fields_set__)
    object.__setattr__(copy, "__pydantic_extra__", None)
    object.__setattr__(copy, "__pydantic_private__", None)
    return copy


def share_field_names(*models: BaseModel) -> None:
    """Let models count all their fields as set, in one set for each class."""
    for model in models:
        names = _all_fields(type(model))
        if model.__pydantic_fields_set__ is not names:
            object.__setattr__(model, "__pydantic_fields_set__", names)


@cache
def _all_fields(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields)
