"""The list of mistakes that `make mutants` makes belongs to the code as it is now."""

import shlex
from collections import Counter

import pytest
from mutants import ROOT, mutants

MUTANTS = mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_what_a_mistake_changes_stands_there_once(mutant):
    compile(mutant.mutated(), mutant.file, "exec")


def test_there_are_enough_mistakes_and_none_twice():
    assert len(MUTANTS) >= 30
    assert max(Counter((mutant.file, mutant.old, mutant.new) for mutant in MUTANTS).values()) == 1
    assert {"winners", "placing", "pair", "splitter", "voices", "pitch"} <= {mutant.subject for mutant in MUTANTS}


def test_the_tests_that_must_notice_are_there():
    for test in {test for mutant in MUTANTS for test in mutant.tests}:
        file, *_ = shlex.split(test)
        assert (ROOT / file).is_file(), test
