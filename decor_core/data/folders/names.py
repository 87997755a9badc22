"""What the name of a folder says: a part of a data set, a variant, a date, a number, or a class.

Only whole words count: “test”, “test_images”, “train2017” and “Trainingsdaten” are parts,
“test_tube” and “train station” are not.
"""

import re
import unicodedata
from collections.abc import Collection
from enum import IntEnum
from functools import lru_cache


class Rank(IntEnum):
    """What the names on a level of folders are: the higher, the less they tell what is shown."""

    CLASS = 0
    NUMBER = 1  # also single letters
    SERIES = 2  # one word with numbers: cam1, cam2
    DATE = 3
    VARIANT = 4  # kinds of pictures of the same things: color, grayscale; front, back


@lru_cache(maxsize=20_000)
def tokenize(name: str) -> tuple[str, ...]:
    """The words and numbers of a name, small and without accents: “valSet_02” → val, set, 02."""
    name = re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c) or c in "\u3099\u309a")
    return tuple(re.findall(r"[^\W\d_]+|\d+", unicodedata.normalize("NFC", plain)))


def _words(text: str) -> frozenset[str]:
    return frozenset(word for name in text.split() for word in tokenize(name))


_TRAIN = _words("""
    train training trainval trn trainset traindata learn
    trainings trainingsdaten trainingsset entrainement apprentissage entrenamiento treino
    treinamento addestramento treningowy treningowe treningowa uczacy uczace trenovaci egitim
    обучение обучающая обучающие обучающий тренировочная тренировочные трейн навчання навчальна
    训练 训练集 训练数据 訓練 訓練集 訓練データ 学習 学習用 学習データ 훈련 학습 تدريب""")
_TEST = _words("""
    test tests testing tst testset testdata eval evaluation holdout heldout unlabeled unlabelled
    testdaten testset prueba pruebas teste testes testowy testowe testowa testovaci
    тест тестовая тестовые тестовый
    测试 测试集 测试数据 測試 測試集 テスト テスト用 評価 테스트 평가 اختبار""")
_VALIDATION = _words("""
    val valid validation validate valset dev devel validierung validacion validacao validazione
    validatie walidacja walidacyjny walidacyjne validacni dogrulama
    валидация валидационная проверка проверочная перевірка
    验证 验证集 验证数据 驗證 驗證集 検証 検証用 検証データ 검증 تحقق""")
PART_WORDS = _TRAIN | _TEST | _VALIDATION
_FOLD_WORDS = _words("fold folds kfold split splits cv partition subset falte фолд 折 第")
_COLLECTION_WORDS = _words("""
    image images img imgs pic pics pictures jpg jpeg jpegs png pngs jpegimages data dataset datasets
    bild bilder daten zdjecia obrazy imagenes imagens immagini resimler
    изображения картинки 图片 图像 画像 이미지""")
_FILLERS = _words("set sets the of my all x y split original final new") | _COLLECTION_WORDS
_PHRASES_TO_LABEL = """
    unlabeled, unlabelled, not labeled, not labelled, not yet labeled, not yet labelled, to label,
    to be labeled, to be labelled, no label, no labels, without label, without labels, unclassified,
    to classify, to be classified, unsorted, to sort, to be sorted, uncategorized, uncategorised,
    untagged, unannotated, to annotate, todo, to do,
    ungelabelt, unbeschriftet, ohne Label, zu labeln, unsortiert, nicht klassifiziert,
    non étiqueté, non étiquetées, sans étiquette, à étiqueter, non classé, non classées,
    sin etiqueta, sin etiquetar, sin clasificar, sem rótulo, non etichettate, da etichettare,
    nieoznaczone, nieopisane, неразмеченные, без метки, 未标注, 未标记, 未分类, 未分類"""
_TO_LABEL = set(map(tokenize, _PHRASES_TO_LABEL.split(",")))
_MASK_NAMES = ("ground truth", "groundtruth")
_MASK_WORDS = _words("mask masks gt label labels annotation annotations segmentation masken")
_ASIDE_WORDS = _words("""
    doc docs asset assets figure figures fig figs screenshot screenshots static media icon icons
    notebook notebooks logo logos readme result results output outputs plots demo paper""")
_VARIANT_WORDS = _words("""
    color colour colors colored coloured farbe rgb bgr hsv gray grey grayscale greyscale bw mono
    segmented segmentation segmentated masked augmented augmentation aug original originals orig raw
    processed preprocessed unprocessed resized rescaled cropped crop crops uncropped scaled padded
    noisy denoised blurred flipped rotated mirrored normalized edges depth thermal ir nir infrared
    synthetic real rendered clean cleaned edited unedited retouched hires lowres hd thumbnails
    thumbs front back rear left right top bottom side above below frontal profile view views
    close closeup indoor outdoor inside outside day night morning noon evening dawn dusk
    camera cam kamera iphone android phone webcam dslr scanner scans microscope""")
_SERIES_FILLERS = _words("low high res resolution size px version light") | _FILLERS
_MONTHS = _words("""
    jan january feb february mar march apr april may jun june jul july aug august sep sept september
    oct october nov november dec december spring summer autumn fall winter week day date""")
# Numbered names that say what is shown all the same: class_1, grade_0.
_NUMBERED_CLASSES = _words("""
    class classes klasse klasa classe clase kategorie category cat type typ kind label species
    grade level stage style model product класс категория sinif""")
# Numbered names that may be parts of a data set as well as classes.
_PORTIONS = _words("part batch chunk shard set group session run round lot k portion")

_DATE = re.compile(
    r"(19|20)\d\d([ _.\-]?[01]?\d([ _.\-]?[0-3]?\d)?)?([ _T\-]\d+)*|\d\d?[.\-]\d\d?[.\-]\d{2,4}"
)
_SIZE = re.compile(r"\d+ ?x ?\d+|\d+ ?px", re.IGNORECASE)


def is_part(name: str) -> bool:
    """Whether a folder is called like a part of a data set: train, Test Set, val2017, fold_3."""
    words = tokenize(name)
    letters = {word for word in words if not word.isdigit()}
    if letters & PART_WORDS and letters <= PART_WORDS | _FILLERS:
        return True
    numbered = len(words) > len(letters) or any(len(word) == 1 for word in letters)
    folds = letters & _FOLD_WORDS
    return (
        bool(folds)
        and numbered
        and all(w in _FOLD_WORDS | _FILLERS or len(w) == 1 for w in letters)
    )


def part_of(name: str) -> int | None:
    """Which part of a data set a name speaks of: 0 to train on, 1 to test, 2 to validate."""
    words = set(tokenize(name))
    parts = [number for number, part in enumerate((_TRAIN, _TEST, _VALIDATION)) if words & part]
    return parts[0] if len(parts) == 1 else None


def part_stem(name: str) -> tuple[str, ...]:
    """What is left of a name without the word for a part, () where it has none: seg_train → seg."""
    words = tokenize(name)
    rest = tuple(word for word in words if word not in PART_WORDS)
    return rest if len(rest) < len(words) else ()


def is_collection(name: str) -> bool:
    """Whether a folder is called after there being pictures in it: images, img, data_2."""
    letters = {word for word in tokenize(name) if not word.isdigit()}
    return bool(letters & _COLLECTION_WORDS) and letters <= _FILLERS


def is_to_label(name: str) -> bool:
    """Whether a folder is called like pictures whose class is still to be given.

    “none”, “new”, “other” and “unknown” are not: classes are called so, too.
    """
    words = tokenize(name)
    plain = tuple(word for word in words if not (word.isdigit() or word in _FILLERS))
    return bool({words, plain} & _TO_LABEL)


def is_ground_truth(name: str) -> bool:
    """Whether a folder holds masks, whatever lies beside it."""
    return " ".join(tokenize(name)) in _MASK_NAMES


def may_be_masks(name: str) -> bool:
    """Whether a folder is called like masks, which where a class is called so it is not."""
    letters = {word for word in tokenize(name) if not word.isdigit()}
    return bool(letters & _MASK_WORDS) and letters <= _MASK_WORDS | _FILLERS


def is_beside_code(name: str) -> bool:
    """Whether a folder is called like those of a repository that hold no pictures to learn from."""
    letters = {word for word in tokenize(name) if not word.isdigit()}
    return bool(letters) and letters <= _ASIDE_WORDS | _COLLECTION_WORDS


def are_portions(names: Collection[str]) -> bool:
    """Whether all names are numbered words that may mean parts of a data set: part_1, batch2."""
    letters = {word for name in names for word in tokenize(name) if not word.isdigit()}
    return letters <= _PORTIONS and rank(names) is Rank.SERIES


def rank(names: Collection[str]) -> Rank:
    """What the names on a level are: the rank of the one that says the most."""
    series = Rank.SERIES if _is_series(names) else Rank.CLASS
    return max(series, min(map(_rank_of, names)))


def _rank_of(name: str) -> Rank:
    words = tokenize(name)
    letters = {word for word in words if not word.isdigit()}
    if _DATE.fullmatch(name.strip()) or (letters and letters <= _MONTHS):
        return Rank.DATE
    if _SIZE.fullmatch(name.strip()) or (
        letters & _VARIANT_WORDS and letters <= _VARIANT_WORDS | _SERIES_FILLERS
    ):
        return Rank.VARIANT
    if letters and letters <= _PORTIONS and len(letters) < len(words):
        return Rank.SERIES
    if words and (not letters or (len(words) == 1 and len(name) == 1 and name.isascii())):
        return Rank.NUMBER
    return Rank.CLASS


def _is_series(names: Collection[str]) -> bool:
    """Whether all names are one and the same word with numbers or single letters behind it."""
    stems, numbered = set(), True
    for words in map(tokenize, names):
        stem = tuple(word for word in words if not word.isdigit() and len(word) > 1)
        stems.add(stem)
        numbered = numbered and len(words) > len(stem)
    if len(names) < 2 or len(stems) > 1 or not numbered:
        return False
    (stem,) = stems
    return bool(stem) and not set(stem) & _NUMBERED_CLASSES
