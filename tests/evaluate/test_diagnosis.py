import numpy as np
import pytest

from medvae_course.evaluate.diagnosis import diagnose

SIDE, K = 6, 8
VARIANCES = np.array([9.0, 5.0, 3.0, 1.0, 0.5, 0.2])
NOISE = 0.1  # standard deviation in each pixel


class Half:
    """A function with the one verb of a Keras model that is used."""

    def __init__(self, function):
        self.function = function

    def predict(self, x, batch_size, verbose):
        return self.function(np.asarray(x))


class Model:
    def __init__(self, encode, decode):
        self.encoder, self.decoder = Half(encode), Half(decode)


def images(n, seed):
    """Gaussian images with few large directions and white noise."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(36, 6)))[0]
    codes = rng.normal(size=(n, 6)) * np.sqrt(VARIANCES)
    flat = codes @ directions.T + rng.normal(scale=NOISE, size=(n, 36))
    return flat.reshape(n, SIDE, SIDE, 1).astype(np.float32)


def linear_vae(train, beta_sigma2):
    """The optimum of a linear VAE, in closed form (Lucas et al. 2019)."""
    flat = train.reshape(len(train), -1).astype(float)
    mean = flat.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(flat.T, bias=True))
    values, vectors = values[::-1][:K], vectors[:, ::-1][:, :K]
    gain = np.sqrt(np.maximum(values - beta_sigma2, 0))
    z_var = np.minimum(beta_sigma2 / values, 1)

    def encode(x):
        codes = (x.reshape(len(x), -1) - mean) @ vectors * gain / values
        return [codes, np.broadcast_to(np.log(z_var), codes.shape)]

    def decode(z):
        return (z @ (vectors * gain).T + mean).reshape(len(z), SIDE, SIDE, 1)

    return Model(encode, decode)


TRAIN, VALIDATION = images(2000, 1), images(400, 2)
PATIENTS = {
    "train_patients": np.repeat([f"a{i}" for i in range(20)], 100),
    "validation_patients": np.repeat([f"b{i}" for i in range(10)], 40),
}


def diagnosed(model, **options):
    return diagnose(model, TRAIN, VALIDATION, **PATIENTS, data_range=8.0, **options)


@pytest.mark.parametrize("beta_sigma2", [0.01, 0.1, 2.0])
def test_weight_of_the_kl_is_measured_without_knowing_the_loss(beta_sigma2):
    found = diagnosed(linear_vae(TRAIN, beta_sigma2))["beta"]
    assert f"beta sigma² = {beta_sigma2:.3g}" in found.text.replace("0.0999", "0.1")


def test_beta_is_one_where_sigma_is_the_noise():
    found = diagnosed(linear_vae(TRAIN, NOISE**2), sigma=NOISE)
    assert found["beta"].verdict == "good"
    assert found["beta"].value == pytest.approx(1, rel=0.25)
    assert found["sigma"].verdict == "good"
    assert found["collapse"].verdict == "good"
    assert found["prior"].verdict == "good"
    assert found["patients"].verdict == "good"
    assert found["overfitting"].verdict == "good"


def test_kl_per_image_is_the_closed_form():
    train_variance = np.linalg.eigvalsh(np.cov(TRAIN.reshape(2000, -1).T, bias=True))
    expected = 0.5 * np.log(np.maximum(train_variance / 0.1, 1)).sum()
    found = diagnosed(linear_vae(TRAIN, 0.1))["collapse"]
    assert found.value == pytest.approx(expected, rel=0.03)


def test_collapse_is_named_where_the_kl_outweighs_the_largest_eigenvalue():
    found = diagnosed(linear_vae(TRAIN, 12.0))
    assert found["collapse"].verdict == "bad"
    assert "0 of 8 latents" in found["collapse"].text
    assert found["beta"].verdict == "bad"
    assert np.isnan(found["beta"].value)


def test_too_much_and_too_little_beta_are_told_apart():
    much = diagnosed(linear_vae(TRAIN, 2.0))["beta"]
    little = diagnosed(linear_vae(TRAIN, 1e-4))["beta"]
    assert (much.verdict, little.verdict) == ("look", "look")
    assert much.advice.startswith("less beta")
    assert little.advice.startswith("more beta")


def test_model_that_loses_to_pca_is_told_so():
    model = linear_vae(TRAIN, 2.0)  # its means shrink, PCA's do not
    found = diagnosed(model)["PCA"]
    assert found.verdict == "bad"
    assert found.text.startswith("it loses")
    assert found.value < -1


def test_wrong_sigma_is_corrected_by_the_residual():
    found = diagnosed(linear_vae(TRAIN, NOISE**2), sigma=1.0)["sigma"]
    assert found.verdict == "bad"
    assert found.value == pytest.approx(NOISE, rel=0.1)
    assert f"sigma = {found.value:.3g}, " in found.advice
    unknown = diagnosed(linear_vae(TRAIN, NOISE**2))["sigma"]
    assert unknown.verdict == "look"
    assert unknown.value == pytest.approx(NOISE, rel=0.1)


def test_sigma_that_does_not_fit_all_pixels_is_seen():
    uneven = np.where(np.arange(36) < 1, 0.4, 0.01).reshape(SIDE, SIDE, 1)
    rng = np.random.default_rng(3)
    train, validation = (
        (np.zeros((n, SIDE, SIDE, 1)) + uneven * rng.normal(size=(n, SIDE, SIDE, 1)))
        for n in (500, 300)
    )
    codes = np.full((1, 1), 1.0)
    model = Model(
        lambda x: [np.repeat(codes, len(x), 0), np.zeros((len(x), 1))],
        lambda z: np.zeros((len(z), SIDE, SIDE, 1)),
    )
    rms = float(np.sqrt(np.mean(uneven**2)))
    assert diagnose(model, train, validation, sigma=rms)["sigma"].verdict == "look"
    found = diagnose(model, train, validation, sigma=uneven)["sigma"]
    assert found.verdict == "good"


def test_codes_far_from_the_prior_are_seen():
    sound = linear_vae(TRAIN, NOISE**2)
    wide = Model(
        lambda x: [5 * sound.encoder.function(x)[0], sound.encoder.function(x)[1]],
        lambda z: sound.decoder.function(z / 5),
    )
    found = diagnosed(wide)["prior"]
    assert found.verdict == "bad"
    assert "do not sample from the prior" in found.advice


def test_model_that_knows_its_patients_by_heart_is_seen():
    known = {image.tobytes() for image in TRAIN}

    def encode(x):
        codes = [i.ravel() * (i.tobytes() in known) for i in x]
        return [np.stack(codes), np.full((len(x), 36), -9.0)]

    model = Model(encode, lambda z: z.reshape(len(z), SIDE, SIDE, 1) + 0.01)
    assert diagnosed(model)["overfitting"].verdict == "look"


def test_shared_patients_and_equal_images_are_found():
    model = linear_vae(TRAIN, 0.1)
    both = {**PATIENTS, "validation_patients": np.repeat(["a1", "b1"], 200)}
    assert diagnose(model, TRAIN, VALIDATION, **both)["patients"].value == 1
    twins = np.concatenate([VALIDATION, TRAIN[:3]])
    found = diagnose(model, TRAIN, twins)["patients"]
    assert (found.verdict, found.value) == ("bad", 3)
    unknown = diagnose(model, TRAIN, VALIDATION)["patients"]
    assert unknown.verdict == "look"


def test_every_finding_names_a_chapter_and_those_amiss_a_remedy():
    for weight in (1e-4, 0.01, 12.0):
        for finding in diagnosed(linear_vae(TRAIN, weight), sigma=1.0).findings:
            assert 1 <= finding.chapter <= 10
            assert finding.verdict in ("good", "look", "bad")
            assert bool(finding.advice) >= (finding.verdict == "bad")
            assert f"(chapter {finding.chapter})" in str(finding)


def test_text_holds_every_finding():
    found = diagnosed(linear_vae(TRAIN, 0.1), sigma=0.1)
    lines = [line for line in str(found).splitlines() if not line.startswith("    ")]
    assert [line.split(": ")[0][2:] for line in lines] == [
        "patients", "collapse", "beta", "PCA", "sigma", "prior", "overfitting",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        (TRAIN[:, :5], VALIDATION, "one shape"),
        (TRAIN[..., 0], VALIDATION, "one shape"),
        (TRAIN[:1], VALIDATION, "two or more"),
        (TRAIN, VALIDATION * np.nan, "finite"),
    ],
)
def test_images_that_do_not_fit_are_refused(train, validation, message):
    with pytest.raises(ValueError, match=message):
        diagnose(linear_vae(TRAIN, 0.1), train, validation)


def test_patients_of_other_images_are_refused():
    with pytest.raises(ValueError, match="`train_patients` must name .* 2000 images"):
        diagnose(
            linear_vae(TRAIN, 0.1), TRAIN, VALIDATION, train_patients=np.array(["a"])
        )


def test_decoder_of_another_size_is_refused():
    model = linear_vae(TRAIN, 0.1)
    model.decoder.function = lambda z: np.zeros((len(z), 3, 3, 1))
    with pytest.raises(ValueError, match="the decoder gives images of shape"):
        diagnose(model, TRAIN, VALIDATION)
