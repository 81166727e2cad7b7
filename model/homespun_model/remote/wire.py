"""What is sent and what comes back: OpenAI's completions, as vLLM and llama.cpp's server have them.

One request suits both: what one of them does not know it passes over. Answers differ in how they
name a token: llama.cpp by an ``id``, vLLM, if asked to, as the text "token_id:…". Everything that
comes is another machine's word: it is bounded and believed in nothing that it cannot show.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homespun_model.errors import RemoteNonsense

MODELS, COMPLETIONS = "/v1/models", "/v1/completions"
TOP = 20  # tokens of which the probability is told at each place: what vLLM gives unless told more
SURE = 100.0  # added to a logit, it makes a token come: OpenAI's largest
_NAMED = "token_id:"
_DATA, _DONE = "data:", "[DONE]"


@dataclass(frozen=True, slots=True)
class Step:
    """What a model expects at one place. ``said``: the token that the server goes on with;
    ``logprobs``: natural, of the likeliest tokens and of that one."""

    said: int
    logprobs: Mapping[int, float]


def request(
    model: str,
    prompt: Sequence[int],
    most: int,
    *,
    loras: Sequence[Mapping[str, float]] = (),
    among: Iterable[int] = (),
) -> dict[str, Any]:
    """The likeliest continuation of a prompt, at most so many tokens, streamed.

    ``loras``: llama.cpp's, each by its number with a scale; what is not named is left out there.
    ``among``: tokens of which one has to come. Ends are not waited for: who reads sees one first.
    """
    asked: dict[str, Any] = {
        "model": model,
        "prompt": list(prompt),
        "max_tokens": most,
        "temperature": 0,
        "logprobs": TOP,
        "stream": True,
        "ignore_eos": True,
        "skip_special_tokens": False,
        "return_tokens_as_token_ids": True,
        "cache_prompt": True,
        "timings_per_token": True,
        "lora": list(loras),
    }
    if bias := {str(token): SURE for token in among}:
        asked["logit_bias"] = bias
    return asked


def is_end(line: str) -> bool:
    """Whether a line says that a stream is whole."""
    return line.startswith(_DATA) and line[len(_DATA) :].strip() == _DONE


def event(line: str) -> dict[str, Any] | None:
    """The event in a line of a stream; None for what is none. RemoteNonsense."""
    if not line.startswith(_DATA):
        return None
    found = parsed(line[len(_DATA) :])
    if not isinstance(found, dict) or "error" in found:
        raise RemoteNonsense("ends its answer with an error")
    return found


def parsed(text: str | bytes) -> Any:
    """JSON that may be anything. RemoteNonsense."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RemoteNonsense("answers something that is no JSON") from error


def steps(told: Mapping[str, Any], vocabulary: int) -> list[Step]:
    """The places that an event tells of, maybe none. RemoteNonsense for tokens that are none of the
    ``vocabulary``, or without probabilities."""
    choices = told.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise RemoteNonsense("answers no completion")
    found = choice.get("logprobs")
    if found is None:
        if choice.get("text") and not choice.get("finish_reason"):
            raise RemoteNonsense("tells no probabilities of tokens")
        return []
    try:
        given = list(_by_id(found) if "content" in found else _by_name(found))
        made = [Step(int(said), dict(_checked(some))) for said, some in given]
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise RemoteNonsense("names tokens in a way that is not known here") from error
    if any(not 0 <= token < vocabulary for step in made for token in (step.said, *step.logprobs)):
        raise RemoteNonsense("names tokens that the base does not have")
    return made


def said_so_far(told: Mapping[str, Any]) -> int | None:
    """How many tokens llama.cpp has said with an event: of one that begins a character and does not
    end it, it does not tell."""
    timings = told.get("timings")
    count = timings.get("predicted_n") if isinstance(timings, dict) else None
    return count if isinstance(count, int) else None


def is_cut(told: Mapping[str, Any]) -> bool:
    """Whether an event says that as many tokens were said as had been asked for."""
    choices = told.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return isinstance(choice, dict) and choice.get("finish_reason") == "length"


def _by_id(found: Any) -> Iterable[tuple[int, list[tuple[int, float]]]]:
    """llama.cpp's."""
    for one in found["content"]:
        top = [(each["id"], each["logprob"]) for each in one["top_logprobs"]]
        yield one["id"], [*top, (one["id"], one["logprob"])]


def _by_name(found: Any) -> Iterable[tuple[int, list[tuple[int, float]]]]:
    """vLLM's."""
    told = zip(found["tokens"], found["token_logprobs"], found["top_logprobs"], strict=True)
    for name, logprob, top in told:
        some = [(_number(each), value) for each, value in (top or {}).items()]
        yield _number(name), [*some, (_number(name), logprob)]


def _number(name: str) -> int:
    if not name.startswith(_NAMED):
        raise ValueError(name)
    return int(name[len(_NAMED) :])


def _checked(some: Iterable[tuple[Any, Any]]) -> Iterable[tuple[int, float]]:
    """Rounding makes a probability a little more than one."""
    for token, logprob in some:
        if math.isnan(logprob) or logprob > 0.01:
            raise ValueError(logprob)
        yield int(token), min(0.0, float(logprob))
