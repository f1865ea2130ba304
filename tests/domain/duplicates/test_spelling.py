"""Spellings of one name fold into one; what is only alike does not."""

import pytest

from domain.duplicates.spelling import folded

SAME = [
    ("Жээнбекова", "Jeenbekova", "Жеенбеков"),
    ("Өмүрбек", "Omurbek", "Ömürbek", "Umurbek", "Омурбек"),
    ("Айгүл", "Aigul", "Aygul", "Aygül", "Айгуль", "Aigul'"),
    ("Жылдыз", "Jyldyz", "Zhyldyz", "Djyldyz", "Джылдыз"),
    ("Чыңгыз", "Çıñğız", "Чынгыз"),
    ("Шахноза", "Shakhnoza", "Shahnoza", "Şahnoza"),
    ("Мария", "Mariya", "Maria", "Mariia"),
    ("Ёқубжон", "Yoqubjon", "Yokubjon", "Екубжон"),
    ("Ҷамшед", "Jamshed", "Dzhamshed", "Джамшед"),
    ("Нұрсұлтан", "Nursultan", "Нурсултан"),
    ("Щербаков", "Shcherbakov", "Scherbakova"),
    ("Хусейн", "Khusein", "Hussein"),
    ("Таңатар", "Tangatar", "Tanatar"),
    ("Юсуп", "Yusup", "Iusup"),
    ("Семён", "Semyon", "Семен"),
    ("Ғафуров", "Gafurov", "G'afurov", "Gʻafurova"),
    ("Ибраимова", "Ибраимов", "Ibraimova", "Ибраим"),
    ("Асанович", "Асановна", "Asanovich", "Asanovna", "Асан"),
]
DIFFERENT = [
    ("Айгүл", "Айнур"),
    ("Асан", "Эсен"),
    ("Жаныл", "Шаныл"),
    ("Бакыт", "Бакай"),
    ("Нурлан", "Нурбек"),
    ("Кара", "Кора"),
]


@pytest.mark.parametrize("names", SAME, ids=lambda names: names[0])
def test_the_ways_to_write_a_name_fold_into_one(names: tuple[str, ...]) -> None:
    assert {folded(name) for name in names} == {folded(names[0])}
    assert folded(names[0]) != ()


@pytest.mark.parametrize("names", DIFFERENT, ids="-".join)
def test_different_names_stay_different(names: tuple[str, str]) -> None:
    assert folded(names[0]) != folded(names[1])


def test_a_father_named_in_any_way_folds_into_his_name() -> None:
    ways = ("Асан уулу Бакыт", "Asan uulu Bakyt", "Асанов Бакыт", "Бакыт Асанович", "Bakyt Asanov", "Асан кызы Бакыт")
    assert {frozenset(folded(way)) for way in ways} == {frozenset({"asan", "bakit"})}


def test_words_that_only_say_son_or_daughter_are_left_out() -> None:
    for word in ("уулу", "uulu", "кызы", "kyzy", "оглы", "ogly", "қизи", "qizi", "зода", "zoda"):
        assert folded(word) == (), word


def test_the_order_of_words_is_kept_and_case_marks_and_signs_do_not_count() -> None:
    assert folded("  АЙГҮЛ-Нур, (Асан)") == ("aigol", "nor", "asan")
    assert folded("Zoe\u0308") == folded("Zoë")


def test_other_scripts_fold_by_a_general_transliteration() -> None:
    assert folded("გიორგი") == ("giorgi",)
    assert folded("محمد") != ()


def test_nothing_folds_into_nothing() -> None:
    assert folded("") == folded(" 123 -- ") == ()


def test_short_roots_keep_their_ending() -> None:
    assert folded("Лев") == ("lev",)
    assert folded("Ева") == ("eva",)
