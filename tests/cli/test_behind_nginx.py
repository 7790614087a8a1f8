"""The recipe of docs/scale.md: two doors behind nginx, and machines replaced one after another."""

import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.cli.senders import Senders
from tests.cli.serving import Machines, deciders, last_commit
from tests.installation import ROOT
from tests.postgres import Cluster
from tests.waiting import until

RECIPE = re.search(r"```nginx\n(.*?)```", (ROOT / "docs/scale.md").read_text(), re.DOTALL)
AROUND = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; user root;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {recipe}
}}
"""


@pytest.fixture
def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("no nginx here; apt-get install nginx-light, or put it on PATH")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as there:
        return int(there.getsockname()[1])


@contextmanager
def proxy(nginx: str, folder: Path, ports: list[int]) -> Iterator[int]:
    """nginx with the recipe as it is written, but for its ports."""
    assert RECIPE
    front = free_port()
    recipe = RECIPE[1].replace("door-1:8000", f"127.0.0.1:{ports[0]}")
    recipe = recipe.replace("door-2:8000", f"127.0.0.1:{ports[1]}")
    recipe = recipe.replace("listen 8000;", f"listen 127.0.0.1:{front};")
    conf = folder / "nginx.conf"
    conf.write_text(AROUND.format(folder=folder, recipe=recipe))
    with subprocess.Popen([nginx, "-p", folder, "-c", conf, "-e", folder / "error.log"]) as process:
        try:
            until(lambda: _answers(front), "nginx listens")
            yield front
        finally:
            process.send_signal(signal.SIGQUIT)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_each_machine_is_replaced_and_nobody_is_refused(
    machines: Machines, nginx: str, tmp_path: Path, cluster: Cluster, postgres_address: str
) -> None:
    """And both who work do so, before and after."""
    ports = [free_port(), free_port()]
    doors = [machines.serving(f"door{n}", port) for n, port in enumerate(ports)]
    with (
        proxy(nginx, tmp_path, ports) as front,
        doors[0], doors[1],
        machines.working("one") as one,
        machines.working("two") as two,
        Senders(front, count(1)) as senders,
    ):  # fmt: skip
        until(lambda: deciders(cluster, postgres_address) == 2, "both work")
        for machine in (doors[0], one, doors[1], two):
            taken = len(senders.receipts)
            until(lambda: len(senders.receipts) > taken + 30, "letters are taken")  # noqa: B023
            assert machine.stop() == 0
            machine.start()
        replaced_at = last_commit(cluster, postgres_address)
        until(lambda: deciders(cluster, postgres_address, replaced_at) == 2, "both work again")
        senders.end()
        assert senders.refused == []
        until(doors[0].is_settled, "every letter is taken")
        numbers = doors[0].numbers()
    assert len(set(senders.receipts)) == len(senders.receipts)
    kept = [numbers[f'coursebell_letters{{state="{state}"}}'] for state in ("taken", "set_aside")]
    assert sum(kept) >= len(senders.receipts)
