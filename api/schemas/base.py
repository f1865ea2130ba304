"""What all schemas share: closed inputs, limits on every field, no NUL, no silent conversions."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt

from domain.codes import Compartment, Language
from domain.sealing.envelope import MAX_PLAINTEXT

LONGEST_TEXT = 15_000
"""Characters of a long text box."""

MOST_ITEMS = 50
FIRST_YEAR, LAST_YEAR = 2000, 2199
"""Of what may come in: calendars of the language and of the database end on different days."""

AtMost200 = Field(max_length=200)
"""A list that is not paged ends here."""


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a NUL character")
    return text


def _of_our_time(instant: datetime) -> datetime:
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError("before or after everything that is recorded here")
    return instant


Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_without_nul)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_without_nul)]
Code = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_.:+-]+$")]
Country = Annotated[str, Field(max_length=2, pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["KG"])]
LanguageTag = Annotated[str, Field(max_length=3, pattern=r"^[a-z]{2,3}$", description="ISO 639", examples=["ky"])]
Instant = AwareDatetime
InstantIn = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
Flag = StrictBool
Whole = StrictInt
Fields = Annotated[
    dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)],
        Line | Text | Flag | Annotated[list[Line], Field(max_length=MOST_ITEMS)] | None,
    ],
    Field(min_length=1, max_length=30, description="Fields of the compartment, as the confidentiality profile names."),
]


class In(BaseModel):
    """What comes in: closed, so that a misspelt field is refused and not dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def taken(cls, record: object, **more: Any) -> Self:
        """Return the answer with every field that the record has by the same name; `more` is said explicitly."""
        same = {name: getattr(record, name) for name in cls.model_fields if name not in more and hasattr(record, name)}
        return cls(**same, **more)


class Withheld(Out):
    """A compartment that is not shown, and why. Nothing is shown as absent that is only withheld."""

    compartment: Compartment
    because: str = Field(max_length=60, examples=["role", "not-handed-over", "not-accepted", "empty"])


class Labelled(Out):
    """A code and what it is called in the reader's language."""

    code: str = Field(max_length=80)
    label: str = Field(max_length=400)


Word = Annotated[str, Field(max_length=60)]
"""A code or reference that goes out."""

Sentence = Annotated[str, Field(max_length=1000)]
"""A sentence in the reader's language that goes out."""

Opened = Annotated[
    dict[
        Annotated[str, Field(max_length=40)],
        Annotated[str, Field(max_length=MAX_PLAINTEXT)]
        | Flag
        | Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=MOST_ITEMS)]
        | None,
    ],
    Field(max_length=30, description="Fields of a compartment, in the clear."),
]


class HealthOut(Out):
    """Whether the process answers and can serve."""

    status: Literal[
        "live",
        "ready",
        "waiting-for-database",
        "waiting-for-migration",
        "waiting-for-ledger",
        "waiting-for-keys",
        "sealed",
    ]


Labels = Annotated[dict[Language, Annotated[str, Field(max_length=200)]], Field(max_length=3)]
