"""Chromium without a window, spoken to over a pipe: what a page does when it is opened."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What the browser is called where there is one.
NAME = next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None)
#: The most that is looked at of a page, in pixels.
_TALL = 16_000
#: Elements that are wider than the page, or reach beyond it, although nothing that scrolls holds them.
_BEYOND = """
(() => {
  const width = document.documentElement.clientWidth, out = [];
  const paper = matchMedia('print').matches;
  const held = (one) => !paper && one.closest('.wide') || one.closest('svg') && one.tagName !== 'svg';
  for (const one of document.querySelectorAll('body *')) {
    const box = one.getBoundingClientRect();
    if (box.width && (box.right > width + 1 || box.left < -1) && !held(one)) out.push(one.outerHTML.slice(0, 120));
  }
  return {scroll: document.documentElement.scrollWidth, client: width, beyond: out.slice(0, 5)};
})()
"""


@dataclass(frozen=True)
class Opened:
    """What happened when a page was opened.

    Attributes:
        said: on the console, and errors of the page.
        asked: everything it asked for but itself.
        scroll, client: how wide its content is, and how wide the window.
        beyond: beginnings of elements that reach out of the window.
    """

    said: list[str]
    asked: list[str]
    scroll: int
    client: int
    beyond: list[str]


class Browser:
    """A browser of its own, in a folder of its own; a context manager."""

    def __init__(self, folder: Path) -> None:
        # The browser reads what it is told from its file 3, and answers to its file 4.
        (there, mine), (ours, back) = os.pipe(), os.pipe()
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 50) for end in (there, back)]
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars"]
        quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
        ends = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate(theirs, 3)]
        line = [str(NAME), *flags, *quiet, f"--user-data-dir={folder}"]
        self._process = os.posix_spawnp(line[0], line, os.environ, file_actions=[*silent, *ends])
        for end in (there, back, *theirs):
            os.close(end)
        self._write, self._read = os.fdopen(mine, "wb"), os.fdopen(ours, "rb")
        self._left, self._number, self._session = b"", 0, None
        self._events: list[dict[str, Any]] = []
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Network", "Log"):
            self.tell(f"{part}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._write.close()
        self._read.close()
        os.kill(self._process, signal.SIGTERM)
        os.waitpid(self._process, 0)

    def tell(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events on the way are kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        self._write.write(json.dumps(command).encode() + b"\0")
        self._write.flush()
        while True:
            one = self._next()
            if one.get("id") == self._number:
                if "error" in one:
                    raise RuntimeError(f"{method}: {one['error']}")
                return dict(one["result"])
            self._events.append(one)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            read = os.read(self._read.fileno(), 1 << 20)
            if not read:
                raise RuntimeError("the browser is gone")
            self._left += read
        message, _, self._left = self._left.partition(b"\0")
        return dict(json.loads(message))

    def open(self, page: Path, width: int, dark: bool = False, media: str = "", unfold: bool = False) -> Opened:
        """Open a page in a window of a width; `media` is print or nothing, `unfold` opens everything that is folded."""
        self._events = []
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.tell("Emulation.setEmulatedMedia", media=media, features=scheme)
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.tell("Page.navigate", url=page.as_uri())
        while not any(one.get("method") == "Page.loadEventFired" for one in self._events):
            self._events.append(self._next())
        if unfold:
            self.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = self.run(_BEYOND)
        asked = [
            one["params"]["request"]["url"] for one in self._events if one.get("method") == "Network.requestWillBeSent"
        ]
        loud = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        said = [json.dumps(one["params"]) for one in self._events if one.get("method") in loud]
        return Opened(said, [url for url in asked if url != page.as_uri()], **found)

    def run(self, script: str) -> Any:
        """What a script comes to, in the page."""
        return self.tell("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def picture(self, path: Path, top: int = 0, height: int = _TALL) -> None:
        """Write what is open as a PNG, from `top` on."""
        width, whole = self.run("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": top, "width": width, "height": min(height, whole - top), "scale": 1}
        found = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(found["data"]))
