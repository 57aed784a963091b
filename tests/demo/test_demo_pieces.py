"""What the scenes are made of: camera, hull, solids, noise."""

import math

import numpy as np

from segue.demo.canvas import Camera, blend, distance_byte, shade
from segue.demo.noise import SIDE, sample, smooth, tile
from segue.demo.solid import Frame, Sun, faces, hull, shadow, visible

CAMERA = Camera(width=200, height=100, horizon=40.0, focal=100.0, lift=5.0)
BOX = [(-1.0, 0.0), (1.0, 0.0), (1.0, 2.0), (-1.0, 2.0)]


def test_the_horizon_is_at_eye_level_and_far_things_are_small():
    assert CAMERA.project((0.0, 5.0, 30.0)) == (100.0, 40.0)
    near, far = (CAMERA.project((1.0, 0.0, z))[0] - 100.0 for z in (10.0, 20.0))
    assert near == 2 * far == 10.0


def test_a_box_shows_three_sides_at_most_and_the_far_cap_never():
    sides = visible(CAMERA, faces(Frame(4.0, 12.0, 0.3), BOX, 3.0))
    numbers = [side.number for side in sides]
    assert 1 <= len(sides) <= 3
    assert 4 in numbers, "the cap towards the eye"
    assert 5 not in numbers
    assert 0 not in numbers, "the underside"


def test_normals_point_outwards():
    frame = Frame(0.0, 10.0, 0.7)
    middle = np.array(frame.spot(0.0, 1.0, 0.0))
    for side in faces(frame, BOX, 3.0):
        outwards = np.mean(side.corners, axis=0) - middle
        assert np.dot(outwards, side.normal) > 0
        assert math.isclose(np.linalg.norm(side.normal), 1.0)


def test_the_hull_holds_its_corners_only():
    assert hull([(0, 0), (2, 0), (2, 2), (0, 2), (1, 1), (1, 0)]) == [(0, 0), (2, 0), (2, 2), (0, 2)]
    assert hull([(0, 0), (1, 1)]) == []


def test_a_shadow_falls_away_from_the_sun():
    sun = Sun((0.6, 0.8, 0.0), ambient=0.5)  # from the right
    outline = shadow(CAMERA, sun, [(0.0, 0.0, 10.0), (0.2, 0.0, 10.0), (0.1, 4.0, 10.0)])
    assert min(x for x, _ in outline) < CAMERA.project((0.0, 0.0, 10.0))[0] - 10
    assert max(x for x, _ in outline) <= CAMERA.project((0.2, 0.0, 10.0))[0]


def test_surfaces_in_the_shade_keep_the_ambient_light():
    sun = Sun((0.0, 1.0, 0.0), ambient=0.4)
    assert sun.on((0.0, 1.0, 0.0)) == 1.0
    assert sun.on((0.0, -1.0, 0.0)) == 0.4


def test_noise_is_centred_and_wraps_around():
    for roughness in ("cloud", "rough", "grain"):
        assert abs(tile(roughness).mean()) < 0.01
        assert math.isclose(tile(roughness).std(), 1.0, rel_tol=1e-3)
    rows, columns = np.float32([[3.0]]), np.float32([[5.0, 5.0 + SIDE]])
    assert np.ptp(sample("cloud", rows, columns)) == 0


def test_colours_and_distances_stay_bytes():
    assert shade((200, 100, 0), 2.0) == (255, 200, 0)
    assert blend((0, 0, 0), (10, 20, 30), 0.5) == (5, 10, 15)
    assert [distance_byte(z) for z in (0.0, 20.0, 1e9)] == [0, 128, 255]
    assert smooth(np.float32([0, 1, 2, 3]), 1, 2).tolist() == [0, 0, 1, 1]
