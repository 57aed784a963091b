"""Clips: read and written frame by frame, one set of statistics, cuts, and what is measured of them."""

import logging
import socket
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from segue.errors import DataError, RunError, UsageError
from segue.style.adain_network import AdainNetwork
from segue.style.attention_network import AttentionNetwork
from segue.style.autoencoder import Shape
from segue.style.model_folder import KINDS
from segue.style.network import Wanted
from segue.style.painter import Painter
from segue.style.picture import as_picture
from segue.style.record import StyleRecord, UsedStyle, read_record
from segue.style.record_text import unseal
from segue.style.video.cuts import BEFORE, Cuts
from segue.style.video.frame import Frame
from segue.style.video.numbered import FrameFolder, NumberedFrames
from segue.style.video.reading import VideoFile
from segue.style.video.shared import Spread, pooled
from segue.style.video.survey import Survey, survey
from segue.style.video.writing import VideoWriter
from segue.style.watermark import read
from tiny_clip_frames import HEIGHT, WIDTH, encoded, moving, numbered
from tiny_painter import painter, predicting
from tiny_style import picture

SMALL = Shape(widths=(8, 12, 16), blocks=1)
RECORD = StyleRecord("style video", (UsedStyle("wave"),), "c0", "d0", {"strength": 1.0})


@pytest.fixture(autouse=True)
def heard(monkeypatch):
    """What is logged is seen, whatever a command switched before."""
    monkeypatch.setattr(logging.getLogger("segue"), "propagate", True)


def write(path, frames, *, watermark=False, complete=True, sound=None):
    size = frames[0].pixels.shape[:2]
    writer = VideoWriter(path, size, rate=Fraction(10), record=RECORD, watermark=watermark, quality=4, sound=sound)
    for frame in frames:
        writer.add(frame.pixels, frame)
    return writer.close(complete)


def shapes(path):
    with av.open(str(path)) as container:
        return [(stream.type, stream.codec_context.name) for stream in container.streams]


# --- folders of frames -----------------------------------------------------------------------------------------------


def test_frames_come_in_the_order_of_their_numbers(tmp_path):
    frames = moving(12)
    clip = NumberedFrames.of(numbered(tmp_path / "in", frames))
    assert [file.stem for file in clip.files] == [f"shot_{n}" for n in range(1, 13)], "10 is behind 9"
    assert all(np.array_equal(one.pixels, made) for one, made in zip(clip.frames(), frames, strict=True))


def test_gaps_are_named_and_what_has_no_place_is_refused(tmp_path, caplog):
    folder = numbered(tmp_path / "in", moving(5))
    (folder / "shot_3.png").unlink()
    with caplog.at_level(logging.WARNING, "segue"):
        assert NumberedFrames.of(folder).count == 4
    assert "1 numbers between the frames are missing, the first is 3" in caplog.text
    (folder / "shot_04.png").write_bytes((folder / "shot_4.png").read_bytes())
    with pytest.raises(DataError, match=r"expected each number once, got shot_04\.png and shot_4\.png"):
        NumberedFrames.of(folder)
    (folder / "shot_04.png").rename(folder / "cover.png")
    with pytest.raises(DataError, match=r"cover\.png: expected a number in the name"):
        NumberedFrames.of(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected numbered frames"):
        NumberedFrames.of(tmp_path / "empty")


def test_each_frame_is_written_with_its_own_record(tmp_path):
    clip = NumberedFrames.of(numbered(tmp_path / "in", moving(2), first=7))
    sink = FrameFolder(tmp_path / "out", RECORD, watermark=False)
    for frame in clip.frames():
        sink.add(frame.pixels, frame)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["shot_7.png", "shot_8.png"]
    first, second = (read_record(tmp_path / "out" / f"shot_{n}.png").record for n in (7, 8))
    assert (first.options["frame"], second.options["frame"]) == (1, 2)
    assert first.content_sha256 != second.content_sha256
    assert first.styles == RECORD.styles


# --- video files -----------------------------------------------------------------------------------------------------


def test_frames_too_small_for_a_watermark_are_told_once(tmp_path, caplog):
    folder = FrameFolder(tmp_path / "out", RECORD, watermark=True)
    for one in moving(3):
        folder.add(one, Frame(one))
    assert caplog.text.count("too few for a watermark") == 1
    assert read_record(tmp_path / "out" / "frame-000003.png").record.options["frame"] == 3


def test_a_video_is_read_with_the_times_of_its_frames(tmp_path):
    frames = moving(6, coarse=6)
    clip = VideoFile.of(encoded(tmp_path / "in.mp4", frames))
    assert (clip.count, clip.rate, clip.sound) == (6, 10, False)
    found = list(clip.frames())
    assert [one.time for one in found] == [Fraction(n, 10) for n in range(6)]
    assert all(np.abs(one.pixels.astype(int) - made).mean() < 3 for one, made in zip(found, frames, strict=True))


def test_what_was_filmed_upright_is_read_upright(tmp_path):
    path = encoded(tmp_path / "in.mp4", moving(2))
    content = path.read_bytes()
    one = 1 << 16
    as_it_is, turned = (
        [one, 0, 0, 0, one, 0, 0, 0, 1 << 30],
        [0, one, 0, -one, 0, 0, WIDTH * 0 + HEIGHT * one, 0, 1 << 30],
    )
    track = content.index(b"tkhd")
    matrix = content.index(struct.pack(">9i", *as_it_is), track)
    path.write_bytes(content[:matrix] + struct.pack(">9i", *turned) + content[matrix + 36 :])
    lying = VideoFile.of(encoded(tmp_path / "lying.mp4", moving(2)))
    upright, plain = (next(clip.frames()).pixels for clip in (VideoFile.of(path), lying))
    assert upright.shape == (WIDTH, HEIGHT, 3)
    assert np.array_equal(upright, np.rot90(plain, -1)), "a quarter to the right, as the matrix says"


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
def test_pictures_times_sound_and_record_go_through(tmp_path, ending):
    clip = VideoFile.of(encoded(tmp_path / "in.mp4", moving(12, coarse=6), sound="aac"))
    path = write(tmp_path / f"out.{ending}", list(clip.frames()), sound=clip.path)
    assert shapes(path) == [("video", "h264"), ("audio", "aac")]
    found = VideoFile.of(path)
    apart = [abs(a.pixels.astype(int) - b.pixels).mean() for a, b in zip(clip.frames(), found.frames(), strict=True)]
    assert max(apart) < 3, "colours are those of the frames, not of another matrix"
    times = [float(frame.time) for frame in found.frames()]
    assert np.allclose(np.diff(times), 0.1, atol=0.002)
    with av.open(str(path)) as container:
        comment = next(text for name, text in container.metadata.items() if name.lower() == "comment")
        heard = sum(packet.duration for packet in container.demux(container.streams.audio[0]) if packet.dts is not None)
        seconds = float(heard * container.streams.audio[0].time_base)
    assert unseal(comment).content == RECORD.to_json()
    assert seconds == pytest.approx(1.2, abs=0.1)
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_sound_that_a_container_does_not_take_is_left_out_with_a_word(tmp_path, caplog):
    clip = VideoFile.of(encoded(tmp_path / "in.mkv", moving(3), sound="pcm_s16le"))
    for ending, streams in (("mkv", ["video", "audio"]), ("mp4", ["video"])):
        path = write(tmp_path / f"out.{ending}", list(clip.frames()), sound=clip.path)
        assert [kind for kind, _ in shapes(path)] == streams
    assert "the sound (pcm_s16le) does not go into mp4 and is left out: write .mkv" in caplog.text


def test_pure_colours_of_any_size_come_back(tmp_path):
    for rows in (96, 736):  # either side of where players change the matrix
        pixels = np.zeros((rows, 64, 3), np.uint8)
        pixels[: rows // 2] = (200, 40, 30)
        pixels[rows // 2 :] = (30, 60, 210)
        path = write(tmp_path / "out.mp4", [Frame(pixels)])
        found = next(VideoFile.of(path).frames()).pixels
        assert np.abs(found[[rows // 4, -rows // 4]].astype(int) - pixels[[0, -1]]).max() <= 4


def test_odd_sides_lose_a_row_and_the_log_says_so(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "segue"):
        path = write(tmp_path / "out.mp4", [Frame(np.zeros((33, 51, 3), np.uint8))])
    assert "H.264 wants even sides: 32 x 50 pixels of 33 x 51" in caplog.text
    assert next(VideoFile.of(path).frames()).pixels.shape == (32, 50, 3)


def test_every_frame_holds_the_number_of_the_record(tmp_path):
    frames = [Frame(np.asarray(255 * picture(n, 160, 192)[0].permute(1, 2, 0), np.uint8)) for n in range(3)]
    path = write(tmp_path / "out.mp4", frames, watermark=True)
    assert [read(frame.pixels).number for frame in VideoFile.of(path).frames()] == 3 * [RECORD.number]


def test_what_is_not_complete_says_so_by_its_name(tmp_path):
    path = write(tmp_path / "out.mp4", [Frame(one) for one in moving(2)], complete=False)
    assert path.name == "out.partial.mp4"
    assert len(list(VideoFile.of(path).frames())) == 2
    assert not (tmp_path / "out.mp4").exists()


def test_what_is_no_video_is_one_line(tmp_path):
    (tmp_path / "in.mp4").write_bytes(b"not a video" * 100)
    with pytest.raises(DataError, match="expected a video, cannot read it"):
        VideoFile.of(tmp_path / "in.mp4")
    with pytest.raises(DataError, match="found no such file"):
        VideoFile.of(tmp_path / "absent.mp4")


def test_a_codec_that_nobody_knows_is_one_line(tmp_path):
    content = encoded(tmp_path / "in.mp4", moving(2)).read_bytes()
    (tmp_path / "in.mp4").write_bytes(content.replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))
    with pytest.raises(DataError, match="got a codec it does not know"):
        VideoFile.of(tmp_path / "in.mp4")


def test_a_file_that_was_cut_off_lacks_frames(tmp_path):
    content = encoded(tmp_path / "in.mkv", moving(50)).read_bytes()
    assert not VideoFile.of(tmp_path / "in.mkv").lacks_frames(len(list(VideoFile.of(tmp_path / "in.mkv").frames())))
    (tmp_path / "in.mkv").write_bytes(content[: len(content) // 2])
    clip = VideoFile.of(tmp_path / "in.mkv")
    assert (clip.count, clip.expected) == (0, 50)
    assert clip.lacks_frames(len(list(clip.frames())))


def test_a_colon_in_a_relative_name_is_no_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = [Frame(one) for one in moving(2)]
    encoded(tmp_path / "in.mp4", moving(2), sound="aac").rename("http:in.mp4")
    assert write(Path("http:out.mp4"), made, sound=Path("http:in.mp4")) == Path("http:out.mp4")
    assert VideoFile.of(Path("http:out.mp4")).sound
    assert len(list(VideoFile.of(Path("http:out.mp4")).frames())) == 2


def test_pixels_that_are_not_square_stay_so(tmp_path):
    wide = [Frame(one, None, None, Fraction(2, 1)) for one in moving(2)]
    found = next(VideoFile.of(write(tmp_path / "out.mp4", wide)).frames())
    assert found.aspect == 2
    assert next(VideoFile.of(write(tmp_path / "square.mp4", [Frame(one) for one in moving(2)])).frames()).aspect is None


def test_a_pyav_without_the_encoder_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"h264"})
    with pytest.raises(RunError, match="expected a PyAV with the encoder libx264"):
        write(tmp_path / "out.mp4", [Frame(one) for one in moving(1)])
    assert list(tmp_path.iterdir()) == []


def test_a_play_list_reaches_no_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.ts"
        (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n", encoding="utf-8")
        with pytest.raises(DataError):
            list(VideoFile.of(tmp_path / "list.m3u8").frames())
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RunError, match="expected a folder that can be written"):
        write(tmp_path / "file" / "out.mp4", [Frame(one) for one in moving(1)])
    with pytest.raises(UsageError, match="at least 2 x 2"):
        write(tmp_path / "out.mp4", [Frame(np.zeros((1, 5, 3), np.uint8))])


# --- statistics ------------------------------------------------------------------------------------------------------

NETWORKS = {
    "cin": (lambda: painter(), Wanted(row=0), Wanted(row=1, share=0.5)),
    "adain": (lambda: AdainNetwork(SMALL), *(Wanted(picture=picture(n, 40, 33), share=0.5 * n) for n in (2, 1))),
    "predict": (predicting, *(Wanted(picture=picture(n, 40, 33), share=0.5 * n) for n in (2, 1))),
    "sanet": (lambda: AttentionNetwork(SMALL, "sanet"), *(Wanted(picture=picture(n, 40, 33)) for n in (1, 2))),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    make, *styles = NETWORKS[request.param]
    made = make().eval().requires_grad_(False)
    return Painter(made, strength=0.75), made.prepared(styles)


def test_a_frame_by_its_own_statistics_is_the_frame(network):
    painting, style = network
    frame = moving(1)[0]
    own = pooled([painting.statistics(frame, style)], painting.network.deviations)
    alone, given = painting.paint(frame, style).astype(int), painting.paint(frame, style, statistics=own)
    assert np.abs(alone - given).max() <= 1


def test_with_one_set_for_all_a_place_looks_the_same_whatever_enters_the_picture(network):
    """What the requirement is about: by themselves, frames answer to what is in them."""
    painting, style = network
    plain = np.asarray(255 * picture(5, 64, 400)[0].permute(1, 2, 0), np.uint8)
    entered = plain.copy()
    entered[:, :90] = 250
    far = slice(90 + painting.network.reach + painting.network.step, None)
    assert far.start < plain.shape[1], "some of the picture is out of its sight"
    shared = pooled([painting.statistics(one, style) for one in (plain, entered)], painting.network.deviations)
    one, other = (painting.paint(frame, style, statistics=shared)[:, far].astype(int) for frame in (plain, entered))
    alone, beside = (painting.paint(frame, style)[:, far].astype(int) for frame in (plain, entered))
    assert np.abs(one - other).max() <= 1
    assert np.abs(alone - beside).max() > 3


@pytest.mark.parametrize("deviations", [True, False])
def test_pooled_statistics_are_those_of_all_values_together(deviations):
    values = [torch.randn(7, 50) * spread + middle for spread, middle in ((1, 0), (3, 2), (0.5, -4))]

    def moments(one):
        spread = one.std(1, correction=0) if deviations else one.var(1, correction=0)
        return torch.stack([one.mean(1), spread])[None]

    found = pooled([(moments(one),) for one in values], deviations)
    torch.testing.assert_close(found[0], moments(torch.cat(values, 1)))


@pytest.mark.parametrize("count", [1, 3, 4, 7, 8, 9, 31, 100])
def test_samples_are_evenly_spread_and_bounded(count):
    spread = Spread(4)
    made = []
    for number in range(count):
        spread.add(lambda number=number: made.append(number) or number)
    steps = set(np.diff(spread.kept))
    assert len(steps) <= 1
    assert spread.kept[0] == 0
    assert min(count, 4) <= len(spread.kept) < 8
    assert len(made) <= min(count, 4 * (2 + count.bit_length())), "what is passed over is not made"


# --- scenes ----------------------------------------------------------------------------------------------------------


def looked(frames, kind="clip", samples=4):
    class Made:
        path, count, rate = Path("made"), 0, None

        def frames(self):
            return (Frame(one) for one in frames)

    measured = []

    def measure(some):
        measured.append(len(some))
        return (torch.tensor(np.mean([one.mean() for one in some])),)

    whole = {"prepare": lambda frame: frame.pixels, "shrink": lambda one: one, "watch": lambda _: True}
    return survey(Made(), kind, samples, measure, **whole), measured


def test_a_cut_is_found_and_motion_flashes_and_light_are_none():
    dark, light = moving(20, coarse=6), [255 - frame for frame in moving(20, coarse=6)]
    found, measured = looked(dark + light, "scene")
    assert found.scenes == (0, 20)
    assert len(measured) == len(found.statistics) == 2
    assert found.statistics_of(19) is found.statistics[0]
    assert found.statistics_of(20) is found.statistics[1]
    one, measured = looked(dark + light, "clip")
    assert (one.scenes, len(measured)) == ((0, 20), 1)
    assert one.statistics_of(0) is one.statistics_of(39)
    assert looked(dark, "frame")[0].statistics_of(3) is None
    flashed = [*dark[:10], np.full_like(dark[0], 255), *dark[10:]]
    fading = [np.clip(frame * (1 - 0.04 * n), 0, 255).astype(np.uint8) for n, frame in enumerate(dark)]
    assert looked(fading)[0].scenes == (0,)
    assert len(looked(flashed)[0].scenes) == 2, "a flash is one cut, not a scene of its own"


def test_the_first_frames_are_one_scene():
    cuts = Cuts()
    frames = [np.full((8, 8, 3), 255 * (n % 2), np.uint8) for n in range(BEFORE)]
    assert [cuts.begins(frame) for frame in frames] == [True] + [False] * (BEFORE - 1)


def test_frames_of_two_sizes_and_no_frames_are_refused(tmp_path):
    frames = moving(3)
    with pytest.raises(DataError, match="frame 3: expected the size of the first frame, 48 x 64 pixels, got 40 x 64"):
        looked([*frames[:2], frames[2][:40]])
    with pytest.raises(DataError, match="expected frames, got none"):
        looked([])


def test_a_frame_of_a_scene_knows_it():
    found = Survey(9, (4, 4), (0, 3, 7))
    assert [found.scene_of(n) for n in range(9)] == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert found.statistics_of(2) is None


def test_large_frames_are_measured_in_a_small_copy():
    network = painter()
    painting, style = Painter(network, tile=256), network.prepared([Wanted(row=0)])
    large = np.asarray(255 * picture(1, 96, 400)[0].permute(1, 2, 0), np.uint8)
    found = painting.statistics(large, style)
    whole = network.statistics(as_picture(large), style)
    assert all(one.shape == other.shape for one, other in zip(found, whole, strict=True))
    assert np.abs(painting.paint(large, style, statistics=found).astype(int) - painting.paint(large, style)).max() == 0


@pytest.mark.parametrize("kind", KINDS.names())
def test_every_kind_of_network_says_what_its_statistics_are(kind):
    """`pooled` has to know; a new kind is covered by its row."""
    assert isinstance(KINDS[kind].deviations, bool)
