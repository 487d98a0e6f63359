"""What an adapter is told: a source's `options`, checked, with the files that they name found."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from pipelines.config import located
from pipelines.errors import UserError
from schemas.config import Files
from transforms.ingest.adapters.base import Adapter
from transforms.ingest.files import expand


def options_of(source: Files, adapt: Adapter) -> dict[str, Any]:
    """The adapter's switches; those that name companions hold their paths.

    Raises:
        UserError: naming what is allowed.
        InputError: a companion is not there.
    """
    if source.mapping is not None:
        return {"mapping": source.mapping.model_dump()}
    try:
        options = adapt.options.model_validate(source.options).model_dump()
    except ValidationError as error:
        allowed = ", ".join(adapt.options.model_fields) or "none"
        said = "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        raise UserError(f"{source.name!r}: options: {said} (options of {adapt.name} are {allowed})") from error
    for name in adapt.companions:
        options[name] = expand([located(path) for path in options[name]]) if options[name] else []
    return options
