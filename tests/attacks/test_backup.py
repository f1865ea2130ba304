"""A stolen backup without the keys: canaries are looked for in every file, in every disguise."""

from collections.abc import Callable
from pathlib import Path

from api import backup
from domain.sealing.providers import FileProvider
from tests.attacks.disguises import Haystack, disguises
from tests.attacks.test_leaks import CANARIES, journey
from tests.world import World

Attack = Callable[..., None]


async def test_a_stolen_backup_tells_no_word_and_holds_no_key_that_opens_one(
    world: World, tmp_path: Path, attack: Attack
) -> None:
    await journey(world)
    await world.work_off()
    manifest = await backup.take(world.access, tmp_path / "backup")
    stolen = Haystack()
    whole = b""
    for path in sorted((tmp_path / "backup").iterdir()):
        whole += path.read_bytes()
        stolen.add(path.name.encode())
    stolen.add(whole)
    forms = {form for canary in CANARIES for form in disguises(canary)}
    assert sum(part.rows for part in manifest.parts if part.table == "sealed_values") > 10
    found = sorted(stolen.hits(forms))
    attack(
        "words in a stolen backup, in any encoding", tried=len(forms) * (len(manifest.parts) + 2), succeeded=len(found)
    )
    keys = world.runtime.keys
    assert isinstance(keys, FileProvider)
    secrets_ = [bytes(key) for key in keys._contents.keys.values()]
    through = [key for key in secrets_ for form in (key, key.hex().encode()) if form in whole]
    attack("keys and passwords in a stolen backup", tried=len(secrets_) * 2, succeeded=len(through))
