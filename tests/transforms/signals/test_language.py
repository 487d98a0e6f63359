import polars as pl
import pytest

from transforms.signals.language import HEAD_CHARACTERS, detect

SENTENCES = {
    "ar": "الطقس جميل جدا اليوم وأريد أن أتمشى في الحديقة",
    "cs": "Dnes je velmi hezké počasí a chci se projít v parku.",
    "de": "Heute ist das Wetter sehr schön und ich möchte im Park spazieren gehen.",
    "en": "The weather is lovely today and I would like to take a walk in the park.",
    "es": "Madrid es la capital de España.",
    "et": "Täna on väga ilus ilm ja ma tahan pargis jalutada.",
    "fr": "Paris est la capitale de la France.",
    "he": "מזג האוויר יפה מאוד היום ואני רוצה לטייל בפארק",
    "hi": "आज मौसम बहुत अच्छा है और मैं पार्क में घूमना चाहता हूँ",
    "it": "Roma è la capitale d'Italia.",
    "ja": "今日は天気がとても良いので、公園を散歩しようと思います。",
    "ko": "오늘은 날씨가 매우 좋아서 공원에서 산책하고 싶습니다.",
    "no": "Dette er en norsk setning om været, og jeg vil gå en tur i parken.",
    "pt": "Lisboa é a capital de Portugal.",
    "ro": "Astăzi vremea este foarte frumoasă și vreau să mă plimb în parc.",
    "ru": "Сегодня очень хорошая погода, и я хочу погулять в парке.",
    "si": "ශ්‍රී ලංකාව ඉන්දියානු සාගරයේ පිහිටි දිවයිනකි",
    "th": "วันนี้อากาศดีมาก ฉันอยากไปเดินเล่นในสวน",
    "uk": "Сьогодні дуже гарна погода, і я хочу погуляти в парку.",
    "zh": "今天天气非常好，我想去公园散步。",
}


@pytest.mark.parametrize(("code", "text"), SENTENCES.items())
def test_languages(code: str, text: str) -> None:
    frame = detect(pl.Series([text]))
    assert frame["language"].to_list() == [code]
    assert 0.5 <= frame["language_score"][0] <= 1


def test_traditional_chinese_and_old_codes_are_iso_639_1() -> None:
    assert detect(pl.Series(["這是一個繁體中文的句子，今天天氣很好"]))["language"].to_list() == ["zh"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "   \n\t ",
        "😀",
        "\x00\x01\x02",
        "OK",
        "42",
        "1 2 3 4 5 6 7 8 9 10",
        "...",
        "/\\_/\\ ( o.o )",
        "\ufffe\uffff",
    ],
)
def test_too_short_or_no_language_is_null(text: str | None) -> None:
    frame = detect(pl.Series([text], dtype=pl.String))
    assert frame.rows() == [(None, None)]


def test_control_characters_do_not_hide_the_language() -> None:
    text = "\x00\x1b[1m\ufdd0Das Wetter ist\x7f heute\u2028 wirklich sehr schön\r\n und warm."
    assert detect(pl.Series([text]))["language"].to_list() == ["de"]


@pytest.mark.parametrize("first", range(0, 0x110000, 0x10000))
def test_no_character_is_an_error(first: int) -> None:
    points = [c for c in range(first, first + 0x10000, 61) if not 0xD800 <= c < 0xE000]
    texts = pl.Series([f"{chr(c)} {chr(c)}{chr(c)}{chr(c)} abcdefgh" for c in points])
    assert len(detect(texts)) == len(points)


def test_a_huge_text_costs_no_more_than_its_head() -> None:
    head = SENTENCES["de"] * 5
    texts = pl.Series([head[:HEAD_CHARACTERS] + " the end" * 1_300_000, head])
    frame = detect(texts)
    assert frame.row(0) == frame.row(1)
    assert frame["language"][0] == "de"


def test_schema_order_and_repeats() -> None:
    texts = pl.Series("x", [SENTENCES["fr"], None, SENTENCES["zh"], SENTENCES["fr"]])
    frame = detect(texts)
    assert frame.schema == pl.Schema({"language": pl.String, "language_score": pl.Float64})
    assert frame["language"].to_list() == ["fr", None, "zh", "fr"]
    assert frame.row(0) == frame.row(3)
    assert frame["language_score"].round(5).equals(frame["language_score"])
    assert detect(texts.reverse()).reverse().equals(frame)  # what a text gets does not depend on its neighbours
    assert detect(pl.Series([], dtype=pl.String)).shape == (0, 2)
    assert detect(pl.Series([None])).rows() == [(None, None)]
