"""An epoch ends with its last batch, and feeds what Keras would feed."""

import keras
import numpy as np
import pytest
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

from medvae_course.models.epochs import end_without_autotuner

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
def test_a_second_call_changes_nothing():
    before = ArrayDataAdapter.get_tf_dataset
    end_without_autotuner()
    assert ArrayDataAdapter.get_tf_dataset is before


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="TensorFlow is the one to mend"
)
def test_other_backends_are_left_alone():
    assert not hasattr(ArrayDataAdapter.get_tf_dataset, "__wrapped__")
