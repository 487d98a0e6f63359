"""What is done about images that rows have in common."""

from __future__ import annotations

from pydantic import Field

from schemas.config.section import Section


class Images(Section):
    """Images in messages."""

    group: bool = Field(
        True,
        description="Whether rows that show the same image are one group. An image that more than "
        "`duplicates.template_share` of the rows' prompts have groups nothing.",
    )
