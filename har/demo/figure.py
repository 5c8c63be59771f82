"""How a body of the demo data looks: its parts and what it holds, as shapes to draw."""

import numpy as np

from har.demo.body import MIRROR, Body, Colour, heading_axes, turned, unit
from har.demo.solids import Capsule, Ellipsoid

PHONE, SCREEN, PEN, PAPER = (24, 24, 28), (150, 190, 230), (30, 50, 160), (236, 236, 228)
CUP = (206, 212, 220)


def shapes_of(body: Body) -> list[Capsule | Ellipsoid]:
    """Return everything to draw of a person at one instant and of what they hold."""
    return _Figure(body).shapes()


def bones_of(body: Body) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Return (start, end, radius) of the parts that throw a shadow."""
    bones = [(body.pose.hips, body.collar, 0.16), (body.head, body.head, 0.1)]
    for joints, radius in [(leg, 0.075) for leg in body.legs] + [(a, 0.045) for a in body.arms]:
        bones += [(joints[0], joints[1], radius), (joints[1], joints[2], radius * 0.8)]
    return bones


def _ball(
    centre: np.ndarray, axes: np.ndarray, radii: tuple[float, float, float], colour: Colour
) -> Ellipsoid:
    """Return an ellipsoid with half axes `radii` along the rows of `axes`."""
    return Ellipsoid(centre, axes.T * np.array(radii), colour)


class _Figure:
    """The shapes of a body at one instant."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.subject = body.subject
        self.pose = body.pose

    def shapes(self) -> list[Capsule | Ellipsoid]:
        """Return everything to draw of the person and of what they hold."""
        shapes = [*self._trunk(), *self._face(), *self._hair()]
        if self.subject.skirt:
            shapes += self._skirt()
        for side in (0, 1):
            shapes += [*self._leg_shapes(side), *self._arm_shapes(side)]
        return shapes

    def _trunk(self) -> list[Capsule | Ellipsoid]:
        subject, h, b = self.subject, self.subject.height, self.subject.build
        stripes = 0 if subject.stripe is None else 9
        chest_centre = self.body.waist + self.body.chest_axes[2] * 0.1 * h
        chest_radii = np.array([0.1 * b, 0.066 * b, 0.12]) * h
        chest = Ellipsoid(
            chest_centre, self.body.chest_axes.T * chest_radii, subject.shirt,
            stripes, subject.stripe or (0, 0, 0),
        )  # fmt: skip
        belly = Ellipsoid(
            self.body.waist - self.body.hip_axes[2] * 0.02 * h,
            self.body.hip_axes.T * np.array([0.09 * b, 0.065 * b, 0.1]) * h,
            subject.shirt, stripes and 6, subject.stripe or (0, 0, 0),
        )  # fmt: skip
        pelvis = _ball(
            self.pose.hips + self.body.hip_axes[2] * 0.012 * h,
            self.body.hip_axes, (0.092 * b * h, 0.068 * b * h, 0.068 * h), subject.trousers,
        )  # fmt: skip
        slopes = [
            Capsule(
                self.body.collar + self.body.chest_axes[2] * 0.004 * h, shoulder,
                (0.034 * h, 0.032 * h), subject.shirt,
            )
            for shoulder in self.body.shoulders
        ]  # fmt: skip
        neck = Capsule(self.body.collar, self.body.neck, (0.03 * h, 0.027 * h), subject.skin)
        return [chest, belly, pelvis, *slopes, neck]

    def _face(self) -> list[Capsule | Ellipsoid]:
        axes, r, skin = self.body.head_axes, self.body.head_radius, self.subject.skin
        dark = (38, 28, 26)

        def at(right: float, forward: float, up: float) -> np.ndarray:
            return self.body.head + np.array([right, forward, up]) @ axes * r

        shapes = [
            _ball(self.body.head, axes, (0.8 * r, 0.95 * r, 1.12 * r), skin),
            _ball(at(0, 0.28, -0.55), axes, (0.58 * r, 0.6 * r, 0.58 * r), skin),
            _ball(at(0, 0.98, -0.12), axes, (0.12 * r, 0.2 * r, 0.22 * r), skin),
            _ball(at(0, 0.84, -0.6), axes, (0.26 * r, 0.08 * r, 0.06 * r), (150, 70, 66)),
        ]
        for side in MIRROR:
            shapes.append(
                _ball(at(0.34 * side, 0.8, 0.14), axes, (0.15 * r, 0.1 * r, 0.1 * r), dark)
            )
            shapes.append(_ball(at(0.8 * side, 0, -0.05), axes, (0.1 * r, 0.2 * r, 0.28 * r), skin))
        return shapes

    def _hair(self) -> list[Capsule | Ellipsoid]:
        axes, r, colour = self.body.head_axes, self.body.head_radius, self.subject.hair
        crown = self.body.head + (axes[2] * 0.3 - axes[1] * 0.2) * r
        shapes: list[Capsule | Ellipsoid] = [
            _ball(crown, axes, (0.88 * r, 0.98 * r, 0.98 * r), colour)
        ]
        if self.subject.long_hair:
            tip = self.body.head - axes[1] * 0.75 * r - self.body.chest_axes[2] * 1.5 * r
            start = self.body.head - axes[1] * 0.4 * r
            shapes.append(Capsule(start, tip, (0.78 * r, 0.55 * r), colour))
        return shapes

    def _leg_shapes(self, side: int) -> list[Capsule | Ellipsoid]:
        subject, h, b = self.subject, self.subject.height, self.subject.build
        hip, knee, ankle, _ = self.body.legs[side]
        shin = subject.skin if subject.shorts else subject.trousers
        wide = 1.0 if subject.shorts else 1.12
        axes = self.body.foot_axes[side]
        sole = ankle + axes[1] * 0.042 * h - axes[2] * 0.018 * h
        return [
            Capsule(hip, knee, (0.051 * h * b, 0.036 * h * b), subject.trousers),
            Capsule(knee, ankle, (0.034 * h * b * wide, 0.023 * h * b * wide), shin),
            _ball(sole, axes, (0.029 * h, 0.08 * h, 0.025 * h), subject.shoes),
        ]

    def _skirt(self) -> list[Capsule | Ellipsoid]:
        """Return a skirt or the lower part of a coat, from the hips to over the knees."""
        knees = [knee for _, knee, _, _ in self.body.legs]
        wide = 0.085 * self.subject.height * self.subject.build
        return [
            Capsule(self.pose.hips, knee, (wide, 0.8 * wide), self.subject.trousers)
            for knee in knees
        ]

    def _arm_shapes(self, side: int) -> list[Capsule | Ellipsoid]:
        subject, h, b = self.subject, self.subject.height, self.subject.build
        shoulder, elbow, wrist, _ = self.body.arms[side]
        sleeve = subject.shirt if subject.long_sleeves else subject.skin
        axes = self.body.hand_axes(side, elbow, wrist)
        palm = wrist + axes[2] * 0.04 * h
        shapes: list[Capsule | Ellipsoid] = [
            Capsule(shoulder, elbow, (0.031 * h * b, 0.025 * h * b), subject.shirt),
            Capsule(elbow, wrist, (0.025 * h * b, 0.018 * h * b), sleeve),
            _ball(palm, axes, (0.024 * h, 0.015 * h, 0.05 * h), subject.skin),
        ]
        return [*shapes, *self._held(self.pose.holds[side], palm, axes)]

    def _held(self, thing: str, palm: np.ndarray, axes: np.ndarray) -> list[Capsule | Ellipsoid]:
        """Return what a hand holds: its `axes` are across, out of the palm and along the hand."""
        up, chest = np.array([0, 0, 1.0]), self.body.chest_axes
        tip = palm + axes[2] * 0.05 * self.subject.height
        if thing == "phone":
            return self._phone(palm)
        if thing == "pen":
            return [Capsule(tip - up * 0.03, palm + up * 0.09, (0.006, 0.007), PEN)]
        if thing == "cup":
            return [Capsule(tip - up * 0.05, tip + up * 0.05, (0.036, 0.04), CUP)]
        if thing == "paper":  # a clipboard or an open book, tilted to the face
            flat = np.stack([chest[0], *turned(heading_axes(self.pose.heading), turn=0.0,
                                               bend=-0.7, tilt=0.0)[1:]])  # fmt: skip
            return [_ball(tip, flat, (0.15, 0.12, 0.012), PAPER)]
        if thing == "bag":
            return [_ball(tip - up * 0.2, heading_axes(self.pose.heading), (0.07, 0.17, 0.17),
                          self.subject.shoes)]  # fmt: skip
        return []

    def _phone(self, palm: np.ndarray) -> list[Capsule | Ellipsoid]:
        """Return the phone: against the head where it is near, else with its screen to the face."""
        to_face = unit(self.body.head - palm)
        up = self.body.head_axes[2]
        up = unit(up - (up @ to_face) * to_face)
        axes = np.stack([np.cross(to_face, up), to_face, up])
        centre = palm + to_face * 0.022 + up * 0.025
        screen = centre + to_face * 0.009
        return [
            _ball(centre, axes, (0.046, 0.014, 0.094), PHONE),
            _ball(screen, axes, (0.039, 0.009, 0.082), SCREEN),
        ]
