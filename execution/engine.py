"""The way of a request that has a plan: an answer that is kept and proved, else one made anew, by one for all who wait for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any, Protocol, TypeVar

import structlog

from execution import answers
from execution.answers import Answer, Bounded, Given, Part, Rendering
from execution.plans import Plans, Prepared
from execution.projectors import Child, Hole

T = TypeVar("T")
Key = tuple[bytes, Hashable, Hashable]

PREPARED_SIZE_MAX = 16_000_000
ANSWERS_SIZE_MAX = 128_000_000
TRIES = 4

log = structlog.get_logger("execution")


class Asker(Protocol):
    """Who asks. scope: whose world they see. name: who they are in it; None for nobody in particular."""

    @property
    def scope(self) -> Hashable: ...

    @property
    def name(self) -> Hashable: ...

    def as_nobody(self) -> Asker:
        """Somebody in the same scope without a name."""


class Proof(Protocol):
    """That an answer is still true. askers: the names of those who would get another. is_prompt: `holds` is no coroutine."""

    @property
    def askers(self) -> frozenset[Any]: ...

    @property
    def is_prompt(self) -> bool: ...

    def holds(self) -> Any:
        """The moment at which it is true; None when it is not known to be."""


class World(Protocol):
    """What an application shows of itself. Whatever it raises sends the request to the stock view, which words it."""

    async def asker(self, headers: Mapping[str, str]) -> Asker:
        """Who sent these headers."""

    async def run(
        self, asker: Any, work: Callable[[Any], Coroutine[Any, Any, tuple[T, Sequence[Any]]]]
    ) -> tuple[T, Proof | None]:
        """work(info), as often as it takes, and the proof of the last one's result; work gives all that LATER fields gave
        too. None: there is nothing to prove it by.
        """


class Elsewhere(Exception):
    """The stock view is to answer; the message says why."""


@dataclass(eq=False, slots=True)
class Result:
    """What an operation's resolvers gave. values: of its LATER fields, None for its other holes."""

    skeleton: Rendering
    values: list[Any]
    given: Given

    def parts(self, *, keeps: bool) -> list[Part]:
        """The answer, part by part."""
        found: list[Part] = []
        for text, hole, value in zip_longest(self.skeleton.parts, self.skeleton.holes, self.values):
            if hole is not None and isinstance(hole.what, Child):
                found.append(Part(text, None))
                found += answers.of_child(hole.what, value, self.given, keeps=keeps)
            else:
                found.append(Part(text, hole))
        return found


@dataclass(eq=False, slots=True)
class Projected:
    """An answer of which values are kept and no bytes: it is projected anew each time."""

    result: Result
    proof: Proof
    size: int

    def at(self, moment: Any) -> bytes:
        """The bytes, as of a moment."""
        return answers.kept(self.result.parts(keeps=False), self.proof).at(moment)


class Engine:
    """Answers requests by their bodies. keeps_fragments: whether rendered bytes are kept, or only what they are made of."""

    def __init__(self, plans: Plans, world: World, *, keeps_fragments: bool = True) -> None:
        self.plans = plans
        self.counts: Counter[str] = Counter()
        self._world = world
        self._keeps_fragments = keeps_fragments
        self._prepared: Bounded[bytes, Prepared] = Bounded(PREPARED_SIZE_MAX)
        self._answers: Bounded[Key, Answer | Projected] = Bounded(ANSWERS_SIZE_MAX)
        self._flights: dict[Key, asyncio.Future[None]] = {}

    async def answer(self, body: bytes, headers: Mapping[str, str]) -> bytes | None:
        """The answer's bytes; None where the stock view is to answer."""
        prepared = self._prepared.get(body)
        if prepared is None:
            prepared = self.plans.prepare(body)
            if prepared is None:
                return None
            self._prepared.put(body, prepared, 2 * len(body) + 1000)
        try:
            return await self._answer(body, prepared, await self._world.asker(headers))
        except Exception as error:  # whatever it is, the stock view says it better
            self.counts["stock"] += 1
            log.debug("not answered by a plan", error=type(error).__name__, why=str(error))
            return None

    async def _answer(self, body: bytes, prepared: Prepared, asker: Asker) -> bytes:
        key: Key = (body, asker.scope, None)
        for _ in range(TRIES):
            answer = self._answers.get(key)
            if answer is not None:
                if prepared.projector.is_by_asker and key[2] is None and asker.name in answer.proof.askers:
                    key = (body, asker.scope, asker.name)
                    continue
                proof = answer.proof
                moment = proof.holds() if proof.is_prompt else await proof.holds()
                if moment is not None:
                    self.counts["kept"] += 1
                    return answer.at(moment)
            flight = self._flights.get(key)
            if flight is not None:
                await asyncio.wait([flight])
            elif (found := await self._make(key, prepared, asker)) is not None:
                return found
        raise Elsewhere("it changes faster than it can be made")

    async def _make(self, key: Key, prepared: Prepared, asker: Asker) -> bytes | None:
        """An answer made anew, and kept if it can be proved; None when this asker gets another than nobody in particular."""
        is_for_nobody = key[2] is None
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            work = partial(_work, prepared)
            result, proof = await self._world.run(asker.as_nobody() if is_for_nobody else asker, work)
            parts = result.parts(keeps=self._keeps_fragments)
            if proof is not None:
                answer = answers.kept(parts, proof)
                if self._keeps_fragments:
                    self._answers.put(key, answer, answer.size)
                else:
                    self._answers.put(key, Projected(result, proof, answer.size), answer.size)
            if is_for_nobody and prepared.projector.is_by_asker and asker.name is not None:
                if proof is None:
                    raise Elsewhere("it depends on who asks, and nothing says for whom")
                if asker.name in proof.askers:
                    return None
            self.counts["made"] += 1
            return answers.as_found(parts)
        finally:
            del self._flights[key]
            flight.set_result(None)


async def _work(prepared: Prepared, info: Any) -> tuple[Result, list[Any]]:
    """All resolvers are called before the first of what they give is awaited."""
    holes: list[Hole] = []
    data = prepared.projector.project(None, prepared.values, info, holes)
    skeleton = answers.rendered({"data": data}, holes)
    values = [await hole.value if isinstance(hole.what, Child) else None for hole in holes]
    given = Given(prepared.values, prepared.keys, info)
    return Result(skeleton, values, given), [value for value in values if value is not None]
