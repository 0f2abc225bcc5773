"""An epoch ends with its last batch, and feeds what Keras would feed."""

import keras
import numpy as np
import pytest
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

from medvae_course.models.epochs import end_without_autotuner
from medvae_course.models.feeding import BlockFeed

X = np.arange(50, dtype="float32").reshape(25, 2)

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.data feeds TensorFlow only"
)


def batches(method):
    keras.utils.set_random_seed(3)
    adapter = ArrayDataAdapter(X, batch_size=10, shuffle=True)
    return [np.asarray(batch) for batch in method(adapter)]


@tensorflow_only
def test_arrays_are_fed_without_the_autotuner():
    dataset = ArrayDataAdapter(X, batch_size=10).get_tf_dataset()
    assert dataset.options().autotune.enabled is False
    # what Keras itself has set stays
    policy = dataset.options().experimental_distribute.auto_shard_policy
    assert policy.name == "DATA"


@tensorflow_only
def test_batches_and_their_order_stay():
    ours = batches(ArrayDataAdapter.get_tf_dataset)
    usual = batches(ArrayDataAdapter.get_tf_dataset.__wrapped__)
    assert [len(batch) for batch in ours] == [10, 10, 5]
    for one, other in zip(ours, usual, strict=True):
        np.testing.assert_array_equal(one, other)


@tensorflow_only
def test_blocks_are_fed_without_the_autotuner_and_whole():
    feed = BlockFeed(X, patients=["a"] * len(X), batch_size=10)
    dataset = PyDatasetAdapter(feed, shuffle=False).get_tf_dataset()
    assert dataset.options().autotune.enabled is False
    for (found,), index in zip(dataset, range(3), strict=True):
        np.testing.assert_array_equal(found, feed[index][0])


@tensorflow_only
def test_a_second_call_changes_nothing():
    adapters = ArrayDataAdapter, PyDatasetAdapter
    before = [adapter.get_tf_dataset for adapter in adapters]
    end_without_autotuner()
    assert [adapter.get_tf_dataset for adapter in adapters] == before


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="TensorFlow is the one to mend"
)
def test_other_backends_are_left_alone():
    for adapter in (ArrayDataAdapter, PyDatasetAdapter):
        assert not hasattr(adapter.get_tf_dataset, "__wrapped__")
