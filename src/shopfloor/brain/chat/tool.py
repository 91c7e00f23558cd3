"""Skills as a chat model sees them, and its calls as the loop takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from shopfloor.brain.chat.convention import Convention, Grounding
from shopfloor.brain.chat.engine import ToolCall
from shopfloor.brain.chat.profile import Server
from shopfloor.brain.chat.seen import Seen
from shopfloor.types import Finish, SkillCall

__all__ = ["FINISH", "Misread", "Tools", "arguments", "choice"]

FINISH = "finish"
_CLAIMS = ("done", "gave_up", "refused")
_PAIRS = {"handover": ("giver", "taker")}
"""Skills that take two limbs, and what each of them is called."""
_TARGET = {
    "type": "string",
    "description": "What is meant: an id from the list of parts, such as p1, or words that fit one "
    "thing only.",
}
_MOST = 8
"""Calls that one answer may hold."""


def choice(server: Server) -> str:
    """How a server is told that a tool is to be called."""
    return "required" if "required" in server.tools else "auto"


class Misread(ValueError):
    """An answer that means no call; the message tells the model what was got and is allowed.

    Attributes:
        code: Failure code, if the model does not mend it.
    """

    def __init__(self, message: str, code: str = "brain.malformed") -> None:
        super().__init__(message)
        self.code = code


class Tools:
    """The skills of a cell, in the words and numbers of one model."""

    def __init__(
        self,
        skills: Mapping[str, Mapping[str, Any]],
        limbs: Sequence[str],
        cameras: Sequence[str],
        convention: Convention | None,
    ) -> None:
        """Prepare.

        Args:
            skills: JSON schema of each skill's arguments.
            limbs: Names of the limbs.
            cameras: Cameras that the model is shown.
            convention: How it points; None for a model that cannot: targets are then words, and
                somebody else finds them.
        """
        self._limbs, self._cameras, self._convention = tuple(limbs), tuple(cameras), convention
        self._names = frozenset(skills)
        self.parameters = {name: self._parameters(name, s) for name, s in skills.items()}
        self.parameters[FINISH] = _finish()

    @property
    def definitions(self) -> tuple[dict[str, Any], ...]:
        """The tools in OpenAI's form."""
        made = []
        for name, schema in self.parameters.items():
            inside = {k: v for k, v in schema.items() if k != "description"}
            function = {"name": name, "description": schema["description"], "parameters": inside}
            made.append({"type": "function", "function": function})
        return tuple(made)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of an answer that lists its calls, for a model without tools."""
        kinds = []
        for name, schema in self.parameters.items():
            properties = {"skill": {"const": name}, **schema["properties"]}
            kinds.append(
                {
                    "type": "object",
                    "properties": properties,
                    "required": ["skill", *schema["required"]],
                    "additionalProperties": False,
                }
            )
        return {
            "type": "object",
            "properties": {
                "calls": {
                    "type": "array",
                    "minItems": 0,
                    "maxItems": _MOST,
                    "items": {"anyOf": kinds},
                }
            },
            "required": ["calls"],
            "additionalProperties": False,
        }

    def listed(self) -> str:
        """The skills as text, for a model that is told of them in the prompt."""
        lines = []
        for name, schema in self.parameters.items():
            given = [
                key if key in schema["required"] else f"[{key}]" for key in schema["properties"]
            ]
            lines.append(f"- {name}({', '.join(given)}): {schema['description']}")
        return "\n".join(lines)

    def read(
        self, calls: Sequence[ToolCall], pictures: Mapping[str, Seen], first_id: int
    ) -> tuple[SkillCall, ...] | Finish:
        """Take a model's calls apart.

        Unknown skills and limbs go through as they are: the loop refuses them, and that is on
        record. What cannot even be written down as a call is a ``Misread``.

        Args:
            calls: As the model wrote them.
            pictures: Sizes of the pictures that it was shown, by camera.
            first_id: Number of the first call; ids are unique within an order.

        Raises:
            Misread: Arguments that are no JSON object, a claim that is none, coordinates that
                are none or lie outside the picture, too many calls.
        """
        if len(calls) > _MOST:
            raise Misread(f"{len(calls)} calls in one answer; up to {_MOST} are allowed")
        made: list[SkillCall] = []
        for call in calls:
            given = arguments(call)
            if call.name == FINISH:
                return _claim(given)
            made.append(self._call(call.name, given, pictures, f"c{first_id + len(made)}"))
        return tuple(made)

    def _call(
        self, skill: str, given: dict[str, Any], pictures: Mapping[str, Seen], call_id: str
    ) -> SkillCall:
        keys = _PAIRS.get(skill, ("limb",))
        limbs = tuple(str(limb) for key in keys if (limb := given.pop(key, None)) is not None)
        clear = skill == "look" and bool(given.pop("clear", False))
        if skill == "look":  # the limbs of a look are those that draw back first
            limbs = self._limbs if clear else ()
        for name in ("point", "box"):
            if name in given:
                given[name] = self._pixels(name, given[name], given.get("camera"), pictures)
        wanted = self.parameters[skill]["required"] if skill in self._names else ()
        if "camera" in wanted or "point" in given or "box" in given:
            given.setdefault("camera", self._cameras[0] if self._cameras else "")
        return SkillCall(call_id, skill, limbs, given)

    def _pixels(
        self, name: str, numbers: Any, camera: Any, pictures: Mapping[str, Seen]
    ) -> list[float]:
        """Original pixels of what the model wrote for a point or a box."""
        if self._convention is None:
            raise Misread("this model was not asked for coordinates; say what is meant in words")
        camera = self._cameras[0] if camera is None and len(self._cameras) == 1 else camera
        seen = pictures.get(camera) if isinstance(camera, str) else None
        if seen is None:
            known = ", ".join(sorted(pictures))
            raise Misread(f"{name} in camera {camera!r}; pictures were shown of: {known}")
        how = self._convention
        try:
            written = _listed(numbers) if isinstance(numbers, str) else numbers
            if written is None:  # the model's own tags
                return _only(how.parse(numbers, seen), name, numbers)
            decode = how.decode_point if name == "point" else how.decode_box
            return [float(number) for number in decode(written, seen)]
        except (ValueError, TypeError) as error:
            code = "perception.out_of_range" if _is_place(numbers) else "brain.malformed"
            raise Misread(f"{name}: {error}", code) from error

    def _parameters(self, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The schema of a skill's arguments, with its limbs, in the model's own numbers."""
        properties: dict[str, Any] = {}
        limb = {"type": "string", "enum": list(self._limbs)}
        for key in _PAIRS.get(name, () if name == "look" else ("limb",)):
            properties[key] = dict(limb)
        properties.update(deepcopy(dict(schema.get("properties", {}))))
        required = [*_PAIRS.get(name, () if name in {"look", "wait"} else ("limb",))]
        required += list(schema.get("required", ()))
        if name == "look":
            properties["clear"] = {
                "type": "boolean",
                "description": "Draw the limbs out of the picture first.",
            }
        if "camera" in properties:
            properties["camera"] = {"type": "string", "enum": list(self._cameras)}
        if self._convention is None and "point" in properties:
            # Somebody else finds what is meant, and knows in which picture.
            if "camera" in required:
                required[required.index("camera")] = "target"
            for key in ("camera", "point", "box"):
                properties.pop(key, None)
            properties["target"] = dict(_TARGET)
        for key in ("point", "box"):
            if key not in properties:
                continue
            if self._convention is None or (key == "box" and not self._convention.boxes):
                del properties[key]
            else:
                # Ranges are the model's, not pixels; the parser checks them.
                count = 2 if key == "point" else 4
                properties[key] = {
                    "type": "array",
                    "items": {"type": "number"},
                    "minItems": count,
                    "maxItems": count,
                    "description": f"Where in the picture. {self._convention.hint}",
                }
        return {
            "type": "object",
            "description": str(schema.get("description", name)),
            "properties": properties,
            "required": list(dict.fromkeys(required)),
            "additionalProperties": False,
        }


def _finish() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "End the order: it is done, you give up, or you refuse it. Say why.",
        "properties": {
            "claim": {"type": "string", "enum": list(_CLAIMS)},
            "note": {"type": "string"},
        },
        "required": ["claim"],
        "additionalProperties": False,
    }


def arguments(call: ToolCall) -> dict[str, Any]:
    """Read the arguments of a call.

    Raises:
        Misread: They are no JSON object.
    """
    try:
        given = json.loads(call.arguments or "{}")
        json.dumps(given, ensure_ascii=False).encode()  # half a surrogate pair cannot be kept
    except (ValueError, RecursionError) as error:
        raise Misread(f"the arguments of {call.name!r} are no JSON ({error})") from error
    if not isinstance(given, dict):
        raise Misread(
            f"the arguments of {call.name!r} are {type(given).__name__}; an object is allowed"
        )
    return given


def _listed(text: str) -> list[Any] | None:
    """Numbers that came as text (``"[12, 34]"``), or None where it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    numbers = isinstance(found, list) and all(isinstance(one, int | float) for one in found)
    return found if numbers else None


def _only(found: Sequence[Grounding], name: str, text: str) -> list[float]:
    """The one point or box in a text; to choose among several would be to guess."""
    places = [place for one in found if (place := getattr(one, name)) is not None]
    if len(places) != 1:
        raise ValueError(f"{text[:60]!r} names {len(places)} {name}s; one is allowed")
    return [float(number) for number in places[0]]


def _is_place(numbers: Any) -> bool:
    """Whether something was at least meant as a place: text with numbers, or a list of them."""
    if isinstance(numbers, str):
        return any(letter.isdigit() for letter in numbers)
    return (
        isinstance(numbers, list)
        and len(numbers) in (2, 4)
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
    )


def _claim(given: Mapping[str, Any]) -> Finish:
    claim, note = given.get("claim"), given.get("note", "")
    if claim not in _CLAIMS:
        raise Misread(f"finish claims {claim!r}; allowed: {', '.join(_CLAIMS)}")
    return Finish(claim, note if isinstance(note, str) else json.dumps(note))
