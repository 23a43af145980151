"""The samples in deploy/: their own programs take them, and every path, command and variable in them exists."""

import re
import shlex
import subprocess
from pathlib import Path
from shutil import which

import pytest
import yaml

from newsroom.management.commands import start
from tests.operations.test_alarms import certificate

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("newsroom*"))
NGINX = which("nginx") or which("/usr/sbin/nginx")
CADDY = which("caddy")
SYSTEMD = which("systemd-analyze")


def variables_of_the_readme() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)` \|", (PROJECT / "README.md").read_text(), re.MULTILINE))


def is_understood(words: list[str]) -> bool:
    """Say whether the start command takes these words, without starting anything."""
    arguments = words[words.index("start") + 1 :]
    parser = start.Command().create_parser("manage.py", "start")
    return parser.parse_args(arguments).kind in ("web", "worker", "beat")


def test_units_start_what_exists_and_end_it_in_its_own_time() -> None:
    assert [unit.name for unit in UNITS if unit.suffix == ".service"] == [
        "newsroom-beat.service",
        "newsroom-web.service",
        "newsroom-worker@.service",
    ]
    for unit in UNITS:
        if unit.suffix != ".service":
            continue
        values = dict(line.split("=", 1) for line in unit.read_text().splitlines() if re.match(r"[A-Z]\w+=", line))
        python, *words = shlex.split(values["ExecStart"])
        assert python == "/srv/newsroom/venv/bin/python"
        assert is_understood(words)
        assert (values["User"], values["KillMode"]) == ("newsroom", "mixed")
        assert int(values["TimeoutStopSec"]) > (30 if "web" in unit.name else 15)
        assert values["NoNewPrivileges"] == "yes"


@pytest.mark.where(SYSTEMD)
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        # The interpreter is where the document puts it, which is not on this machine.
        text = unit.read_text().replace("/srv/newsroom/venv/bin/python", "/bin/true").replace("file:///srv", "file:///")
        (tmp_path / unit.name).write_text(text)
    names = [str(tmp_path / unit.name.replace("@.", "@1.")) for unit in UNITS]
    done = subprocess.run([SYSTEMD or "", "verify", *names], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "newsroom" in line]
    assert (done.returncode, complaints) == (0, [])


@pytest.mark.where(NGINX)
def test_nginx_takes_its_sample(tmp_path: Path) -> None:
    files = certificate(tmp_path, days=30)
    site = (DEPLOY / "nginx/newsroom.conf").read_text()
    for path, here in (("fullchain.pem", files[0]), ("privkey.pem", files[1])):
        site = site.replace(f"/etc/letsencrypt/live/news.example.org/{path}", str(here))
    site = site.replace("/var/log/nginx/newsroom.log", str(tmp_path / "error.log"))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(f"pid {tmp_path}/pid; events {{}} http {{ {places} {site} }}")
    words = [NGINX or "", "-t", "-q", "-e", str(tmp_path / "main.log"), "-c", str(configuration)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.where(CADDY)
def test_caddy_takes_its_sample() -> None:
    words = [CADDY or "", "validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "caddy/Caddyfile")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_proxies_limit_clients_and_write_down_no_reader() -> None:
    nginx, caddy = (DEPLOY / "nginx/newsroom.conf").read_text(), (DEPLOY / "caddy/Caddyfile").read_text()
    assert re.findall(r"^\s*access_log (\S+);", nginx, re.MULTILINE) == ["off"]
    assert re.findall(r"^\s*error_log \S+ (\w+);", nginx, re.MULTILINE) == ["emerg"]
    assert "log {" not in caddy
    assert "exclude http.log http.handlers" in caddy
    for words in ("client_header_timeout 10s", "client_body_timeout 10s", "client_max_body_size 2m", "return 444"):
        assert words in nginx
    for words in ("read_header 10s", "read_body 20s", "max_size 2MB"):
        assert words in caddy
    assert "X-Forwarded-For $remote_addr;" in nginx, "what a client writes there is replaced"
    for probe in ("healthz", "readyz", "metrics"):
        assert probe in nginx
        assert f"/{probe}" in caddy


def test_the_sample_environment_names_known_variables_and_no_value_of_a_key() -> None:
    lines = [line for line in (DEPLOY / "newsroom.env").read_text().splitlines() if line and not line.startswith("#")]
    values = dict(line.split("=", 1) for line in lines)
    assert set(values) <= variables_of_the_readme()
    assert {name for name in values if "KEY" in name or "TOKEN" in name or "SECRET" in name} == {
        name for name, value in values.items() if not value and ("KEY" in name or "TOKEN" in name or "SECRET" in name)
    }


def test_compose_runs_the_products_commands_from_the_containerfile() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert {"web", "worker", "beat", "migrate", "database", "broker", "cache", "proxy"} == set(services)
    for name in ("web", "worker", "beat"):
        command = services[name]["command"]
        assert command[:3] == ["python", "manage.py", "start"]
        assert command[3] == name
        assert is_understood(command)
    names = set(services["web"]["environment"])
    assert names <= variables_of_the_readme()
    for service in services.values():
        build = service.get("build")
        if build:
            context = (DEPLOY / build["context"]).resolve()
            assert context == PROJECT
            assert (context / build["dockerfile"]).is_file()
        for volume in service.get("volumes", []):
            source = str(volume).split(":", 1)[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"]
    assert "noeviction" in services["broker"]["command"]
    assert "allkeys-lru" in services["cache"]["command"]


def test_the_containerfile_copies_what_exists_and_starts_the_site() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    copied = [line.split()[1] for line in text.splitlines() if line.startswith("COPY")]
    needed = {"manage.py", "newsroom", "subscriptions", "donations", "templates", "static", "requirements.txt"}
    # Words in other languages, as soon as there are any.
    needed |= {"locale"} if list((PROJECT / "locale").glob("**/*.po")) else set()
    assert needed <= set(copied)
    assert all((PROJECT / name).exists() for name in copied)
    assert "sandbox" not in copied
    command = yaml.safe_load(text.splitlines()[-1].removeprefix("CMD "))
    assert is_understood(command)
    assert "\nUSER newsroom\n" in text


def test_shell_scripts_are_shell() -> None:
    for script in (DEPLOY / "newsroom", DEPLOY / "compose/roles.sh"):
        assert script.stat().st_mode & 0o111
        subprocess.run(["sh", "-n", str(script)], check=True)


@pytest.mark.parametrize("document", ["install.md", "upgrade.md"])
def test_the_commands_of_a_document_are_shell_and_name_files_that_exist(document: str) -> None:
    text = (PROJECT / "docs" / document).read_text()
    blocks = re.findall(r"^```sh[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 1
    for block in blocks:
        done = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), block
        for path in re.findall(r"/srv/newsroom/app/([\w./-]+)", block):
            assert list(PROJECT.glob(f"{path}*")), path
    variables = set(re.findall(r"^put ([A-Z_]+) ", text, re.MULTILINE))
    sample = (DEPLOY / "newsroom.env").read_text()
    assert all(re.search(rf"^{name}=", sample, re.MULTILINE) for name in variables)
