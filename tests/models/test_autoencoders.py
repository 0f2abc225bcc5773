import keras
import numpy as np
import pytest
from keras_contract import assert_equal, check_contract, to_numpy

from medvae_course.models import autoencoders, training

SHAPE = (8, 8, 1)
X = np.random.default_rng(0).random((32, *SHAPE)).astype("float32")
MAKERS = {
    "linear": lambda: autoencoders.linear_autoencoder(SHAPE, 3),
    "dense": lambda: autoencoders.dense_autoencoder(SHAPE, 3, hidden=(16, 8)),
    "convolutional": lambda: autoencoders.convolutional_autoencoder(
        SHAPE, 3, filters=(4, 6), output_activation="sigmoid"
    ),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_autoencoder_keeps_the_contract(make, tmp_path):
    check_contract(make, X, folder=tmp_path, loss="mse")


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_reconstruct_is_decode_of_encode(make):
    model = make()
    z = model.encode(X)
    assert tuple(z.shape) == (32, 3)
    assert_equal(to_numpy(model.decode(z)), to_numpy(model.reconstruct(X)))
    np.testing.assert_allclose(
        model.predict(X, verbose=0), to_numpy(model.reconstruct(X)), atol=1e-6
    )


def test_input_is_the_target_where_none_is_given():
    def history(*targets):
        training.set_seed(0)
        model = MAKERS["dense"]()
        model.compile("adam", loss="mse", metrics=["mae"], run_eagerly=True)
        data = (X, *targets)
        return model.fit(
            *data, validation_data=data if targets else X, verbose=0
        ).history

    alone, given = history(), history(X)
    assert set(alone) == {"loss", "mae", "val_loss", "val_mae"}
    assert alone == given


def test_target_is_used_where_one_is_given():
    model = MAKERS["dense"]()
    model.compile("adam", loss="mse", run_eagerly=True)
    clean = np.zeros_like(X)
    loss = model.evaluate(X, clean, verbose=0)
    assert loss == pytest.approx((to_numpy(model(X)) ** 2).mean(), rel=1e-4)


def test_linear_autoencoder_finds_the_principal_subspace():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 6)) * [2, 1.5, 0.5, 0.3, 0.3, 0.3]
    x = (x @ np.linalg.qr(rng.normal(size=(6, 6)))[0] + 1).astype("float32")
    axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:2]
    pca = x.mean(axis=0) + (x - x.mean(axis=0)) @ axes.T @ axes
    pca_mse = ((x - pca) ** 2).mean()

    training.set_seed(0)
    model = autoencoders.linear_autoencoder((6, 1, 1), 2)
    rate = keras.optimizers.schedules.CosineDecay(0.1, 400)
    model.compile(keras.optimizers.Adam(rate), loss="mse")
    images = x[..., None, None]
    model.fit(np.tile(images, (100, 1, 1, 1)), batch_size=64, verbose=0)
    mse = ((to_numpy(model(images)) - images) ** 2).mean()
    assert pca_mse <= mse * (1 + 1e-5)
    assert mse < 1.02 * pca_mse


def test_convolutional_autoencoder_learns_more_than_the_mean_image():
    rows, columns = np.mgrid[:16, :16]
    centres = np.random.default_rng(0).uniform(4, 12, (128, 2, 1, 1))
    squared = (rows - centres[:, 0]) ** 2 + (columns - centres[:, 1]) ** 2
    x = np.exp(-squared / 8)[..., None].astype("float32")
    training.set_seed(0)
    model = autoencoders.convolutional_autoencoder((16, 16, 1), 4, filters=(8, 16))
    model.compile(keras.optimizers.Adam(5e-3), loss="mse")
    model.fit(np.tile(x, (10, 1, 1, 1)), batch_size=16, verbose=0)
    mse = ((to_numpy(model(x)) - x) ** 2).mean()
    assert mse < 0.5 * x.var(axis=0).mean()


@pytest.mark.parametrize("shape", [(12, 16, 1), (16, 12, 1)])
def test_image_that_cannot_be_halved_is_refused(shape):
    with pytest.raises(ValueError, match=r"divisible by 2\*\*3 = 8.*crop or pad"):
        autoencoders.convolutional_autoencoder(shape, 4, filters=(2, 2, 2))


def test_image_need_not_be_square():
    model = autoencoders.convolutional_autoencoder((8, 24, 2), 4, filters=(2, 3, 4))
    assert model.reconstruct(np.zeros((1, 8, 24, 2))).shape == (1, 8, 24, 2)
