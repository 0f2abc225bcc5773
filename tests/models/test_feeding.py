"""Batches read block by block: nothing lost, nothing mixed, the same for a seed."""

import keras
import numpy as np
import pytest

from medvae_course.models.feeding import BlockFeed
from medvae_course.models.training import set_seed

SIZES = {"a": 23, "b": 8, "c": 1, "d": 40}
PATIENTS = np.repeat(list(SIZES), list(SIZES.values()))
ROWS = np.arange(len(PATIENTS))


def epoch(feed: BlockFeed) -> list[np.ndarray]:
    return [feed[i][0] for i in range(len(feed))]


class Counting:
    """An array that keeps the rows it was asked for."""

    def __init__(self, array):
        self.array, self.asked = array, []

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        self.asked.append(rows)
        return self.array[rows]


@pytest.mark.parametrize("block_size", [1, 3, 8, 100])
@pytest.mark.parametrize("batch_size", [1, 7, 72, 500])
def test_each_epoch_feeds_each_row_once(block_size, batch_size):
    feed = BlockFeed(
        ROWS, patients=PATIENTS, batch_size=batch_size, block_size=block_size
    )
    for _ in range(3):
        batches = epoch(feed)
        assert all(len(batch) == batch_size for batch in batches[:-1])
        assert np.array_equal(np.sort(np.concatenate(batches)), ROWS)
        feed.on_epoch_end()


def test_order_is_that_of_seed_and_epoch():
    feeds = [BlockFeed(ROWS, patients=PATIENTS, seed=seed) for seed in (3, 3, 4)]
    orders = [[], [], []]
    for feed, seen in zip(feeds, orders, strict=True):
        for _ in range(3):
            seen.append(np.concatenate(epoch(feed)))
            feed.on_epoch_end()
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    assert not np.array_equal(orders[0][0], orders[0][1])
    assert not np.array_equal(orders[0][1], orders[0][2])


def test_blocks_are_runs_of_one_patient_and_are_cut_anew():
    feed = BlockFeed(ROWS, patients=PATIENTS, block_size=8)
    starts = set()
    for _ in range(20):
        order = np.concatenate(epoch(feed))
        breaks = np.flatnonzero(np.diff(order) != 1) + 1
        for run in np.split(order, breaks):
            starts.add(int(run[0]))
        assert len(breaks) <= sum(size // 8 + 2 for size in SIZES.values())
        feed.on_epoch_end()
    assert len(starts) > 30  # of 72 rows: neighbours are not always neighbours


def test_block_never_holds_two_patients():
    feed = BlockFeed(ROWS, patients=PATIENTS, block_size=8, batch_size=1000)
    splits = set()
    for _ in range(30):
        order = feed[0][0]
        follows = np.flatnonzero(np.diff(order) == 1)
        owners = PATIENTS[order]
        splits.add(int((owners[follows] != owners[follows + 1]).sum()))
        feed.on_epoch_end()
    # two blocks of different patients may meet by chance, but not as a rule
    assert min(splits) == 0


def test_without_shuffling_rows_come_in_order_in_every_epoch():
    feed = BlockFeed(ROWS, patients=PATIENTS, shuffle=False, batch_size=10)
    for _ in range(2):
        assert np.array_equal(np.concatenate(epoch(feed)), ROWS)
        feed.on_epoch_end()


def test_disk_is_read_in_ascending_order_and_few_places():
    images = Counting(ROWS)
    feed = BlockFeed(images, patients=PATIENTS, batch_size=32, block_size=8)
    epoch(feed)
    for asked in images.asked:
        assert (np.diff(asked) > 0).all()
        assert np.count_nonzero(np.diff(asked) != 1) < 32 / 8 + 4


def test_targets_and_preparation_follow_their_rows():
    feed = BlockFeed(
        ROWS[:, None],
        patients=PATIENTS,
        rows=np.flatnonzero(PATIENTS != "b"),
        targets=ROWS * 2,
        prepare=lambda x: x.astype(np.float32) + 0.5,
        prepare_targets=lambda y: -y,
    )
    for i in range(len(feed)):
        x, y = feed[i]
        assert x.dtype == np.float32
        assert np.array_equal((x[:, 0] - 0.5) * -2, y)
        assert not np.isin(x[:, 0] - 0.5, np.flatnonzero(PATIENTS == "b")).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patients": PATIENTS[1:]}, "one length"),
        ({"targets": ROWS[1:]}, "one length"),
        ({"batch_size": 0}, "positive"),
        ({"block_size": 0}, "positive"),
        ({"rows": []}, "filled list"),
        ({"rows": [0.5]}, "filled list"),
        ({"rows": [3, 1]}, "ascend"),
        ({"rows": [1, 1]}, "ascend"),
        ({"rows": [-1, 1]}, "ascend"),
        ({"rows": [0, 72]}, "ascend"),
        ({"patients": np.roll(PATIENTS, 5)}, "lie together"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        BlockFeed(ROWS, **{"patients": PATIENTS, **change})


def test_no_batch_after_the_last():
    feed = BlockFeed(ROWS, patients=PATIENTS)
    with pytest.raises(IndexError, match="2 batches"):
        feed[2]


def images() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.random((len(ROWS), 4, 4, 1), dtype=np.float32)


def model() -> keras.Model:
    set_seed(0)
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Dense(3)(keras.layers.Flatten()(inputs))
    built = keras.Model(
        inputs, keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(x))
    )
    built.compile("adam", "mse")
    return built


def test_fit_sees_the_same_batches_in_every_run():
    x, losses = images(), []
    for _ in range(2):
        feed = BlockFeed(x, patients=PATIENTS, targets=x, batch_size=16, seed=1)
        log = model().fit(feed, epochs=3, shuffle=False, verbose=0)
        losses.append(log.history["loss"])
    assert losses[0] == losses[1]


def test_fit_learns_as_from_the_array_fed_in_the_same_order():
    x = images()
    feed = BlockFeed(x, patients=PATIENTS, targets=x, batch_size=16)
    by_feed, by_hand = model(), model()
    by_feed.fit(feed, epochs=2, shuffle=False, verbose=0)
    twin = BlockFeed(x, patients=PATIENTS, targets=x, batch_size=16)
    for _ in range(feed.epoch - 2):  # Keras ends one before the first, to build
        twin.on_epoch_end()
    for _ in range(2):
        for i in range(len(twin)):
            by_hand.train_on_batch(*twin[i])
        twin.on_epoch_end()
    for a, b in zip(by_feed.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_predict_keeps_the_order_of_rows():
    x = images()
    feed = BlockFeed(x, patients=PATIENTS, shuffle=False, batch_size=16)
    network = model()
    np.testing.assert_allclose(
        network.predict(feed, verbose=0), network.predict(x, verbose=0), atol=1e-6
    )
