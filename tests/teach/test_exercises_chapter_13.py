"""The exercises of chapter 13: right answers pass, wrong ones are told what is so."""

import numpy as np
from exercise_answers import right_answers_pass, wrong_answers_are_told
from sklearn.metrics import average_precision_score, roc_auc_score

# --- right answers, each in two ways ---------------------------------------------


def average_precision(scores, lesion):
    total, before, area = lesion.sum(), 0, 0.0
    for level in np.unique(scores)[::-1]:
        marked = scores >= level
        hit = lesion[marked].sum()
        area += (hit - before) / total * hit / marked.sum()
        before = hit
    return area


def dice(marked, truth):
    return 2 * (marked & truth).sum() / (marked.sum() + truth.sum())


def best_level(scores, lesion):
    return max(np.unique(scores), key=lambda level: dice(scores >= level, lesion))


def honest_dice(scores, lesion, test_scores, test_lesion):
    return dice(test_scores >= best_level(scores, lesion), test_lesion)


def honest_dice_by_counting(scores, lesion, test_scores, test_lesion):
    levels = np.unique(scores)
    marked = scores >= levels[:, None]
    every = 2 * (marked & lesion).sum(axis=1) / (marked.sum(axis=1) + lesion.sum())
    return dice(test_scores >= levels[every.argmax()], test_lesion)


def patient_scores(scores, patients):
    names = np.unique(patients)
    return np.array([np.sort(scores[patients == n])[-3:].mean() for n in names])


def patient_scores_in_a_list(scores, patients):
    return [
        float(np.mean(sorted(scores[patients == n], reverse=True)[:3]))
        for n in sorted(set(patients))
    ]


RIGHT = [
    ("E13.1", average_precision),
    ("E13.1", lambda s, lesion: average_precision_score(lesion, s)),
    ("E13.2", honest_dice),
    ("E13.2", honest_dice_by_counting),
    ("E13.3", patient_scores),
    ("E13.3", patient_scores_in_a_list),
]

test_right_answer_passes = right_answers_pass(RIGHT)


# --- wrong answers ----------------------------------------------------------------


def without_ties(scores, lesion):
    found = lesion[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(found) / np.arange(1, len(found) + 1)
    return precision[found].mean()


def mean_of_precision(scores, lesion):
    levels = np.unique(scores)
    return np.mean([lesion[scores >= level].mean() for level in levels])


def chosen_on_the_test(scores, lesion, test_scores, test_lesion):
    return honest_dice(test_scores, test_lesion, test_scores, test_lesion)


def strictly_above(scores, lesion, test_scores, test_lesion):
    return dice(test_scores > best_level(scores, lesion), test_lesion)


def by_patient(statistic):
    return lambda s, who: np.array([statistic(s[who == n]) for n in np.unique(who)])


def three_or_nothing(scores):
    return np.sort(scores)[-3:].sum() / 3


WRONG = [
    ("E13.1", lambda s, lesion: s, "one number between 0 and 1"),
    ("E13.1", lambda s, lesion: average_precision(-s, lesion), "start with them"),
    ("E13.1", lambda s, lesion: roc_auc_score(lesion, s), "under the ROC"),
    ("E13.1", mean_of_precision, "no two scores are equal"),
    ("E13.1", without_ties, "must get the prevalence"),
    ("E13.2", chosen_on_the_test, "knew the answer"),
    ("E13.2", lambda s, m, t, n: honest_dice(s, m, s, m), "on the validation"),
    ("E13.2", strictly_above, "exactly the threshold"),
    ("E13.2", lambda s, m, t, n: best_level(s, m), "this is the threshold"),
    ("E13.2", lambda s, m, t, n: 0.123, "on the test is wrong"),
    ("E13.3", lambda s, who: s, "4 patients"),
    ("E13.3", by_patient(np.max), "one noisy slice decides"),
    ("E13.3", by_patient(np.mean), "drowns"),
    ("E13.3", lambda s, who: patient_scores(s, who)[::-1], "not in the order"),
    ("E13.3", by_patient(three_or_nothing), "fewer than three slices"),
    ("E13.3", by_patient(lambda s: np.sort(s)[:3].mean()), "more than three"),
    ("E13.3", by_patient(lambda s: s[-3:].mean()), "as they stand"),
]

test_wrong_answer_is_told_what_is_wrong = wrong_answers_are_told(WRONG)
