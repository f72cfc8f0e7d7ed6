"""Headless Chromium, spoken to through its debugging pipe: nothing but the browser itself is needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe")


def installed() -> str | None:
    """The browser's path; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One process; pages are opened in it one after the other."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._number = os.fdopen(read, "rb"), os.fdopen(write, "wb"), 0
        self._waiting: list[dict[str, Any]] = []
        self._rest = b""

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """What the browser answers to a command of its protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        self._write.write(json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        self._write.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._waiting.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = self._read.read1(1 << 16)  # type: ignore[attr-defined]
            assert piece, "the browser has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def events(self, method: str, session: str) -> list[dict[str, Any]]:
        """What happened so far in a page."""
        mine = [event for event in self._waiting if event.get("sessionId") == session]
        return [event["params"] for event in mine if event["method"] == method]

    def wait(self, method: str, session: str) -> None:
        while not self.events(method, session):
            self._waiting.append(self._next())

    def open(self, page: Path, width: int, *, dark: bool = False, media: str = "") -> Page:
        """The page in a window so wide."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "DOM"):
            self.call(f"{domain}.enable", session)
        self.call(
            "Emulation.setDeviceMetricsOverride", session, width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", session, media=media, features=[scheme])
        self.call("Page.navigate", session, url=page.resolve().as_uri())
        self.wait("Page.loadEventFired", session)
        return Page(self, session)


class Page:
    """An open page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def value(self, script: str) -> Any:
        """The value of an expression, of a promise's too."""
        answer = self._browser.call(
            "Runtime.evaluate", self._session, expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def errors(self) -> list[str]:
        """What the console says that is no mere information."""
        logged = [event["entry"]["text"] for event in self._browser.events("Log.entryAdded", self._session)]
        thrown = self._browser.events("Runtime.exceptionThrown", self._session)
        return logged + [event["exceptionDetails"]["text"] for event in thrown]

    def press(self, key: str) -> None:
        """A key, down and up."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self._browser.call(
                "Input.dispatchKeyEvent", self._session, type=kind, key=key, windowsVirtualKeyCode=code, **text
            )

    def picture(self, path: Path, *, height: int = 900, top: int = 0) -> None:
        """A screenshot of a stretch of the page, for people."""
        width = self.value("innerWidth")
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        answer = self._browser.call("Page.captureScreenshot", self._session, clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that ends with the block."""
    program = installed()
    assert program is not None, "no browser is installed"
    to_it, ours_out = os.pipe()
    ours_in, from_it = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD, 16) for end in (to_it, from_it))

    def connected() -> None:
        """The browser reads commands from descriptor 3 and answers on 4."""
        for number, end in enumerate(high, 3):
            os.dup2(end, number)

    with TemporaryDirectory() as profile:
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(3, 4), preexec_fn=connected, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for end in (to_it, from_it, *high):
            os.close(end)
        try:
            yield Browser(ours_in, ours_out)
        finally:
            process.terminate()
            process.wait(30)
