"""The 33 landmarks of BlazePose by their numbers."""

NUM_LANDMARKS = 33
NOSE, SHOULDERS, HIPS = 0, [11, 12], [23, 24]
# Nose, shoulders, elbows, wrists, fingers, hips, knees, ankles, feet: what tells actions apart.
JOINTS = [NOSE, *SHOULDERS, 13, 14, 15, 16, 19, 20, *HIPS, 25, 26, 27, 28, 31, 32]
# The same landmark on the other side: eyes, ears and mouth, then all pairs of the body.
MIRRORED = [NOSE, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9]
MIRRORED += [side for left in range(11, 33, 2) for side in (left + 1, left)]
BONES = [(11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24)]
BONES += [(23, 25), (25, 27), (27, 31), (24, 26), (26, 28), (28, 32), (0, 11), (0, 12)]
# The angle at the second of three landmarks: elbows, knees, hips, shoulders.
ANGLES = [(11, 13, 15), (12, 14, 16), (23, 25, 27), (24, 26, 28)]
ANGLES += [(11, 23, 25), (12, 24, 26), (13, 11, 23), (14, 12, 24)]
# Of `har.pose.landmarks.pose_features`: the place of each joint (2), each angle in the picture and
# in space, the way of the hips (2) and whether the person was found.
NUM_POSE_FEATURES = 2 * len(JOINTS) + 2 * len(ANGLES) + 3
WAY_OF_HIPS, IS_FOUND = slice(-3, -1), -1  # the last of them
