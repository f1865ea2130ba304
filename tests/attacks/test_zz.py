from tests.attacks.relations import *
async def test_a(stage, superuser):
    P = Role.POLICE_OFFICER
    case, _, _ = await opened(stage, "sender", P) if False else (None,None,None)
    r = await stage.ask("sender", P, "POST", "/cases", CASE); case = r.json()["reference"]
    await stage.do("sender", f"/cases/{case}/steps/inform-of-rights/completion", role=P)
    consent = (await stage.do("sender", f"/cases/{case}/consents", CONSENT, role=P))["consent_id"]
    s = (await stage.do("sender", f"/cases/{case}/referrals", {**REFERRAL, "recipient": code_of("after")}, role=P))["reference"]
    await stage.do("after", f"/referrals/{s}/receipt")
    await stage.do("after", f"/referrals/{s}/acceptance")
    body = {"step": "hand-over-case-management", "service": "case_management", "recipient": code_of("owner")}
    h = (await stage.do("sender", f"/cases/{case}/referrals", body, role=P))["reference"]
    await stage.do("owner", f"/referrals/{h}/receipt")
    await stage.do("owner", f"/referrals/{h}/acceptance")
    q = "SELECT count(*) FROM sealed_values v JOIN referrals r ON r.id = v.holder_id WHERE r.reference = $1"
    print(await superuser.fetchval(q, s))
    await stage.do("owner", f"/cases/{case}/consents/{consent}/withdrawal")
    print((await stage.ask("after", WORKER, "GET", f"/referrals/{s}")).json()["status"])
    assert await superuser.fetchval(q, s) == 0
    assert await superuser.fetchval(q.replace("sealed_values","sealing_keys"), s) == 0
