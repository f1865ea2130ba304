"""Compensation in proceedings: claimed, awarded, paid, in this order, by whoever leads the case."""

from tests.journeys.courses import begun, done
from tests.journeys.scenes import supported
from tests.world import World


async def test_compensation_is_claimed_awarded_and_paid_with_amounts_and_days(world: World) -> None:
    case, _ = await supported(world)
    course = await begun(world, case, "proceedings")
    path = f"/courses/{course}/compensation"
    money = {"amount": "250000.50", "currency": "KGS"}
    paid_early = {"stage": "paid", "on_day": "2026-01-05", **money}
    assert (await world.ask("alpha", "POST", path, paid_early)).json()["code"] == "invalid-input"
    claim = await world.post("alpha", path, {"stage": "claimed", "on_day": "2026-01-05", **money}, expect=201)
    later = {"claim": claim["id"], "on_day": "2026-03-05"}
    too_early = await world.ask("alpha", "POST", path, {"stage": "paid", **later, **money})
    assert (too_early.status_code, too_early.json()["current"]) == (409, "claimed")
    other = {"amount": "1.00", "currency": "USD"}
    assert (await world.ask("alpha", "POST", path, {"stage": "awarded", **later, **other})).status_code == 422
    await world.post("alpha", path, {"stage": "refused", **later}, expect=201)
    await world.post("alpha", path, {"stage": "awarded", **later, **money}, expect=201)
    for part in ("100000.00", "150000.50"):
        await world.post("alpha", path, {"stage": "paid", **later, "amount": part, "currency": "KGS"}, expect=201)
    told = await world.get("alpha", path)
    assert [(one["stage"], one["amount"]) for one in told] == [
        ("claimed", "250000.50"),
        ("refused", None),
        ("awarded", "250000.50"),
        ("paid", "100000.00"),
        ("paid", "150000.50"),
    ]
    to_come = {"stage": "claimed", "on_day": "2199-01-05", **money}
    assert (await world.ask("alpha", "POST", path, to_come)).json()["code"] == "invalid-input"


async def test_compensation_belongs_to_proceedings(world: World) -> None:
    case, _ = await supported(world)
    course = await begun(world, case, "rehabilitation")
    await done(world, course, "assess-needs")
    claim = {"stage": "claimed", "on_day": "2026-01-05", "amount": "1.00", "currency": "KGS"}
    refused = await world.ask("alpha", "POST", f"/courses/{course}/compensation", claim)
    assert refused.json()["code"] == "invalid-input"
