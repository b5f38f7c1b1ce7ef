"""S14: every stated answer is the computed one, every example ran, every number in a worked solution adds up."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from labelsmooth.lesson import cards, myths, pitfalls, practice, recall, steps, tutorials
from labelsmooth.lesson._items import LEVELS, Option, Question, numbers

QUESTIONS = practice.questions()
STEPS = steps.steps()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: f"{q.level}: {q.ask[:40]}")
def test_S14_the_stated_answer_is_the_computed_one(question: Question) -> None:
    assert question.answer == question.computed()
    assert question.solution and question.hint and len(question.options) >= 3


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_S14_predictions_too_and_their_code_runs(step: steps.Step) -> None:
    assert step.prediction.answer == step.prediction.computed()
    assert step.example.output and not step.example.failed


def test_S14_there_is_enough_of_each_level() -> None:
    assert len(STEPS) == 7
    assert len(QUESTIONS) >= 25
    for level in LEVELS:
        assert len([q for q in QUESTIONS if q.level == level]) >= 8
        assert len([c for c in cards.cards() if c.level == level]) >= 8
    assert len({q.ask for q in QUESTIONS}) == len(QUESTIONS)
    assert len({c.front for c in cards.cards()}) == len(cards.cards())
    assert all(len(prompt.concepts) >= 4 for prompt in recall.prompts())


def test_answers_are_not_always_in_the_same_place() -> None:
    places = [question.answer for question in QUESTIONS]
    assert max(places.count(place) for place in set(places)) <= len(places) * 0.6


def test_a_wrong_statement_is_found() -> None:
    question = Question("2 + 2?", numbers(lambda: 4.0, "3", "4", "5"), 1, "4")
    assert question.checked() == 1
    with pytest.raises(RuntimeError, match="the stated answer is 0, the computed one 1"):
        replace(question, answer=0).checked()
    with pytest.raises(RuntimeError, match="exactly one should"):
        replace(question, options=(Option("yes", lambda: True), Option("also", lambda: True))).checked()
    with pytest.raises(RuntimeError, match="exactly one should"):
        Question("2 + 2?", numbers(lambda: 4.0, "3", "5"), 1, "4").checked()


SUM = re.compile(r"(?<![\w.])((?:[−-]?\d+(?:\.\d+)?|[()·/+]|−| )+?) = (−?\d+(?:\.\d+)?)(?![\w%])")


def equalities(text: str) -> list[tuple[str, str]]:
    """Every `expression = number` that holds numbers alone, such as 1 − 0.2 + 0.2/4 = 0.85."""
    found = [(left.strip(), right) for left, right in SUM.findall(text)]
    return [(left, right) for left, right in found if re.search(r"\d.*[·/+−].*\d", left)]


def test_S14_worked_solutions_add_up() -> None:
    texts = [text for q in QUESTIONS for text in (q.solution, q.mistakes, q.hint)]
    texts += [card.back for card in cards.cards()]
    checked = [pair for text in texts for pair in equalities(text)]
    assert len(checked) >= 5
    for left, right in checked:
        value = eval(left.replace("·", "*").replace("−", "-"), {})
        decimals = len(right.partition(".")[2])
        assert abs(value - float(right.replace("−", "-"))) <= 0.51 * 10.0**-decimals, (left, right)


def test_a_wrong_sum_would_be_found() -> None:
    assert equalities("so 1 − 0.2 + 0.2/4 = 0.85.") == [("1 − 0.2 + 0.2/4", "0.85")]


def test_S12_every_pitfall_shows_what_it_says_and_a_repair_that_runs() -> None:
    shown = {each.title: each for each in pitfalls.pitfalls()}
    assert len(shown) >= 8
    assert "squeeze(1)" in shown["A column of labels"].wrong.output
    assert "for regression use nn.MSELoss" in shown["Regression targets"].wrong.output
    assert "must be a number in [0, 1]; got 10" in shown["Ten per cent written as 10"].wrong.output
    assert "smoothing twice" in shown["Smoothing what is soft already"].wrong.output
    assert "together 0.19" in shown["Smoothing what is soft already"].wrong.output
    assert "kl_div" in shown["A loss that wants the other kind of target"].wrong.output
    assert shown["Masked classes"].wrong.output == "tensor(inf)"
    for each in shown.values():
        assert not each.repair.failed, each.repair.output
        assert "Warning" not in each.repair.output
        assert each.wrong.output != each.repair.output


def test_the_truth_about_tutorials() -> None:
    outputs = [each.example.output for each in tutorials.corrections()]
    assert len(outputs) >= 5 and not any(each.example.failed for each in tutorials.corrections())
    assert "0.9333" in outputs[0]
    assert outputs[2].split()[0] == outputs[2].split()[1]


def test_no_text_claims_what_was_not_measured() -> None:
    """The claims that the project never makes."""
    texts = [myth.truth for myth in myths.myths()] + [says for step in STEPS for says in step.says]
    texts += [card.back for card in cards.cards()] + [q.solution for q in QUESTIONS]
    for text in texts:
        assert not re.search(r"smoothing (always )?(improves|helps) calibration", text, re.I)
        assert not re.search(r"best ε (is|equals) the noise", text, re.I)
    assert all(re.search(r"\d", myth.evidence) for myth in myths.myths())
