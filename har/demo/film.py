"""Films a moving person of the demo data in a scene: camera, shadow, light and noise."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from har.demo.body import Body, Subject
from har.demo.curves import Wobble
from har.demo.figure import bones_of, shapes_of
from har.demo.motion import Motion
from har.demo.render import Canvas
from har.demo.scene import Scene
from har.demo.views import Camera, View, hold_camera

PERSON_SCALE = 2  # the person is drawn this much larger and then shrunk, for smooth edges
SCENE_SCALE = 2  # and so is the scene
FLOOR_METRES = 0.03  # what lies lower than this takes the person's shadow


def film(
    subject: Subject,
    motion: Motion,
    scene: Scene,
    view: View,
    *,
    fps: float,
    num_frames: int,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Yield the frames, uint8 RGB (height, width, 3).

    Args:
        subject: Who is seen.
        motion: What they do.
        scene: Where.
        view: From where.
        fps: Frames per second.
        num_frames: How many frames.
        rng: Decides the hand's shaking, the exposure and the noise.
    """
    times = np.arange(num_frames) / fps
    poses = motion.poses(times)
    cameras, bodies = hold_camera(view, poses.hips, times, rng), Body(subject, poses)
    backdrop = _Backdrop(scene, _wide_camera(cameras))
    develop = _Developer(view.size, rng)
    for index, camera in enumerate(cameras):
        body = bodies.at(index)
        picture = backdrop.picture(camera, body)
        _add_person(picture, body, camera, scene, backdrop)
        yield develop(picture, index / fps)


def _wide_camera(cameras: list[Camera]) -> Camera:
    """Return one camera that sees what all of `cameras`, at one position, see together."""
    middle = replace(cameras[len(cameras) // 2], centre=(0.0, 0.0))
    width, height = middle.size
    corners = np.array([[x, y, 1.0] for x in (0, width) for y in (0, height)])
    pixels = np.concatenate([corners @ middle.warp_from(camera).T for camera in cameras])
    pixels = pixels[:, :2] / pixels[:, 2:]
    x0, y0 = np.floor(pixels.min(axis=0)).astype(int) - 2
    x1, y1 = np.ceil(pixels.max(axis=0)).astype(int) + 2
    return middle.crop((x0, y0, x1, y1), SCENE_SCALE)


class _Backdrop:
    """The scene, drawn once; a camera that only turns sees it through a homography.

    Args:
        scene: What to draw.
        camera: Sees all that is ever seen.
    """

    def __init__(self, scene: Scene, camera: Camera) -> None:
        self.scene = scene
        canvas = Canvas(camera, scene.light)
        canvas.draw(*scene.shapes)
        planes = canvas.planes()
        is_sky = canvas.paint == 0
        right, down, ahead = camera.rotation[:, 2] / [camera.focal, camera.focal, 1]
        # Of each ray, per metre of depth.
        climb = right * canvas.columns.astype(float) + (down * canvas.rows.astype(float) + ahead)
        share = np.clip(climb, 0, 0.6) / 0.6
        for plane, above, horizon in zip(planes, *scene.sky, strict=False):
            np.copyto(plane, horizon + (above - horizon) * share, where=is_sky, casting="same_kind")
        depth = np.where(is_sky, 1e3, canvas.depth)
        is_floor = camera.position[2] + climb * depth < FLOOR_METRES
        planes[3] = np.where(is_floor, np.float32(255), np.float32(0))
        size = tuple(side // SCENE_SCALE for side in camera.size)
        self.depth = depth[::SCENE_SCALE, ::SCENE_SCALE].astype(np.float32)
        self.pixels = cv2.merge(
            [
                cv2.resize(
                    np.clip(plane, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_AREA
                )
                for plane in planes
            ]
        )
        self.camera = camera.shrunk(SCENE_SCALE)

    def picture(self, camera: Camera, body: Body) -> np.ndarray:
        """Return what `camera` sees, with the shadow of `body`: float32 RGB."""
        warp = camera.warp_from(self.camera)
        seen = cv2.warpPerspective(self.pixels, warp, camera.size, borderMode=cv2.BORDER_REPLICATE)
        light = 1 - self._shadow(camera, body) * seen[..., 3] * np.float32(self.scene.shadow / 255)
        colours = cv2.cvtColor(seen, cv2.COLOR_RGBA2RGB)
        return cv2.multiply(colours, cv2.merge([light] * 3), dtype=cv2.CV_32F)

    def depth_of(self, camera: Camera) -> np.ndarray:
        """Return the metres to the scene as `camera` sees it, float32 (height, width)."""
        warp = camera.warp_from(self.camera)
        return cv2.warpPerspective(
            self.depth, warp, camera.size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
        )

    def _shadow(self, camera: Camera, body: Body) -> np.ndarray:
        """Return how much of the light the body takes from the floor, float32, 0 to 1."""
        width, height = camera.size
        mask = np.zeros((height, width), np.uint8)
        light = self.scene.light.direction
        bones = bones_of(body)
        points = np.array([(start, end) for start, end, _ in bones])
        fallen = camera.project(points - points[..., 2:] / light[2] * light)
        for (start, end), (_, _, radius) in zip(fallen, bones, strict=True):
            depth = (start[2] + end[2]) / 2
            thick = max(1, round(1.7 * radius * camera.focal / depth))
            ends = [tuple(int(v) for v in np.clip(p[:2], -4000, 4000)) for p in (start, end)]
            cv2.line(mask, *ends, 255, thick)
        distance = np.linalg.norm(camera.position)
        side = 2 * round(self.scene.shadow_blur * camera.focal / distance) + 3
        return cv2.blur(cv2.blur(mask, (side, side)), (side, side)) * np.float32(1 / 255)


def _add_person(
    picture: np.ndarray, body: Body, camera: Camera, scene: Scene, backdrop: _Backdrop
) -> None:
    """Draw the body into `picture`, behind the parts of the scene that are nearer."""
    points = np.concatenate([*body.legs, *body.arms, body.head[None]])
    pixels = camera.project(points.reshape(-1, 3))
    if pixels[:, 2].min() < 0.5:
        return
    margin = 0.26 * camera.focal / pixels[:, 2].min()
    low = np.clip(pixels[:, :2].min(axis=0) - margin, 0, camera.size).astype(int)
    high = np.clip(pixels[:, :2].max(axis=0) + margin, 0, camera.size).astype(int)
    if (high <= low).any():
        return
    near = camera.crop((*low, *high), PERSON_SCALE)
    canvas = Canvas(near, scene.light, backdrop.depth_of(near))
    canvas.draw(*shapes_of(body))
    size = tuple(side // PERSON_SCALE for side in near.size)
    *colours, shown = (
        cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in canvas.planes()
    )
    part = picture[low[1] : high[1], low[0] : high[0]]
    part *= cv2.merge([1 - shown] * 3)
    part += cv2.merge(colours)


class _Developer:
    """Light, lens and sensor: exposure, colour of the light, dark corners and noise.

    Args:
        size: (width, height) of the picture.
        rng: Decides them all.
    """

    def __init__(self, size: tuple[int, int], rng: np.random.Generator) -> None:
        width, height = size
        self.rng = rng
        tint = 1 + rng.uniform(-0.06, 0.06) * np.array([1.0, 0.1, -1.0])
        exposure = rng.uniform(0.82, 1.1)
        x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
        corners = 1 - rng.uniform(0.02, 0.16) * (x * x + y * y) / 2
        self.gain = (exposure * corners[..., None] * tint).astype(np.float32)
        self.flicker = Wobble(rng, rng.uniform(0.0, 0.02), 1.5)
        strength = rng.uniform(0.8, 2.0) / exposure
        self.noise = rng.normal(0, strength, (height + 64, width + 64, 3)).astype(np.float32)

    def __call__(self, picture: np.ndarray, time: float) -> np.ndarray:
        """Return the frame, uint8 RGB, for a float32 picture."""
        height, width = picture.shape[:2]
        y, x = self.rng.integers(0, 64, 2)
        frame = picture * (self.gain * np.float32(1 + self.flicker(time)))
        frame += self.noise[y : y + height, x : x + width]
        return np.clip(frame, 0, 255).astype(np.uint8)
