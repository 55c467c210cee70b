from pathlib import Path

import pytest

from db import embedded, pool


async def test_a_data_folder_may_have_blanks_in_its_path(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("my salon") / "data"

    url = embedded.start(folder)

    await pool.check_server(url)


def test_a_folder_that_is_no_postgres_of_ours_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("9")

    with pytest.raises(pool.StartupError, match="expecting version 18") as refusal:
        embedded.start(tmp_path)

    assert "\n" not in str(refusal.value)
