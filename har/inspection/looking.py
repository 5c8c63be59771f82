"""A first look at one video, in a worker: what it holds, and how far its camera moves."""

from dataclasses import dataclass, replace

from har.clips.camera import measure_camera
from har.video.preview import Preview, PreviewTask, preview_video


@dataclass(frozen=True)
class Look:
    """What a first look at a video shows.

    Attributes:
        preview: What it holds and, where a strip was wanted, the strip and its frames.
        camera_motion: In about a second from its middle, as `har.clips.camera.measure_camera` says,
            NaN where it cannot be told; None where no strip was wanted.
    """

    preview: Preview
    camera_motion: float | None = None


def look_at(task: PreviewTask) -> Look:
    """Look at a video.

    Raises:
        VideoError: As `har.video.preview.preview_video`.
    """
    preview = preview_video(task)
    motion = None if preview.run is None else measure_camera(preview.run)
    return Look(replace(preview, run=None), motion)  # the run stays in the worker
