"""Any endpoint that speaks OpenAI's chat completions: bounded, retried, kept on disk, and never dearer than allowed."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from transforms.hashing import digest_json

#: Answers of a server after which it is asked again.
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)
#: Letters a token is taken to have at least, for what a question may cost before it is asked.
_LETTERS = 3


class EndpointError(Exception):
    """An endpoint that cannot be asked, in words."""


@dataclass
class Spent:
    """What was used so far."""

    asked: int = 0
    kept_before: int = 0
    retried: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    refused: int = 0


@dataclass
class Endpoint:
    """A chat endpoint.

    Attributes:
        url: up to and with `/v1`; `/chat/completions` is put behind it.
        model: its name there.
        cache: folder of answers; one that is there is not asked for again.
        key: name of the environment variable that holds the key; none is sent when None.
        concurrency: questions at once.
        retries: after the first try.
        timeout: seconds.
        answer_tokens: of an answer at most.
        max_tokens: of all questions and answers together; a question that could go over it is not asked.
        price_in: of a million tokens of questions, in the user's currency.
        price_out: of a million tokens of answers.
        max_cost: of all; None for no limit.
        pause: seconds before the first retry, doubled each time.
    """

    url: str
    model: str
    cache: str
    key: str | None = None
    concurrency: int = 4
    retries: int = 4
    timeout: float = 60.0
    answer_tokens: int = 200
    max_tokens: int = 200_000
    price_in: float = 0.0
    price_out: float = 0.0
    max_cost: float | None = None
    pause: float = 1.0
    spent: Spent = field(default_factory=Spent)
    _lock: Lock = field(default_factory=Lock, repr=False)
    _reserved: list[int] = field(default_factory=lambda: [0, 0], repr=False)

    def ask(self, questions: Sequence[list[dict[str, str]]]) -> list[str | None]:
        """Answers to lists of messages; None where the limits of tokens or cost leave no room for one.

        Raises:
            EndpointError: the endpoint cannot be reached, refuses, or answers something else.
        """
        with ThreadPoolExecutor(self.concurrency) as pool:
            return list(pool.map(self._one, questions))

    @property
    def cost(self) -> float:
        """What was spent, in the user's currency."""
        return (self.spent.prompt_tokens * self.price_in + self.spent.completion_tokens * self.price_out) / 1e6

    def _one(self, messages: list[dict[str, str]]) -> str | None:
        body = {
            "model": self.model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": self.answer_tokens,
            "seed": 0,
        }
        kept = Path(self.cache) / f"{digest_json([self.url, body])}.json"
        if kept.exists():
            with self._lock:
                self.spent.kept_before += 1
            return str(json.loads(kept.read_text(encoding="utf-8"))["answer"])
        asked = sum(len(message["content"]) for message in messages) // _LETTERS + 16
        if not self._reserve(asked):
            return None
        try:
            answer = self._post(body)
            text = answer["choices"][0]["message"]["content"]
            used = answer.get("usage") or {}
        except (KeyError, IndexError, TypeError) as error:
            raise EndpointError(f"{self.url}: the answer has no choices[0].message.content") from error
        finally:
            with self._lock:
                self._reserved[0] -= asked
                self._reserved[1] -= self.answer_tokens
        with self._lock:
            self.spent.asked += 1
            self.spent.prompt_tokens += int(used.get("prompt_tokens", asked))
            self.spent.completion_tokens += int(used.get("completion_tokens", self.answer_tokens))
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_suffix(f".{id(messages)}.tmp")
        temporary.write_text(json.dumps({"answer": text}), encoding="utf-8")
        os.replace(temporary, kept)
        return str(text)

    def _reserve(self, asked: int) -> bool:
        """Set tokens aside for a question and its longest answer, if there is room for them."""
        with self._lock:
            into = self.spent.prompt_tokens + self._reserved[0] + asked
            out = self.spent.completion_tokens + self._reserved[1] + self.answer_tokens
            cost = (into * self.price_in + out * self.price_out) / 1e6
            if into + out > self.max_tokens or (self.max_cost is not None and cost > self.max_cost):
                self.spent.refused += 1
                return False
            self._reserved[0] += asked
            self._reserved[1] += self.answer_tokens
            return True

    def _post(self, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.key is not None:
            secret = os.environ.get(self.key)
            if not secret:
                raise EndpointError(f"the environment variable {self.key}, which is to hold the key, is not set")
            headers["Authorization"] = f"Bearer {secret}"
        request = urllib.request.Request(
            f"{self.url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers, method="POST"
        )
        wait = self.pause
        for attempt in range(self.retries + 1):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                    return json.loads(answer.read())
            except urllib.error.HTTPError as error:
                if error.code not in _AGAIN or attempt == self.retries:
                    raise EndpointError(f"{self.url}: {error.code} {error.reason}") from error
                asked = error.headers.get("Retry-After", "")
                pause = float(asked) if asked.isdigit() else wait
            except (urllib.error.URLError, TimeoutError, ConnectionError, json.JSONDecodeError) as error:
                if attempt == self.retries:
                    raise EndpointError(f"{self.url}: {error}") from error
                pause = wait
            with self._lock:
                self.spent.retried += 1
            time.sleep(min(pause, 60.0))
            wait *= 2
        raise AssertionError("every try ends above")
