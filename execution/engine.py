"""The way of a request that has a plan: an answer that is kept and proved, else one made anew, by one for all who wait for it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog

from execution import answers
from execution.answers import Bounded, Draft, Given, Part, Rendering
from execution.documents import Asked
from execution.metering import ANONYMOUS, Meter
from execution.plans import Plans, Prepared, Who
from execution.projectors import Child, Hole

T = TypeVar("T")
Pause = Callable[[], Awaitable[None]]
SIZE_MAX = 128_000_000  # of what is kept
TRIES = 4
HELD_S = 0.002  # so long an answer is made in one go

log = structlog.get_logger("execution")


async def _at_once() -> None:
    """No pause."""


class Asker(Protocol):
    """Who asks. scope: whose world they see. name: who they are in it; None for nobody in particular."""

    @property
    def scope(self) -> Hashable: ...

    @property
    def name(self) -> Hashable: ...

    def as_nobody(self) -> Asker:
        """Somebody in the same scope without a name."""


class Proof(Protocol):
    """That an answer is still true. askers: the names of those who would get another. is_prompt: `judge` need not be told
    anything.
    """

    @property
    def askers(self) -> frozenset[Any]: ...

    @property
    def is_prompt(self) -> bool: ...

    @property
    def tag(self) -> str:
        """The same for answers to the same request that differ by the moment at most."""

    def fresh_for(self, moment: Any) -> int:
        """Whole seconds for which others may go on with it unasked; 0: not at all."""

    def ask(self) -> asyncio.Future[Any] | None:
        """What `judge` is to be told, asked for now or later; None if it is known already not to hold. Not for prompt ones."""

    def judge(self, told: Any) -> Any:
        """The moment at which it is true; None when it is not known to be."""


class World(Protocol):
    """What an application shows of itself. Whatever it raises sends the request to the stock view, which words it."""

    def asker_at_once(self, headers: Mapping[str, str]) -> Asker | None:
        """Who sent these headers, if that can be told without waiting."""

    async def asker(self, headers: Mapping[str, str]) -> Asker:
        """Who sent these headers."""

    async def run(
        self, asker: Any, work: Callable[[Any], Coroutine[Any, Any, tuple[T, Sequence[Any]]]], asked: Asked
    ) -> tuple[T, Proof | None]:
        """work(info), as often as it takes, and the proof of the last one's result; work gives all that LATER fields gave
        too. None: there is nothing to prove it by. asked: what work answers.
        """


class Found(NamedTuple):
    """An answer. proof, moment: that it is true; None where nothing is known of that. is_shared: no matter who asks."""

    text: bytes
    proof: Proof | None
    moment: Any
    is_shared: bool


class Elsewhere(Exception):
    """The stock view is to answer; the message says why."""


@dataclass(eq=False, slots=True)
class Result:
    """What an operation's resolvers gave. values: of its LATER fields, None for its other holes."""

    skeleton: Rendering
    values: list[Any]
    given: Given

    def parts(self, *, keeps: bool) -> Iterator[Part]:
        """The answer, part by part."""
        for text, hole, value in zip_longest(self.skeleton.parts, self.skeleton.holes, self.values):
            if hole is not None and isinstance(hole.what, Child):
                yield Part(text, None)
                yield from answers.of_child(hole.what, value, self.given, keeps=keeps)
            else:
                yield Part(text, hole)


@dataclass(eq=False, slots=True)
class Projected:
    """An answer of which values are kept and no bytes: it is projected anew each time."""

    result: Result
    proof: Proof
    size: int

    def at(self, moment: Any) -> bytes:
        """The bytes, as of a moment."""
        return answers.as_of(list(self.result.parts(keeps=False)), moment)


class Engine:
    """Answers requests by their bodies. keeps_fragments: whether rendered bytes are kept, or only what they are made of."""

    def __init__(
        self,
        plans: Plans,
        world: World,
        *,
        keeps_fragments: bool = True,
        meter: Meter | None = None,
        on_answer: Callable[[Any, Any, Any], None] | None = None,
        pause: Pause = _at_once,
    ) -> None:
        """pause: awaited now and then while an answer of many parts is made.

        on_answer: told of each proved answer: who got it, its proof, and the moment; None for one that was made just now."""
        self.plans = plans
        self.meter = meter or Meter()
        self.counts: Counter[str] = Counter()
        self._world = world
        self._keeps_fragments = keeps_fragments
        self._on_answer = on_answer
        self._pause = pause
        self._prepared: Bounded[bytes, Prepared] = Bounded(SIZE_MAX)

    def asker_at_once(self, headers: Mapping[str, str]) -> Asker | None:
        """As the world's; the same for the same headers."""
        return self._world.asker_at_once(headers)

    def find(self, body: bytes, asker: Asker) -> tuple[Prepared, Any] | None:
        """A request and the answer that is kept of it for this asker, if there is one; its proof is still to be asked."""
        prepared = self._prepared.get(body)
        if prepared is None:
            return None
        answer = prepared.answers.get((asker.scope, None))
        if answer is None or (prepared.projector.is_by_asker and asker.name in answer.proof.askers):
            return None
        return prepared, answer

    def give(self, prepared: Prepared, answer: Any, asker: Asker, moment: Any) -> bytes:
        """The bytes of an answer that was found, as of the moment at which it is true."""
        self.counts["kept"] += 1
        if self._on_answer:
            self._on_answer(asker, answer.proof, moment)
        self.meter.planned[prepared.operation or ANONYMOUS] += 1
        text: bytes = answer.at(moment)
        return text

    async def answer(self, body: bytes, headers: Mapping[str, str], *, is_asked: bool = True) -> Found | None:
        """The answer; None where the stock view is to answer. is_asked: by a client, so that it counts as a request."""
        prepared = self._prepared.get(body)
        try:
            if prepared is None:
                prepared = self.plans.prepare(body)
                if prepared is None:
                    return None
                prepared.operation = self.meter.named(prepared.operation)
                self._prepared.put(body, prepared, _size(body, prepared))
            asker = self._world.asker_at_once(headers) or await self._world.asker(headers)
            found = await self._answer(body, prepared, asker)
            if is_asked:
                self.meter.planned[prepared.operation or ANONYMOUS] += 1
            return found
        except Exception as error:  # whatever it is, the stock view says it better
            self.counts["stock"] += 1
            log.debug("not answered by a plan", error=type(error).__name__, why=str(error))
            return None

    @property
    def size(self) -> int:
        """Bytes of answers kept, about."""
        return self._prepared.size

    @property
    def requests_known(self) -> int:
        """How many requests' plans are kept, with their answers."""
        return len(self._prepared)

    def learn(self, body: bytes) -> None:
        """The stock view has answered this without an error, and is glad of help."""
        try:
            self.plans.learn(body)
        except Exception:  # an answer that succeeded must not fail by what is thought of it afterwards
            log.exception("a query cannot be learned")

    async def _answer(self, body: bytes, prepared: Prepared, asker: Asker) -> Found:
        who: Who = (asker.scope, None)
        for _ in range(TRIES):
            answer = prepared.answers.get(who)
            if answer is not None:
                proof = answer.proof
                if prepared.projector.is_by_asker and who[1] is None and asker.name in proof.askers:
                    who = (asker.scope, asker.name)
                    continue
                moment = await _moment(proof)
                if moment is not None:
                    self.counts["kept"] += 1
                    if self._on_answer:
                        self._on_answer(asker, proof, moment)
                    return Found(answer.at(moment), proof, moment, not prepared.projector.is_by_asker)
            flight = prepared.flights.get(who)
            if flight is not None:
                await asyncio.wait([flight])
            elif (made := await self._make(body, prepared, asker, who)) is not None:
                return made
        raise Elsewhere("it changes faster than it can be made")

    async def _make(self, body: bytes, prepared: Prepared, asker: Asker, who: Who) -> Found | None:
        """An answer made anew, and kept if it can be proved; None when this asker gets another than nobody in particular."""
        is_for_nobody = who[1] is None
        flight = prepared.flights[who] = asyncio.get_running_loop().create_future()
        try:
            work = partial(_work, prepared, self._pause)
            result, proof = await self._world.run(asker.as_nobody() if is_for_nobody else asker, work, prepared.asked)
            draft, since = Draft(), time.perf_counter()
            for part in result.parts(keeps=self._keeps_fragments):
                draft.add(part)
                since = await _paused(self._pause, since)
            if proof is not None:
                answer = draft.kept(proof)
                prepared.keep(who, answer if self._keeps_fragments else Projected(result, proof, answer.size))
                self._prepared.put(body, prepared, _size(body, prepared))
            if is_for_nobody and prepared.projector.is_by_asker and asker.name is not None:
                if proof is None:
                    raise Elsewhere("it depends on who asks, and nothing says for whom")
                if asker.name in proof.askers:
                    return None
            self.counts["made"] += 1
            if self._on_answer and proof is not None:
                self._on_answer(asker, proof, None)
            return Found(draft.found(), None, None, not prepared.projector.is_by_asker)
        finally:
            del prepared.flights[who]
            flight.set_result(None)


async def _moment(proof: Proof) -> Any:
    """At which it holds; None also when that cannot be found out: whoever makes the answer anew comes upon that too."""
    if proof.is_prompt:
        return proof.judge(None)
    asked = proof.ask()
    if asked is None:
        return None
    try:
        told = await asked
    except Exception:
        return None
    return proof.judge(told)


def _size(body: bytes, prepared: Prepared) -> int:
    kept: int = sum(answer.size for answer in prepared.answers.values())
    return 2 * len(body) + 1000 + kept


async def _paused(pause: Pause, since: float) -> float:
    """Pauses after some work. since: when that began; returns when what follows begins."""
    if time.perf_counter() - since < HELD_S:
        return since
    await pause()
    return time.perf_counter()


async def _work(prepared: Prepared, pause: Pause, info: Any) -> tuple[Result, list[Any]]:
    """All resolvers are called before the first of what they give is awaited."""
    holes: list[Hole] = []
    data = prepared.projector.project(None, prepared.values, info, holes)
    skeleton = answers.rendered({"data": data}, holes)
    values, since = [], time.perf_counter()
    for hole in holes:
        values.append(await hole.value if isinstance(hole.what, Child) else None)
        since = await _paused(pause, since)
    given = Given(prepared.values, prepared.keys, info)
    return Result(skeleton, values, given), [value for value in values if value is not None]
