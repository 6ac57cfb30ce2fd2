"""Calibration without labels: its parts by hand, and as a whole on features of a world that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from ris_ros.errors import InputError
from ris_ros.grounding import frame_calibration as fc
from ris_ros.grounding.feature_statistics import FeatureStatistics
from ris_ros.grounding.prompt_bank import FRAMES, SHARES, STOCK_IMAGES, PromptBank

NAMES = ("cup", "bowl", "plate", "book", "ball", "can", "box", "fork", "spoon", "vase", "bottle", "knife")
COLOURS = ("red", "green", "blue", "white")
BANK = PromptBank(nouns=NAMES, colours=COLOURS, background_classes=("table", "wall"), name_temperature=3.0)


def encode_text(texts):
    """Give each word an axis of its own, and texts the mean of their words' axes."""
    words = ("the", "object", "table", "wall", *NAMES, *COLOURS)
    features = torch.tensor([[float(word in text.split()) for word in words] for text in texts])
    return F.normalize(features, dim=1)


def views(noise=0.5, images=6, masks=30, seed=0, share=0.4):
    """Return views of masks, each of which shows an object of a name and a colour, with noise."""
    rng = np.random.default_rng(seed)
    count = images * masks
    shown = encode_text([f"the {rng.choice(COLOURS)} {rng.choice(NAMES)}" for _ in range(count)]).double().numpy()
    first, second = (shown + noise * rng.normal(size=shown.shape) / np.sqrt(shown.shape[1]) for _ in range(2))
    fused = share * first + (1 - share) * second
    return fc.MaskViews(first, second, share, fused / np.linalg.norm(fused, axis=1, keepdims=True), [masks] * images)


def calibrate(**options):
    return fc.calibrate_from_frames(views(), BANK, encode_text, "print", 0.4, **options)


@pytest.fixture(scope="module")
def fitted():
    return calibrate()


def test_a_calibration_tells_present_from_absent(fitted):
    assert fitted.name_slope > 0
    assert fitted.colour_slope > 0
    assert 0 < fitted.min_confidence < 1
    assert fitted.name_temperature == fitted.colour_temperature == pytest.approx(1 / 6)
    assert (fitted.calibrated_by, fitted.fingerprint, fitted.visual_weight) == (FRAMES, "print", 0.4)
    # Phrases stay; what was fitted otherwise does not.
    assert (fitted.nouns, fitted.colours, fitted.background_classes) == (NAMES, COLOURS, ("table", "wall"))
    thresholds, shares = np.transpose(fitted.false_absences)
    assert tuple(shares) == SHARES
    assert (np.diff(thresholds) >= 0).all()
    assert fitted.min_confidence <= fitted.threshold(0.05)
    np.testing.assert_allclose(fitted.statistics.mean, views().fused.mean(axis=0), atol=1e-6)


def test_the_same_images_give_the_same_calibration_and_other_seeds_another(fitted):
    assert calibrate().to_dict() == fitted.to_dict()
    assert calibrate(seed=1).name_bias != fitted.name_bias
    assert calibrate(source=STOCK_IMAGES).calibrated_by == STOCK_IMAGES


def test_fewer_false_absences_need_a_lower_threshold(fitted):
    strict = calibrate(max_false_absence=0.0)
    assert strict.min_confidence == pytest.approx(min(strict.threshold(0.0), fitted.min_confidence))


def test_better_features_give_a_steeper_and_more_certain_calibration(fitted):
    worse = fc.calibrate_from_frames(views(noise=1.5), BANK, encode_text, "print", 0.4)

    def rank(bank):
        return bank.threshold(0.5)
    assert rank(fitted) > rank(worse)


@pytest.mark.parametrize(("images", "masks", "is_enough"), [(2, 40, False), (3, 19, False), (3, 20, True)])
def test_a_calibration_needs_three_images_and_sixty_masks(images, masks, is_enough):
    few = views(images=images, masks=masks)
    if is_enough:
        assert fc.calibrate_from_frames(few, BANK, encode_text, "", 0.4).calibrated_by == FRAMES
    else:
        with pytest.raises(InputError, match=f"there are {images} with {images * masks}"):
            fc.calibrate_from_frames(few, BANK, encode_text, "", 0.4)


def test_the_scores_of_right_names_are_told_from_those_of_wrong_ones():
    # Of 4,000 masks, half show what the first view says, with scores of 4 and a deviation of 0.7 in the second view.
    rng = np.random.default_rng(0)
    labelled, tested = rng.normal(size=(2, 4000, 3))
    labelled[:2000, 0] += 6
    tested[:2000, 0] = rng.normal(4, 0.7, 2000)
    found = fc._fit_right_scores(labelled, tested)
    assert found.mean == pytest.approx(4, abs=0.1)
    assert found.deviation == pytest.approx(0.7, abs=0.1)
    # Only the fifth of the masks that score best take part: where half of these are wrong, it is the same.
    tested[:1000, 0] = rng.normal(size=1000)
    found = fc._fit_right_scores(labelled, tested)
    assert found.mean == pytest.approx(4, abs=0.15)


def test_scores_that_do_not_vary_have_a_least_spread():
    labelled = np.eye(3)[np.arange(300) % 3] * 5.0
    found = fc._fit_right_scores(labelled, np.full((300, 3), 4.0))
    assert (found.mean, found.deviation) == pytest.approx((4, 0.3))


@pytest.mark.parametrize(("share", "mean"), [(0.5, 2 * 0.5 / np.sqrt(0.25 + 0.25 + 0.4 * 0.25)), (1.0, 1), (0.0, 1)])
def test_views_with_correlated_errors_add_up(share, mean):
    """Two views of equal quality: the sum has twice the score, and sqrt(1 + 1 + 2 * 0.2) of the noise."""
    rng = np.random.default_rng(1)
    texts = np.eye(8)[:4]
    shown = texts[rng.integers(4, size=4000)]
    first, second = (shown + 0.25 * rng.normal(size=(4000, 8)) for _ in range(2))
    both = fc._right_scores(fc.MaskViews(first, second, share, first, [4000]), texts)
    one = fc._right_scores(fc.MaskViews(first, second, 1.0, first, [4000]), texts)
    assert both.mean == pytest.approx(one.mean * mean, rel=0.05)
    assert both.deviation >= 0.5


def test_the_probability_of_being_right_weighs_both_distributions_by_the_prior():
    right = fc._RightScores(3.0, 0.5)
    # Density ratio of N(3, 1) and N(0, 1) at 1.5: 1. At 2: exp(1.5). Beyond the mean, that of the mean: exp(x^2 / 2).
    odds = 0.25 * np.array([1, np.exp(1.5), np.exp(8)])
    np.testing.assert_allclose(fc._right_probability(np.array([1.5, 2, 4]), right, 0.25), odds / (1 + odds))


def texts_of(scores, correlation=None, right=(4.0, 0.0)):
    scores = np.array(scores, float)
    count = scores.shape[1]
    correlation = np.eye(count) if correlation is None else np.array(correlation)
    return fc._Texts(scores, np.zeros(count), fc._RightScores(*right), np.full(count, 1 / count),
                     lambda text: np.arange(count) != text, lambda text: correlation[text])


def test_a_mask_that_is_made_to_show_a_text_no_longer_shows_its_own():
    rng = np.random.default_rng(0)
    # Its best text falls to the second best; the right one gets the score of right texts, here exactly 4.
    np.testing.assert_allclose(fc._shown(texts_of([(3, 1, 0.5)]), 0, 2, rng), [(1, 1, 4)])
    # A text that is correlated with the best one by a half falls by half as much: 1 - 0.5 * 2 = 0, and one that is
    # correlated with the right one by 0.2 rises by 0.2 * (4 - 0.5).
    correlation = [(1, 0.5, 0), (0.5, 1, 0.2), (0, 0.2, 1)]
    np.testing.assert_allclose(fc._shown(texts_of([(3, 1, 0.5)], correlation), 0, 2, rng), [(1, 0.7, 4)])


def test_an_object_is_simulated_in_one_mask_and_is_absent_from_all():
    texts = texts_of(np.zeros((6, 3)), right=(4.0, 0.0))
    one = fc._simulate(np.array([3, 4, 5]), texts, texts, np.random.default_rng(0))
    assert 0 <= one.mask < 3
    # Absent: all scores are 0, against two rivals. Present: 6 * 4 against them.
    rivals = np.log(2)
    np.testing.assert_allclose(one.absent_names, -rivals)
    expected = np.full(3, -rivals)
    expected[one.mask] = 20           # 24 - log(2), at most 20.
    np.testing.assert_allclose(one.names, expected)
    np.testing.assert_allclose(one.colours, expected)
    np.testing.assert_allclose(one.absent_colours, -rivals)
    # A score of 0 is right with odds of exp(-8) / 3, in one of three masks or in this one.
    odds = np.exp(-8) / 3
    assert one.name_absence == pytest.approx((1 / (1 + odds)) ** 3)
    assert one.colour_absence == pytest.approx(1 / (1 + odds))


def test_log_odds_are_of_six_logits_for_each_standard_score_and_clipped():
    np.testing.assert_allclose(fc._log_odds(np.array([1.0, 0.5]), np.array([2.0, 4.0]), 1.0),
                               (6 - 1.6 - 0.2, 3 - 3.2 - 0.2))
    np.testing.assert_allclose(fc._log_odds(np.array([9.0, -9.0]), np.zeros(2)), (20, -20))


def test_rivals_add_up_with_their_priors():
    texts = texts_of(np.zeros((1, 3)))
    texts.log_priors[:] = np.log([1, 2, 3])
    np.testing.assert_allclose(fc._rivals(texts, 0, np.array([[9.0, 0, 0.5]])), np.log(2 + 3 * np.exp(3)))


def test_the_logistic_function_finds_the_middle_between_present_and_absent():
    rng = np.random.default_rng(0)
    # Normal distributions at 6 and 2 with deviation 2: log-odds of (6 - 2) / 2^2 * (x - 4) = x - 4, and log(2) for the
    # prior.
    slope, bias = fc._fit_logistic(list(rng.normal(6, 2, 4000)), list(rng.normal(2, 2, 4000)), [1.0] * 4000)
    assert slope == pytest.approx(1, abs=0.1)
    assert bias == pytest.approx(-4 + np.log(2), abs=0.5)
    # Absent ones that are probably present count less: here only those at 2 count.
    both = [*rng.normal(2, 2, 4000), *rng.normal(6, 2, 4000)]
    again = fc._fit_logistic(list(rng.normal(6, 2, 4000)), both, [1.0] * 4000 + [0.0] * 4000)
    assert again == pytest.approx((slope, bias), abs=0.3)


def test_a_slope_is_positive_even_where_absent_objects_score_higher():
    slope, _ = fc._fit_logistic([1.0, 2.0, 3.0], [5.0, 6.0, 7.0], [1.0] * 3)
    assert slope == pytest.approx(1e-3)


def test_the_bias_stays_small_where_anything_would_do():
    _, bias = fc._fit_logistic([90.0] * 10, [-90.0] * 10, [1.0] * 10)
    assert abs(bias) < 1


def test_the_threshold_costs_three_for_a_missed_object_and_one_for_a_false_one():
    # Present at 0.1 to 1.0; absent at 0.05 and at 0.35. Below 0.35, a false one costs 1/2; above it, three of ten
    # present ones are missed, which costs 0.9.
    present = np.linspace(0.1, 1.0, 10)
    absent = np.array([0.05, 0.35])
    assert fc._best_threshold(present, absent, np.ones(2)) == pytest.approx(0.1)
    # Where nearly all absent ones score 0.15, missing one present object costs 0.3 and saves 0.9.
    assert 0.15 < fc._best_threshold(present, np.array([0.15] * 9 + [0.35]), np.ones(10)) <= 0.2
    # What is probably present does not count: to reject what scores 0.45 alone would cost 1.2 and save 1.
    assert fc._best_threshold(present, np.array([0.15] * 9 + [0.45]), np.array([0.0] * 9 + [1.0])) == pytest.approx(0.1)
    # No more than half of the present objects are given up.
    assert fc._best_threshold(present, np.full(5, 0.99), np.ones(5)) <= 0.55


def test_normal_densities_are_relative_to_each_other():
    assert fc._normal(np.array([2.0]), 2.0, 0.5)[0] == pytest.approx(2)
    assert fc._normal(np.array([3.0]), 2.0, 0.5)[0] == pytest.approx(2 * np.exp(-2))
    assert fc._sigmoid(np.array([np.log(3)]))[0] == pytest.approx(0.75)


def test_with_a_large_vocabulary_right_scores_are_those_of_common_names():
    """Among names of the vocabulary only common ones are asked for, each with the same probability."""
    from ris_ros.grounding.rivals import RivalNames
    from ris_ros.grounding.vocabulary import Name, Vocabulary

    common, rare = fc.COMMON_NAMES[:20], ("axolotl", "sextant")
    rng = np.random.default_rng(0)
    features = {f"the {name}": torch.from_numpy(rng.normal(size=32)).float() for name in (*common, *rare, "table")}
    # A model that cannot tell a dog from a cat takes them for one name.
    features["the dog"] = features["the cat"]

    def encode(texts):
        return torch.stack([features[text] for text in texts])

    def probability(names):
        bank = PromptBank((), COLOURS, ("table",), vocabulary=Vocabulary(lambda: [Name(n, (), (), 1.0) for n in names]))
        masks = rng.normal(size=(90, 32))
        some = fc.MaskViews(masks, masks[::-1], 0.5, masks / np.linalg.norm(masks, axis=1, keepdims=True), [30] * 3)
        texts = fc._names(bank, RivalNames(bank, encode), FeatureStatistics.fit(some.fused), some)
        return dict(zip((*bank.names, "table"), texts.probability, strict=True))

    found = probability((*common, *rare))
    assert found["axolotl"] == found["sextant"] == found["table"] == 0
    assert {found["dog"], found["cat"]} == {0, 1 / 19}
    assert {found[name] for name in common if name not in ("dog", "cat")} == {1 / 19}
    # With too few common ones, all names are asked for.
    assert probability((*common[:19], *rare))["axolotl"] == 1 / 20


@pytest.mark.parametrize(("deviations", "deviation"), [((0.8, 0.6), 0.5886), ((0.1, 0.1), 0.5)])
def test_the_scores_of_a_fusion_follow_from_those_of_its_views(deviations, deviation, monkeypatch):
    # Means of 4 and 3, with weights of 1/4 and 3/4: 3.25, by sqrt(1/16 + 9/16 + 2 * 0.2 * 3/16) of the noise. Right
    # scores spread by sqrt(0.2^2 + 0.45^2), by the same, or by the least spread.
    found = iter([fc._RightScores(4.0, deviations[0]), fc._RightScores(3.0, deviations[1])])
    monkeypatch.setattr(fc, "_fit_right_scores", lambda *_: next(found))
    features = np.random.default_rng(0).normal(size=(100, 8))
    both = fc._right_scores(fc.MaskViews(features, features, 0.25, features, [100]), np.eye(8)[:3])
    assert (both.mean, both.deviation) == pytest.approx((3.8845, deviation), abs=1e-4)
