"""What clients ask in every language, and what they are to get."""

import json
from typing import Any

HELLO = "hello there"
"""The demonstration model says this again at the end of its answer."""

FEW_PIECES = 10
"""Its answer has more tokens, and a stream of it more pieces."""

STOP = "demonstration"
BEFORE_STOP = "This is the built-in"

LIMIT_TOKENS = 16
"""The least that the Responses API allows; the answer has more."""

CALLING = '<tool_call name="add">\n{"a": 1, "b": 2}\n</tool_call>'
"""Said again, it is a call of the tool ``add``."""

TOOL_RESULT = "[[fault: pieces=3]]"
AFTER_TOOL = "xxx"
"""What the scripted upstream answers to it, and to nothing else."""

PERSON: dict[str, Any] = {"name": "Ada", "age": 36}
STRUCTURED = f"```json\n{json.dumps(PERSON)}\n```"

SLOW = "[[fault: pieces=600 pause=100]]"
"""The scripted upstream takes a minute for its 600 times ``x``."""
