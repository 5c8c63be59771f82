"""A window on the screen that shows pictures until `q` is pressed or it is closed."""

import os
import sys

import cv2
import numpy as np

NO_KEY = 255
KEYS = (ord("q"), ord("Q"), 27)  # 27: Escape


class Screen:
    """The window.

    Attributes:
        key: That was pressed when a picture was shown last; empty: none.

    Args:
        title: What stands above it.

    Raises:
        ValueError: There is no screen.
    """

    def __init__(self, title: str):
        if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
            raise ValueError(
                "There is no screen to show a window on (DISPLAY is not set). Add --headless, "
                "which prints the answers instead."
            )
        # The window has no text of Qt's, so that it need not miss its fonts.
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
        self._title = title
        flags = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
        cv2.namedWindow(title, flags)
        self._is_sized, self.key = False, ""

    def show(self, picture: np.ndarray) -> bool:
        """Show a picture, uint8 RGB; return whether to go on."""
        if not self._is_sized:
            cv2.resizeWindow(self._title, *picture.shape[1::-1])
            self._is_sized = True
        cv2.imshow(self._title, picture[:, :, ::-1])
        key = cv2.waitKey(1) & 255
        self.key = "" if key == NO_KEY else chr(key)
        is_open = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        return key not in KEYS and is_open

    def close(self) -> None:
        """Remove the window."""
        cv2.destroyWindow(self._title)
