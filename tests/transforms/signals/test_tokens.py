from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from schemas.arrow import DIALOGUE
from transforms.signals.tokens import TokenCounter

TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "<|{{ m.role }}|> {{ m.content }}{% for c in m.tool_calls or [] %} {{ c.function.name }}"
    "{{ c.function.arguments.city }}{% endfor %} <|end|> {% endfor %}"
)


def tiny() -> Tokenizer:
    """One token a word of white space."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    specials = ["[UNK]", "<|user|>", "<|assistant|>", "<|end|>"]
    words = ["the cat sat on the mat user: assistant: a b c d e f g h weather Paris"]
    tokenizer.train_from_iterator(words, trainers.WordLevelTrainer(special_tokens=specials))
    return tokenizer


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tiny().save(str(path))
    return str(path)


def say(role: str, content: str | None, **other: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | other


def dialogues(*values: Any) -> pl.Series:
    return pl.Series(values, dtype=DIALOGUE)


def sides(*values: Any) -> pl.Series:
    return pl.Series(values, dtype=pl.List(DIALOGUE))


def test_counts_whole_conversations_under_the_template(file: str) -> None:
    counter = TokenCounter(file, TEMPLATE, max_tokens=8)
    frame = counter.measure(
        dialogues([say("user", "a b")], [say("user", "c")]),
        sides(
            [[say("assistant", "c")], [say("assistant", "c d e")]],
            [[say("assistant", "a"), say("user", "b"), say("assistant", None)]],
        ),
    )
    assert frame.schema == pl.Schema(
        {"tokens": pl.List(pl.Int64), "too_long": pl.Boolean, "identical_after_truncation": pl.Boolean}
    )
    assert frame["tokens"].to_list() == [[7, 9], [11]]
    assert frame["too_long"].to_list() == [True, True]
    assert frame["identical_after_truncation"].to_list() == [False, False]


def test_identical_after_truncation(file: str) -> None:
    counter = TokenCounter(file, TEMPLATE, max_tokens=6)
    prompt = [say("user", "a")]
    frame = counter.measure(
        dialogues(*[prompt] * 4),
        sides(
            [[say("assistant", "c d e")], [say("assistant", "c d f")]],  # differ in the seventh token
            [[say("assistant", "c d e")], [say("assistant", "c e e")]],  # differ in the sixth
            [[say("assistant", "c d e")], [say("assistant", "c d e")]],  # do not differ at all
            [[say("assistant", "a")], [say("assistant", "c d g")], [say("assistant", "c d h")]],  # two of three
        ),
    )
    assert frame["identical_after_truncation"].to_list() == [True, False, False, True]


def test_no_template_is_plain_concatenation_and_no_limit(file: str) -> None:
    frame = TokenCounter(file).measure(
        dialogues([say("user", "a b")], None), sides([[say("assistant", "c")]], [[say("assistant", None)]])
    )
    assert frame["tokens"].to_list() == [[5], [1]]
    assert not frame["too_long"].any()
    assert not frame["identical_after_truncation"].any()


def test_the_tokenizers_own_template_and_tool_calls(tmp_path: Path) -> None:
    PreTrainedTokenizerFast(tokenizer_object=tiny(), chat_template=TEMPLATE).save_pretrained(tmp_path)
    call = {"id": "1", "name": "weather", "arguments": '{"city": " Paris"}'}
    prompt = dialogues([say("user", "a")])
    responses = sides([[say("assistant", None, tool_calls=[call])]])
    for name in (tmp_path, tmp_path / "tokenizer.json"):
        assert TokenCounter(str(name)).measure(prompt, responses)["tokens"].to_list() == [[7]]


def test_a_refused_conversation_is_null_and_stops_nothing(file: str) -> None:
    frame = TokenCounter(file, TEMPLATE, max_tokens=3).measure(
        dialogues([say("system", "a")], [say("user", "a")]),
        sides([[say("assistant", "b")], [say("assistant", "c")]], [[say("assistant", "b")]]),
    )
    assert frame["tokens"].to_list() == [[None, None], [6]]
    assert frame["too_long"].to_list() == [False, True]
    assert frame["identical_after_truncation"].to_list() == [False, False]


def test_rows_without_responses_and_no_rows(file: str) -> None:
    counter = TokenCounter(file, TEMPLATE, max_tokens=4)
    frame = counter.measure(dialogues([say("user", "a")], [say("user", "a")]), sides([], [[say("assistant", "b")]]))
    assert frame["tokens"].to_list() == [[], [6]]
    assert frame["too_long"].to_list() == [False, True]
    assert counter.measure(dialogues(), sides()).shape == (0, 3)


def test_many_rows_keep_their_order(file: str) -> None:
    n = 3000
    prompt = dialogues(*[[say("user", "a")]] * n)
    responses = sides(*[[[say("assistant", "b " * (i % 7))], [say("assistant", "c " * (i % 5))]] for i in range(n)])
    tokens = TokenCounter(file, TEMPLATE).measure(prompt, responses)["tokens"].to_list()
    assert tokens == [[5 + i % 7, 5 + i % 5] for i in range(n)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "empty"),
        ("/no/such/tokenizer.json", "no such file"),
        ("/no/such/folder", "cannot be loaded"),
        ("EMPTY", "cannot be loaded"),
        ("BROKEN", "not a tokenizer.json"),
    ],
)
def test_loading_errors_in_words(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"nothing": 1}')
    (tmp_path / "empty").mkdir()
    name = {"EMPTY": str(tmp_path / "empty"), "BROKEN": str(tmp_path / "tokenizer.json")}.get(name, name)
    with pytest.raises(ValueError, match=words) as error:
        TokenCounter(name)
    assert "allowed are" in str(error.value)
    assert name in str(error.value)


def test_bad_settings(file: str) -> None:
    with pytest.raises(ValueError, match="max_tokens is 0; allowed"):
        TokenCounter(file, max_tokens=0)
    with pytest.raises(ValueError, match="not a Jinja template"):
        TokenCounter(file, "{% for %}")
