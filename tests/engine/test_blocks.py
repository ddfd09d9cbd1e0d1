"""Blocks as decorators: what they set holds whenever the body of a function runs, and nowhere else."""

import asyncio
import functools
import inspect
import threading

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.recording import Recording
from tinygrad_edu.viz.words.anomaly import AnomalyError

w = tg.Tensor([1.0], requires_grad=True)


def records():
    return (w * 1).requires_grad


def guarded():
    return nn.guards.is_on("labels")


# each block, both ways to write it, and what shows whether it holds
BLOCKS = [
    pytest.param(lambda f: tg.no_grad()(f), records, id="no_grad()"),
    pytest.param(lambda f: tg.no_grad(f), records, id="no_grad"),
    pytest.param(lambda f: Recording(on=False)(f), records, id="Recording"),
    pytest.param(lambda f: nn.guards.off("labels")(f), guarded, id="guards.off"),
    pytest.param(lambda f: tg.detect_anomaly()(f), lambda: np.geterr()["divide"] != "ignore", id="detect_anomaly"),
]
each_block = pytest.mark.parametrize(("block", "outside"), BLOCKS)


@each_block
def test_functions_and_methods(block, outside):
    class Thing:
        method = block(lambda self: outside())
        of_class = block(classmethod(lambda cls: (cls.__name__, outside())))
        static = block(staticmethod(lambda: outside()))

        @classmethod
        @block
        def below(cls):
            return outside()

    assert not Thing().method()
    assert Thing.of_class() == ("Thing", False)
    assert Thing().of_class() == ("Thing", False)
    assert not Thing.static()
    assert not Thing.below()
    assert not block(functools.partial(lambda a: outside(), 1))()
    assert outside()


@each_block
def test_generators(block, outside):
    seen = []

    @block
    def count(n):
        for k in range(n):
            try:
                seen.append(outside())
                sent = yield k
                seen.append(outside())
                if sent:
                    yield sent
            except KeyError:
                seen.append(outside())
                yield "caught"
            finally:
                seen.append(outside())
        return "end"

    assert inspect.isgeneratorfunction(count)
    assert outside()
    steps = count(3)
    assert outside()  # nothing has run yet
    assert next(steps) == 0
    assert outside()
    assert steps.send("sent") == "sent"
    assert next(steps) == 1
    assert steps.throw(KeyError) == "caught"
    assert outside()
    steps.close()
    assert outside()
    with pytest.raises(ZeroDivisionError):
        (failing := count(2)), next(failing), failing.throw(ZeroDivisionError)
    assert outside()

    def relay():
        return (yield from count(2))

    steps = relay()
    assert [next(steps), next(steps)] == [0, 1]
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "end"
    assert seen
    assert not any(seen)


@each_block
def test_a_generator_that_fails_or_is_dropped(block, outside):
    @block
    def failing():
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(failing())
    assert outside()
    dropped = failing()
    next(dropped)
    del dropped
    assert outside()


@each_block
def test_a_generator_in_another_thread(block, outside):
    @block
    def steps():
        for _ in range(4):
            yield outside()

    running, found = steps(), []
    for _ in range(2):
        found.append(next(running))
        thread = threading.Thread(target=lambda: found.extend([next(running), not outside()]))
        thread.start()
        thread.join()
        assert outside()
    assert not any(found)


@each_block
def test_coroutines(block, outside):
    seen = []

    @block
    async def inside(n):
        for _ in range(n):
            seen.append(outside())
            await asyncio.sleep(0)
            seen.append(outside())
        return n

    async def other():
        for _ in range(6):
            assert outside()
            await asyncio.sleep(0)

    async def failing():
        with pytest.raises(asyncio.TimeoutError):
            async with asyncio.timeout(0.01):
                await block(asyncio.sleep)(10)
        assert outside()

    async def main():
        assert await asyncio.gather(inside(3), other(), inside(2), other()) == [3, None, 2, None]
        assert await inside(1) == 1
        assert outside()
        await failing()

    assert inspect.iscoroutinefunction(inside)
    asyncio.run(main())
    by_hand = inside(2)  # awaited by nobody's event loop: its caller shares its context
    for _ in range(2):
        by_hand.send(None)
        assert outside()
    with pytest.raises(StopIteration):
        by_hand.send(None)
    assert seen
    assert not any(seen)


@each_block
def test_asynchronous_generators(block, outside):
    seen = []

    @block
    async def inside():
        try:
            for k in range(3):
                seen.append(outside())
                await asyncio.sleep(0)
                try:
                    sent = yield k
                except KeyError:
                    sent = "caught"
                seen.append(outside())
                if sent:
                    yield sent
        finally:
            await asyncio.sleep(0)
            seen.append(outside())

    async def main():
        found = []
        async for k in inside():
            found.append(k)
            assert outside()
        assert found == [0, 1, 2]
        steps = inside()
        await steps.asend(None)
        assert await steps.asend("sent") == "sent"
        assert outside()
        await steps.asend(None)
        assert await steps.athrow(KeyError) == "caught"
        assert outside()
        await steps.aclose()
        assert outside()
        steps = inside()
        await anext(steps)
        with pytest.raises(ZeroDivisionError):
            await steps.athrow(ZeroDivisionError)
        assert outside()

    assert inspect.isasyncgenfunction(inside)
    asyncio.run(main())
    assert seen
    assert not any(seen)


def test_blocks_that_a_body_leaves_open_are_its_own():
    @tg.no_grad
    def steps():
        with Recording():
            yield records()
            yield records()
        yield records()

    found = []
    for on in steps():
        found += [on, records()]
        with tg.no_grad():
            assert not records()
    assert found == [True, True, True, True, False, True]


def test_two_generators_and_a_nest():
    @tg.no_grad
    def off():
        for _ in range(3):
            yield records()

    @Recording()
    def on():
        for k in off():
            yield k, records()

    with tg.no_grad():
        for (a, b), c in zip(on(), off(), strict=True):
            assert (a, b, c, records()) == (False, True, False, False)
    assert records()


def test_recursion_through_a_decorated_function():
    @tg.no_grad()
    def deep(n):
        return deep(n - 1) if n else records()

    assert not deep(5)
    assert records()


def test_one_block_in_several_threads():
    block, turn, found = tg.no_grad(), threading.Barrier(2), []

    def first():
        with tg.no_grad():
            with block:
                turn.wait()
                turn.wait()
            found.append(records())  # still off: the block of this thread around it

    def second():
        turn.wait()
        with block:
            turn.wait()
        found.append(not records())

    threads = [threading.Thread(target=f) for f in (first, second)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not any(found)


def test_blocks_end_with_an_exception_or_an_interrupt():
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), tg.no_grad(), nn.guards.off(), tg.detect_anomaly():
            raise error
        assert records()
        assert guarded()


def test_what_is_no_function_is_not_decorated():
    for wrong, name in ((dict, "the class dict"), (property(lambda s: 1), "property"), (w, "Tensor")):
        with pytest.raises(TypeError, match=f"only functions and methods can be decorated; got {name}; decorate"):
            tg.no_grad(wrong)


def test_an_anomaly_is_found_in_a_generator():
    @tg.detect_anomaly()
    def losses(*scores):
        for x in scores:
            yield tg.log(tg.Tensor([x], requires_grad=True)).sum()

    assert len(list(losses(1.0, 2.0))) == 2
    with pytest.raises(AnomalyError, match="log"):
        list(losses(1.0, 0.0))
