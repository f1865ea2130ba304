"""The waiting list: its order, the position that is told, and who is told when a place comes free."""

from datetime import timedelta

from tests.journeys.scenes import carried, referred, supported, told
from tests.journeys.test_places import NO_PLACE, accepted, offered
from tests.world import World


async def waiting(world: World, who: str = "alpha", **more: str) -> str:
    """Refer to the northern shelter, which puts the person on its waiting list."""
    case, _ = await supported(world, who)
    reference = await referred(world, case, who=who, **more)
    await carried(world, reference, "north", "receipt", "waitlisting")
    return reference


async def position(world: World, who: str, referral: str) -> int | None:
    found: int | None = (await world.get(who, f"/referrals/{referral}"))["waiting_position"]
    return found


async def test_the_most_urgent_and_then_the_longest_waiting_are_first(world: World) -> None:
    first = await waiting(world)
    second = await waiting(world, "beta")
    urgent = await waiting(world, priority="emergency")
    listed = await world.get("north", "/referrals/waiting-list")
    assert [(one["reference"], one["waiting_position"]) for one in listed] == [(urgent, 1), (first, 2), (second, 3)]
    assert (await position(world, "alpha", first), await position(world, "beta", second)) == (2, 3)
    outbox = (await world.get("beta", "/referrals/outbox"))["items"]
    assert [(one["reference"], one["waiting_position"]) for one in outbox] == [(second, 3)]
    seen = (await world.ask("beta", "GET", f"/referrals/{second}")).text
    assert first not in seen
    assert urgent not in seen
    assert await world.get("alpha", "/referrals/waiting-list", expect=200) == []


async def test_a_question_between_does_not_lose_the_place_and_starts_the_clock_again(world: World) -> None:
    first, second = await waiting(world), await waiting(world, "beta")
    await world.act("north", first, "question", {"text": "Since when?"})
    assert await position(world, "beta", second) == 1, "who is asked is not waiting meanwhile"
    answered = await world.act("alpha", first, "answer", {"text": "Made up."})
    assert answered["respond_by"] is not None, "the ball is with the receiver again: nothing just sits"
    late = world.later(timedelta(hours=73))
    await late.work_off()
    assert "referral_overdue" in await told(late, "coordinator", first)
    await carried(world, first, "north", "waitlisting")
    assert (await position(world, "alpha", first), await position(world, "beta", second)) == (1, 2)


async def test_when_a_place_comes_free_both_sides_of_the_next_referral_are_told(world: World) -> None:
    await offered(world)
    staying = await accepted(world, (await supported(world))[0])
    await world.post("north", f"/referrals/{staying}/placement", {})
    await world.act("north", staying, "service-start")
    first, second = await waiting(world, "beta"), await waiting(world)
    await world.work_off()
    assert "referral_next" not in await told(world, "beta", first)
    await world.act("alpha", staying, "withdrawal")
    await world.work_off()
    assert (await told(world, "beta", first))[-1] == "referral_next"
    assert (await told(world, "north", first))[-1] == "referral_next"
    assert "referral_next" not in await told(world, "alpha", second)


async def test_a_place_is_not_announced_to_whom_it_does_not_fit(world: World) -> None:
    case, _ = await supported(world, sex="male")
    man = await referred(world, case)
    await carried(world, man, "north", "receipt", "waitlisting")
    woman = await waiting(world, "beta")
    await offered(world)
    await world.work_off()
    assert "referral_next" not in await told(world, "alpha", man)
    assert (await told(world, "beta", woman))[-1] == "referral_next"


async def test_an_unused_reservation_calls_the_next(world: World) -> None:
    await offered(world)
    unused = await accepted(world, (await supported(world))[0])
    await world.post("north", f"/referrals/{unused}/placement", {})
    late = world.later(timedelta(hours=71))
    following = await waiting(late, "beta")
    over = world.later(timedelta(hours=73))
    await over.work_off()
    assert (await told(over, "beta", following))[-1] == "referral_next"


async def test_a_service_without_places_calls_the_next_when_one_ends_and_not_when_one_is_declined(world: World) -> None:
    async def sent(who: str) -> str:
        case, _ = await supported(world, who)
        reference = await referred(world, case, "SHELTER-SOUTH", "psychosocial", "refer-for-support", who)
        await carried(world, reference, "south", "receipt")
        return reference

    served, refused, next_one = await sent("alpha"), await sent("alpha"), await sent("beta")
    await carried(world, served, "south", "acceptance", "service-start")
    await carried(world, next_one, "south", "waitlisting")
    await world.act("south", refused, "decline", NO_PLACE)
    await world.work_off()
    assert "referral_next" not in await told(world, "beta", next_one)
    await world.act("south", served, "completion", {"outcome": "full"})
    await world.work_off()
    assert (await told(world, "beta", next_one))[-1] == "referral_next"


async def test_what_a_wall_hides_is_neither_listed_nor_counted(world: World) -> None:
    case, _ = await supported(world, "beta")
    hidden = await referred(world, case, who="beta")
    await carried(world, hidden, "north", "receipt", "waitlisting")
    seen = await waiting(world)
    assert await position(world, "alpha", seen) == 2
    await world.post("beta", f"/cases/{case}/walls", {"organisation": "SHELTER-NORTH"})
    listed = await world.get("north", "/referrals/waiting-list")
    assert [(one["reference"], one["waiting_position"]) for one in listed] == [(seen, 1)]
    assert await position(world, "alpha", seen) == 1, "nobody can be waiting where nobody may know of them"
