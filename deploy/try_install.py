"""Run the commands of docs/install.md, as they stand there, in a new Debian tree, and deliver a first issue.

For root on a machine with debootstrap: `python deploy/try_install.py [folder]`. Everything happens in namespaces of its
own, so that nothing is left running or mounted; the folder keeps the tree. systemd does not run in a tree: a stand-in
starts what the units name, as their users, with their environment. The certificate is one of our own making.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
HERE = PROJECT / "deploy" / "trying"
sys.path.insert(0, str(PROJECT))
INSIDE = "TRYING_INSIDE"
# Stands in the tree once every command has ended well.
DONE = "trial.done"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
RELEASE = os.environ.get("DEBIAN_RELEASE", "bookworm")
SITE = "127.0.0.1:8000"
READER = "first.reader@example.org"
BLOCK = re.compile(r"^```sh ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CERTIFICATE = """
install -d "/etc/letsencrypt/live/$host"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$host" -keyout "/etc/letsencrypt/live/$host/privkey.pem" \
    -out "/etc/letsencrypt/live/$host/fullchain.pem" 2>/dev/null
"""
CHECK = """
for second in $(seq 240); do {ask} >/tmp/ready 2>&1 && break; sleep 1; done
cat /tmp/ready; {ask} >/dev/null
"""
AFTERWARDS = """
newsroom shell < /trying/first_issue.py
newsroom send_issue
curl --silent --fail --insecure --resolve "$host:443:127.0.0.1" "https://$host/" >/tmp/front
grep -q 'The first story' /tmp/front || { head -c 2000 /tmp/front; exit 1; }
echo 'nginx shows the article over TLS.'
for process in /proc/[0-9]*; do
    echo "$(stat --format=%U "$process") $(tr '\\0' ' ' <"$process/cmdline")"
done 2>/dev/null | grep '[m]anage.py start' | grep -v runuser | cut -c1-90 | sort -u >/tmp/running
cat /tmp/running
for part in web worker beat; do grep -q "^newsroom .*manage.py start $part" /tmp/running; done
if grep -v '^newsroom ' /tmp/running; then echo 'That runs under another user.'; exit 1; fi
"""
# For a tree that was tried before.
EMPTY = """
service postgresql start
runuser -u postgres -- dropdb --if-exists newsroom
for role in newsroom newsroom_owner; do runuser -u postgres -- dropuser --if-exists "$role"; done
"""


def script(port: int, branch: str) -> str:
    """Return all fenced commands of the document as one shell script, with this trial's own values after its first.

    The tree shares this machine's network. Where something else listens on the site's port here, it gets another one.
    """
    site = f"127.0.0.1:{free_port(8000)}"
    parts = ["set -eu", "export DEBIAN_FRONTEND=noninteractive PIP_CERT=/ca.crt PIP_DISABLE_PIP_VERSION_CHECK=1"]
    text = (PROJECT / "docs" / "install.md").read_text(encoding="utf-8")
    for kind, words in BLOCK.findall(text):
        match kind:
            case "certificate":
                parts.append(CERTIFICATE)
            case "check":
                parts.append(CHECK.format(ask=words.strip()))
            case _ if "doctor mail" in words:
                # It reads the DNS of a host that does not exist, and says so.
                parts.append(words.rstrip() + " || true")
            case _:
                parts.append(words)
        if "apt-get install" in words:
            # On a whole Debian the package starts it.
            parts.append(EMPTY)
        if "git clone" in words:
            files = "/srv/newsroom/app/deploy/systemd/* /srv/newsroom/app/deploy/nginx/*"
            parts.append(f"sed -i 's/{SITE.replace('.', '[.]')}/{site}/' {files}")
        if re.search(r"^host=", words, re.MULTILINE):
            parts.append(f"mail_url=smtp://127.0.0.1:{port} repository=/newsroom.git version={branch}")
        parts.append(f"echo '--- done: {len(parts)} {kind}'")
    return "\n".join([*parts, AFTERWARDS]).replace(SITE, site)


def free_port(wanted: int) -> int:
    """Return a port of loopback that nothing listens on, the wanted one if it is free."""
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", wanted))
        except OSError:
            found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def prepare(tree: Path) -> str:
    """Make the tree, and put what the trial needs into it. Returns the branch that is installed."""
    if not (tree / "usr/bin/apt-get").exists():
        subprocess.run(
            ["debootstrap", "--variant=minbase", "--include=ca-certificates", RELEASE, tree, MIRROR], check=True
        )
    shutil.rmtree(tree / "newsroom.git", ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", "--bare", PROJECT, tree / "newsroom.git"], check=True)
    # Under a branch of the trial's own, because the project's checkout may stand on a commit.
    subprocess.run(["git", "--git-dir", tree / "newsroom.git", "branch", "--force", "trial", "HEAD"], check=True)
    (tree / DONE).unlink(missing_ok=True)
    for name in ("srv/newsroom", "etc/newsroom", "trying"):
        shutil.rmtree(tree / name, ignore_errors=True)
    shutil.copytree(HERE, tree / "trying")
    shutil.copy(HERE / "systemctl", tree / "usr/local/sbin/systemctl")
    shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
    shutil.copy(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"), tree / "ca.crt")
    # Packages start nothing by themselves here; the document's own commands do.
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    policy.chmod(0o755)
    return "trial"


def run_inside(tree: Path, port: int, branch: str) -> int:
    """Run the script in the tree, in the namespaces that `main` has made."""
    for kind, name in (("proc", "proc"), ("tmpfs", "dev/shm"), ("tmpfs", "run"), ("sysfs", "sys")):
        (tree / name).mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", kind, kind, tree / name], check=True)
    (tree / "run/lock").mkdir(mode=0o1777)
    (tree / "trial.sh").write_text(script(port, branch), encoding="utf-8")
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(["chroot", tree, "sh", "/trial.sh"], env=environment, check=False).returncode


def main(folder: str) -> int:
    tree = Path(folder).resolve() / "tree"
    if INSIDE in os.environ:
        port, branch = os.environ[INSIDE].split()
        status = run_inside(tree, int(port), branch)
        if status == 0:
            (tree / DONE).touch()
            # The workers need a moment for the issue; the one outside looks for its mail.
            time.sleep(float(os.environ.get("TRYING_SECONDS", "90")))
        return status
    from tests.mailbox import Mailbox  # noqa: PLC0415 - needs the path above.

    tree.parent.mkdir(parents=True, exist_ok=True)
    branch, began = prepare(tree), time.monotonic()
    with Mailbox() as mailbox:
        inside = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, __file__, folder],
            env=os.environ | {INSIDE: f"{mailbox.port} {branch}"},
        )
        while inside.poll() is None and not (mailbox.to(READER) and (tree / DONE).exists()):
            time.sleep(1)
        arrived = mailbox.to(READER) if (tree / DONE).exists() else []
        inside.kill()
        inside.wait()
    if not arrived:
        print("The trial did NOT come to its end; the words above say how far it came.")
        return 1
    mail = arrived[0]
    seconds = time.monotonic() - began
    print(f"The first issue arrived: “{mail['Subject']}” from {mail['From']}, {seconds:.0f} s after the first command.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "/var/tmp/newsroom-trial"))
