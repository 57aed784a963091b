from segue.trust.domain_phrases import fit_lines, gap_lines, unlike_lines


def difference(name, here, training=0.5):
    return {"name": name, "here": here, "training": training, "deviation": 0.05, "p": 0.001}


def gap(*differences):
    return {"differences": list(differences)}


def test_a_difference_is_said_in_words_with_its_figures_and_what_to_look_at():
    (line,) = gap_lines(
        gap(difference("brightness", 0.2), difference("channel 1", 0.7)), "these 9 images", "label some"
    )
    assert line.startswith(
        "these 9 images differ from the training images: darker (brightness 0.200, there 0.500 ± 0.050), more of "
    )
    assert (
        "check the exposure and the bit depth, and the order of the channels and the white balance; label some" in line
    )
    assert "docs/explanation/trust.md#" in line


def test_the_same_advice_is_given_once_and_three_figures_are_enough():
    names = ("brightness", "contrast", "sharpness", "channel 2")
    (line,) = gap_lines(gap(*(difference(name, 0.7) for name in names)), "these", "then")
    assert line.count("the exposure") == 1
    assert "channel 2" not in line


def test_no_difference_is_no_line():
    assert gap_lines(gap(), "these", "then") == []
    assert unlike_lines([], 9) == []
    assert fit_lines(None) == []
    assert fit_lines({"source": None, "parts": {"val": gap()}}) == []


def test_unlike_images_are_counted_and_ten_are_named():
    assert unlike_lines(["a.png"], 1)[0].startswith("1 of 1 image is unlike the training images: a.png (")
    (line,) = unlike_lines([f"{i}.png" for i in range(12)], 40)
    assert line.startswith("12 of 40 images are unlike the training images: 0.png, ")
    assert "9.png, and 2 more (" in line
    assert "10.png" not in line


def test_a_fit_says_which_part_differs():
    parts = {"val": gap(), "test": gap(difference("sharpness", 0.2))}
    (line,) = fit_lines({"source": None, "parts": parts})
    assert line.startswith("the test images differ from the training images: less sharp (sharpness 0.200")
