import json

import numpy as np
import pytest
import torch

from segue.data.classes import IGNORE
from segue.trust.label_errors import CORE, LEAST, LISTED, SMALLEST, ImageEvidence, Suspicions

SIZE = (48, 64)


def clean(seed, classes=3):
    """Labels in blocks of 16 pixels."""
    random = np.random.default_rng(seed)
    return np.kron(random.integers(0, classes, (3, 4)), np.ones((16, 16))).astype(np.uint8)


def network(labels, seed, classes=3, sure=4.0):
    """Logits of a network that has seen through to `labels`, but for noise that is smooth as a network's errors are."""
    random = np.random.default_rng([seed, 1])
    noise = np.kron(random.normal(0, 1.2, (classes, SIZE[0] // 8, SIZE[1] // 8)), np.ones((8, 8)))
    logits = sure * np.eye(classes)[labels].transpose(2, 0, 1) + noise + random.normal(0, 0.5, (classes, *SIZE))
    return torch.from_numpy(logits.astype(np.float32))


def collected(pairs, classes=3, **options):
    suspicions = Suspicions(classes, **options)
    for truth, logits in pairs:
        evidence = ImageEvidence(truth)
        evidence.take(0, logits)
        suspicions.add(evidence)
    return suspicions.label_errors()


def planted(seed, classes=3):
    """The labels of an image, and the same with a block of 12 x 12 pixels given another class."""
    labels = clean(seed, classes)
    wrong = labels.copy()
    wrong[17:29, 18:30] = (labels[17, 18] + 1) % classes
    return labels, wrong


def area_under_curve(scores, faulty):
    """The probability that a faulty image has the higher score."""
    return np.mean([(high > low) + (low == high) / 2 for high in scores[faulty] for low in scores[~faulty]])


def test_planted_components_come_first_and_images_with_them_are_told():
    images, faulty = 60, np.arange(60) % 20 == 7
    pairs = []
    for i in range(images):
        labels, wrong = planted(i)
        pairs.append((wrong if faulty[i] else labels, network(labels, i)))
    found = collected(pairs)
    first = found.suspects[: faulty.sum()]
    assert sorted(one.image for one in first) == list(np.flatnonzero(faulty))
    for one in first:
        labels, wrong = planted(one.image)
        assert (one.given, one.suspected) == (wrong[17, 18], labels[17, 18])
        assert one.box[0] >= 17
        assert one.box[1] >= 18
        assert one.box[2] <= 29
        assert one.box[3] <= 30
        assert (wrong.ravel()[one.positions] == one.given).all()
    assert area_under_curve(found.scores, faulty) >= 0.85


def test_a_component_is_counted_pixel_by_pixel():
    labels, wrong = planted(3)
    pairs = [(clean(i), network(clean(i), i)) for i in range(4)] + [(wrong, network(labels, 3))]
    found = collected(pairs)
    top = found.suspects[0]
    shares = torch.softmax(pairs[4][1], 0).numpy()
    own = np.take_along_axis(shares, wrong[None].astype(int), 0)[0]
    assert top.image == 4
    evidence = np.log(shares.max(0) / np.maximum(own, LEAST)).ravel()[top.positions]
    others = np.zeros((3, 3))
    for truth, logits in pairs[:4]:
        np.add.at(others, (truth, logits.argmax(0).numpy()), 1)
    rate = (others[top.given, top.suspected] + 1) / (others[top.given].sum() + 3)
    expected = evidence.mean() * np.sqrt(top.positions.size / wrong.size) * -np.log(rate)
    assert top.score == pytest.approx(expected, rel=1e-5)
    assert found.scores[4] == top.score
    rows, columns = np.divmod(top.positions, SIZE[1])
    assert top.box == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    assert (shares.argmax(0).ravel()[top.positions] == top.suspected).all()
    assert (shares.max(0).ravel()[top.positions] >= found.thresholds[top.suspected]).all()


def test_a_threshold_is_the_mean_probability_of_a_class_where_it_is_the_label():
    pairs = [(clean(i), network(clean(i), i)) for i in range(5)]
    found = collected(pairs, classes=3)
    shares = np.stack([torch.softmax(logits, 0).numpy() for _, logits in pairs])
    truths = np.stack([truth for truth, _ in pairs])
    expected = [shares[:, c][truths == c].mean() for c in range(3)]
    np.testing.assert_allclose(found.thresholds, expected, rtol=1e-5)


def test_a_class_without_a_label_has_no_threshold_and_is_not_suspected():
    truth = np.zeros(SIZE, np.uint8)
    found = collected([(truth, network(np.where(clean(0) == 1, 1, 0), 0))])
    assert np.isnan(found.thresholds[1:]).all()
    assert found.suspects == ()
    assert found.summary(["a"], ["x", "y", "z"])["thresholds"]["y"] is None


def test_an_unsure_disagreement_is_no_suspicion():
    labels, wrong = planted(1)
    doubtful = network(labels, 1)
    doubtful[:, 17:29, 18:30] *= 0.1
    others = [(clean(9), network(clean(9), 9))] * 3
    assert collected([(wrong, network(labels, 1)), *others]).suspects
    assert not collected([(wrong, doubtful), *others]).suspects


def test_unlabelled_pixels_take_no_part():
    """cleanlab has no label that means none; here one changes neither thresholds nor scores nor suspects."""
    labels, wrong = planted(2)
    logits = network(labels, 2)
    hidden, elsewhere = wrong.copy(), logits.clone()
    hidden[:16] = IGNORE
    elsewhere[:, :16] = 9 * torch.randn(3, 16, SIZE[1], generator=torch.Generator().manual_seed(0))
    others = [(clean(i), network(clean(i), i)) for i in (6, 7, 8)]
    one, other = collected([(hidden, logits), *others]), collected([(hidden, elsewhere), *others])
    np.testing.assert_array_equal(one.thresholds, other.thresholds)
    np.testing.assert_array_equal(one.scores, other.scores)
    assert [s.score for s in one.suspects] == [s.score for s in other.suspects]
    assert one.suspects[0].image == 0
    nothing = collected([(np.full(SIZE, IGNORE, np.uint8), logits)])
    assert nothing.suspects == ()
    assert (nothing.scores == 0).all()
    assert nothing.summary(["a"], ["x", "y", "z"])["images"] == []


def test_no_class_appears_between_others():
    """cleanlab's `downsample` averages class ids, so that labels 0 and 2 side by side become a 1 that nobody gave."""
    fine = np.tile(np.array([[0, 0, 2, 2]], np.uint8), (SIZE[0], SIZE[1] // 4))
    wrong = fine.copy()
    wrong[10:30, 10:30] = 0
    found = collected([(wrong, network(fine, 0, sure=40)), (fine, network(fine, 1, sure=40))], core=1, smallest=10)
    assert {(one.given, one.suspected) for one in found.suspects} == {(0, 2)}
    assert np.isnan(found.thresholds[1])


def test_bands_and_their_order_do_not_matter():
    labels, wrong = planted(5)
    logits = network(labels, 5)
    whole, banded = ImageEvidence(wrong), ImageEvidence(wrong)
    whole.take(0, logits)
    for top, bottom in ((20, 48), (0, 7), (7, 20)):
        banded.take(top, logits[:, top:bottom])
    for name in ("given", "first", "surest"):
        np.testing.assert_allclose(getattr(banded, name), getattr(whole, name), rtol=1e-5)
    np.testing.assert_array_equal(whole.first, logits.argmax(0))


def test_small_and_thin_disagreements_are_left_out():
    labels = np.zeros(SIZE, np.uint8)
    labels[:, 32:] = 1
    seen = labels.copy()
    seen[:, 28:32] = 1  # a contour four pixels off: 192 pixels, none of them thick
    seen[5:10, 5:10] = 1  # thick, but 25 pixels
    assert collected([(labels, 4 * network(seen, 0))] * 2).suspects == ()
    seen[20:30, 5:15] = 1
    assert len(collected([(labels, 4 * network(seen, 0))] * 2).suspects) == 2
    assert (SMALLEST, CORE) == (50, 5)


def test_memory_is_bounded_and_what_was_given_up_is_owned_up_to():
    pairs = []
    for i in range(12):
        labels, wrong = planted(i)
        pairs.append((wrong, network(labels, i)))
    everything = collected(pairs)
    assert everything.complete
    little = collected(pairs, most=500)
    assert not little.complete
    assert 0 < len(little.suspects) < len(everything.suspects)
    assert sum(one.positions.size for one in little.suspects) <= 500
    np.testing.assert_array_equal(little.suspects[0].positions, everything.suspects[0].positions)
    kept = [one.image for one in little.suspects]
    np.testing.assert_array_equal(little.scores[kept], everything.scores[kept])
    assert little.scores.sum() == little.scores[kept].sum()


def test_one_label_of_which_the_network_is_sure_that_it_is_wrong_weighs_more_than_a_mistake_of_the_same_size():
    """The sum of 1 - probability tells a label that is ruled out from one that is nearly as likely by half at most."""
    truth, wrong = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    wrong[10:20, 10:20] = 1
    ruled_out, mistaken = torch.zeros(3, *SIZE), torch.zeros(3, *SIZE)
    ruled_out[0], mistaken[0] = 12, 12
    mistaken[1, 10:20, 10:20] = 11.9
    sure = [(np.full(SIZE, 0, np.uint8), torch.cat([torch.full((1, *SIZE), 0.1), torch.zeros(2, *SIZE)]))] * 50
    found = collected([(wrong, ruled_out), (wrong, mistaken), (truth, ruled_out), *sure])
    first, second = found.suspects
    assert (first.image, second.image) == (0, 1)
    assert first.score / second.score > 9


def test_what_the_network_often_confuses_is_less_surprising():
    """Class 1 is taken for class 2 in every image, for class 0 only where the label is wrong."""

    def image(swapped):
        truth, seen = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
        truth[:20, :30] = 1
        seen[:20, :15], seen[:20, 15:30] = 1, 2
        truth[25:, :20] = seen[25:, :20] = 2
        if swapped:
            truth[30:45, 40:60] = 1
        return truth, 4.0 * torch.nn.functional.one_hot(torch.from_numpy(seen).long(), 3).permute(2, 0, 1)

    found = collected([image(False), image(False), image(True)])
    assert [(one.image, one.suspected) for one in found.suspects] == [(2, 0), (0, 2), (1, 2), (2, 2)]
    assert found.scores[2] > 3 * found.scores[0]


def test_the_record_names_images_and_classes():
    labels, wrong = planted(4)
    found = collected([(labels, network(labels, 0)), (wrong, network(labels, 4))])
    record = json.loads(json.dumps(found.summary(["a", "b"], ["x", "y", "z"]), allow_nan=False))
    first = record["components"][0]
    assert first["image"] == "b"
    assert (first["given"], first["suspected"]) == ("xyz"[wrong[17, 18]], "xyz"[labels[17, 18]])
    assert set(first["box"]) == {"top", "left", "bottom", "right"}
    assert record["images"] == [{"image": "b", "score": round(found.scores[1], 6)}]
    assert set(record) == {"components", "images", "thresholds", "complete"}
    assert LISTED == 50
