"""The parts on vectors are scikit-learn estimators: they pass its own checks."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from decor_core.model.heads import RidgeLogisticRegression, ShrinkageLDA
from decor_core.model.novelty_detector import NoveltyDetector
from decor_core.model.softmax import SoftmaxRegression
from decor_core.model.vector_classifier import VectorClassifier
from decor_core.model.whitening import BlockPCA, BlockWhitener

ESTIMATORS = [
    BlockPCA(),
    BlockWhitener(),
    ShrinkageLDA(),
    RidgeLogisticRegression(),
    SoftmaxRegression(),
    NoveltyDetector(),
    VectorClassifier("ensemble"),  # of several of the others
    VectorClassifier("softmax", steps=50),
]


_WEIGHTS = "check_sample_weight_equivalence_on_dense_data"
_EXPECTED = {
    BlockWhitener: "shrinkage goes by the number of examples, which a weight does not change",
    ShrinkageLDA: "shrinkage goes by the number of examples, which a weight does not change",
    SoftmaxRegression: "batches are drawn at random, from other rows where rows are repeated",
    NoveltyDetector: "the limit is a quantile over held-out rows, however much each weighs",
    VectorClassifier: "folds are made of rows: repeated rows fall into other folds",
}


def _expected_failures(estimator):
    reason = _EXPECTED.get(type(estimator))
    return {_WEIGHTS: reason} if reason else {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=_expected_failures)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
