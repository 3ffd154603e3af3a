"""换发承继: an exchanged certificate hands on the registration that stands on it, so that no spare is left."""

import itertools
import uuid

import pytest

from tests.unit.decision.scenario import VOID, given
from tests.unit.decision.telling import (
    FOURTH,
    MINUTE,
    NINGBO,
    NUMBER,
    OTHER,
    THIRD,
    approve_withdrawal,
    ask_withdrawal,
    backfill,
    blacklist,
    claim,
    completion,
    event,
    filing,
    overdue,
    reinstate,
    release,
    void,
    withdrawn,
)

A, B, C, D = NUMBER, OTHER, THIRD, FOURTH
FLAGS = ("INVALIDATED_AFTER_USE",)


def sent(w):
    """What the registrar sent: (from, to, registration), ended ones with a minus."""
    return [
        (s.predecessor, ("-" if s.ended else "") + s.certificate_number, s.registration_id) for s, _ in w.sent
    ]


def test_the_successor_of_a_used_number_is_good_for_the_same_registration_only():
    w = given(filing("R1", A), void(A, by=B))
    w.when(filing("R2", B)).then_refused("SUCCEEDS_USED", doubts=VOID, first_sent=0)
    w.when(filing("R1", B, unit=NINGBO)).then_accepted("SUCCESSION")
    w.when(filing("R1", B, unit=NINGBO)).then_accepted("AMENDMENT", "SUCCESSION", first=3)
    w.when(filing("R2", B)).then_refused("USED", "CONTESTED", first=3)


def test_a_claim_on_the_successor_of_a_used_number_is_refused_and_warned():
    w = given(filing("R1", A), void(A, by=B))
    w.when(claim(number=B)).then_refused("SUCCEEDS_USED", "SUCCESSION", first_sent=0)


def test_succession_stands_on_every_succession_entry():
    w = given(filing("R1", A), void(A, by=B), reinstate(A))
    assert [entry.flags for _, entry in w.sent] == [("SUCCESSION",), ("SUCCESSION",)]
    assert [str(entry.verdict) for _, entry in w.sent] == ["ACCEPTED", "ACCEPTED"]


def test_the_successor_of_an_unused_number_is_as_good_as_new():
    w = given(void(A, by=B))
    w.when(claim(number=B)).then_accepted()
    w.when(filing("R1", B, at=20 * MINUTE)).then_accepted()
    assert not w.state(B).contested


def test_event_ids_follow_from_the_trigger_and_the_target():
    w = given(filing("R1", A), void(A, by=B, id="v"))
    ((record, _),) = w.sent
    assert record.event_id == uuid.uuid5(event("v"), B)
    assert (record.predecessor, record.registration_id, record.chain) == (A, "R1", (A,))
    assert (record.ended, record.contested_by, record.certificate_number) == (False, None, B)


def test_chains_are_followed():
    w = given(filing("R1", A), void(A, by=B), void(B, by=C), void(C, by=D))
    assert w.registrations_on(B, C, D) == ["R1", "R1", "R1"]
    assert w.state(D).relations[0].chain == [A, B, C]
    w.when(filing("R2", D)).then_refused("SUCCEEDS_USED", doubts=VOID, first_sent=2)
    w.when(filing("R1", D)).then_accepted("SUCCESSION")


def test_chains_are_followed_whatever_the_order_of_the_exchanges():
    w = given(void(C, by=D), void(B, by=C), void(A, by=B), completion("R1", A), filing("R1", A, registered=0))
    assert w.registrations_on(B, C, D) == ["", "", ""]  # refused: A was void before
    w = given(void(C, by=D), void(B, by=C), filing("R1", A), void(A, by=B))
    assert w.registrations_on(B, C, D) == ["R1", "R1", "R1"]


def test_a_predecessor_used_later_is_told():
    w = given(claim(number=A), void(A, by=B, at=MINUTE), void(B, by=C, at=MINUTE))
    assert w.registrations_on(B, C) == ["", ""]
    w.when(filing("R1", A, at=20 * MINUTE)).then_accepted("LISTED_AFTER_CLAIM")
    assert w.registrations_on(B, C) == ["R1", "R1"]


def test_a_backfill_on_the_predecessor_is_told():
    w = given(void(A, by=B))
    w.when(backfill("R1", A)).then_accepted("INVALIDATED_AFTER_USE")
    w.when(filing("R2", B)).then_refused("SUCCEEDS_USED", doubts=VOID, first_sent=1)


def test_a_withdrawal_on_the_predecessor_frees_the_successor():
    w = given(filing("R1", A), void(A, by=B), void(B, by=C), *withdrawn("R1", A))
    assert w.registrations_on(B, C) == ["", ""]
    w.when(filing("R2", C)).then_accepted()


def test_a_request_alone_frees_nothing():
    w = given(filing("R1", A), void(A, by=B), ask_withdrawal("R1", A))
    assert w.registrations_on(B) == ["R1"]
    assert len(w.sent) == 1


def test_a_reinstatement_ends_the_relation_down_the_chain():
    w = given(filing("R1", A), void(A, by=B), void(B, by=C), reinstate(A))
    assert sent(w)[2:] == [(A, "-" + B, None), (B, C, None)]
    assert w.state(B).relations == ()
    assert w.registrations_on(C) == [""]
    w.when(filing("R2", C)).then_accepted()


def test_void_again_with_another_replacement_moves_the_relation():
    w = given(filing("R1", A), void(A, by=B), reinstate(A), void(A, by=C))
    assert w.registrations_on(B, C) == ["", "R1"]


def test_a_replacement_added_by_the_second_void_is_told():
    w = given(filing("R1", A), void(A), void(A, by=B))
    assert w.registrations_on(B) == ["R1"]


def test_what_changes_nothing_is_not_told():
    w = given(filing("R1", A), void(A, by=B))
    before = len(w.sent)
    for step in (filing("R2", A), filing("R1", A), void(A, by=B), blacklist(number=A), claim(number=A)):
        w.when(step)
    assert len(w.sent) == before


def test_a_successor_hands_on_its_own_registration_first():
    w = given(filing("R1", A), void(A, by=B), filing("R1", B), void(B, by=C))
    assert w.state(C).relations[0].chain == [B]
    w = given(filing("R1", A), void(A, by=B), filing("R1", B), void(B, by=C), *withdrawn("R1", B))
    assert w.state(C).relations[0].chain == [A, B]
    assert w.registrations_on(C) == ["R1"]


def test_already_used_by_another_it_is_contested_and_the_predecessor_learns_it():
    w = given(filing("R1", A), filing("R2", B), void(A, by=B))
    (told, at_b), (back, at_a) = w.sent
    assert set(at_b.flags) == {"SUCCESSION", "SUCCEEDED_AFTER_USE", "CONTESTED"}
    assert at_b.first == w.told[1].seq
    assert (back.certificate_number, back.contested_by, back.predecessor, back.registration_id) == (
        A,
        B,
        None,
        None,
    )
    assert back.event_id == uuid.uuid5(told.event_id, A)
    assert set(at_a.flags) == {"SUCCESSION", "CONTESTED"}
    assert at_a.first == w.told[0].seq
    assert w.state(A).contested
    assert w.state(B).contested
    assert w.state(A).relations == ()
    w.when(filing("R2", B)).then_accepted("AMENDMENT", "SUCCESSION", first=1)


def test_already_used_by_the_same_registration_is_no_contest():
    w = given(filing("R1", A), filing("R1", B), void(A, by=B))
    assert [entry.flags for _, entry in w.sent] == [("SUCCESSION",)]
    assert not w.state(B).contested


def test_already_used_when_nothing_stands_on_the_predecessor_is_no_contest():
    w = given(filing("R2", B), void(A, by=B))
    assert [entry.flags for _, entry in w.sent] == [("SUCCESSION",)]
    assert not w.state(B).contested


def test_used_later_against_a_used_successor_is_contested_too():
    w = given(claim(number=A), filing("R2", B), void(A, by=B, at=MINUTE), filing("R1", A, at=20 * MINUTE))
    assert w.state(A).contested
    assert w.state(B).contested


def test_a_contested_successor_is_contested_once_for_each_news():
    w = given(filing("R1", A), filing("R2", B), void(A, by=B), *withdrawn("R1", A))
    assert [entry.flags for _, entry in w.sent][2:] == [("SUCCESSION",)]


def test_a_successor_in_the_middle_that_another_registration_took_hands_on_its_own():
    w = given(filing("R1", A), filing("R2", B), void(A, by=B), void(B, by=C))
    assert w.registrations_on(C) == ["R2"]


def test_two_predecessors_of_one_successor():
    w = given(filing("R1", A), void(A, by=C), filing("R2", B), void(B, by=C))
    w.when(filing("R1", C)).then_refused("SUCCEEDS_USED", doubts=VOID, first_sent=1)
    w.when(filing("R2", C)).then_refused("SUCCEEDS_USED", doubts=VOID, first_sent=0)
    given_one = given(filing("R1", A), void(A, by=C), void(B, by=C))
    given_one.when(filing("R1", C)).then_accepted("SUCCESSION")


def test_one_of_two_predecessors_reinstated_leaves_the_other():
    w = given(filing("R1", A), void(A, by=C), void(B, by=C), reinstate(B))
    assert w.registrations_on(C) == ["R1"]
    assert [r.predecessor for r in w.state(C).relations] == [A]


# Cycles ------------------------------------------------------------------------------------------------------


def test_a_cycle_of_two_dies_out():
    w = given(filing("R1", A), void(A, by=B), void(B, by=A))
    assert w.registrations_on(A, B) == ["", "R1"]
    assert not w.state(A).contested


def test_a_cycle_of_two_leaves_no_phantom_after_the_withdrawal():
    w = given(filing("R1", A), void(A, by=B), void(B, by=A), *withdrawn("R1", A))
    assert w.registrations_on(A, B) == ["", ""]
    w = given(void(A, by=B), void(B, by=A), backfill("R1", A), *withdrawn("R1", A))
    assert w.registrations_on(A, B) == ["", ""]


def test_a_tail_into_a_cycle_leaves_no_phantom_either():
    w = given(filing("R1", A), void(A, by=B), void(B, by=C), void(C, by=B))
    assert w.registrations_on(A, B, C) == ["", "R1", "R1"]
    w.take(ask_withdrawal("R1", A, id="ask"))
    w.take(approve_withdrawal("ask", "R1", A))
    assert w.registrations_on(A, B, C) == ["", "", ""]
    w.when(filing("R2", C, registered=0)).then_refused("INVALIDATED", doubts=VOID, first=3)


def test_a_cycle_of_three():
    w = given(void(A, by=B), void(B, by=C), void(C, by=A), backfill("R1", B))
    assert w.registrations_on(A, B, C) == ["R1", "", "R1"]
    w = given(void(A, by=B), void(B, by=C), void(C, by=A), backfill("R1", B), *withdrawn("R1", B))
    assert w.registrations_on(A, B, C) == ["", "", ""]


def test_a_cycle_of_two_used_twice_is_contested_on_both_sides_and_quiet():
    w = given(filing("R1", A), filing("R2", B), void(A, by=B), void(B, by=A))
    assert w.state(A).contested
    assert w.state(B).contested
    assert len(w.sent) < 10


def test_a_chain_of_a_hundred_stays_bounded_and_its_length_is_said():
    numbers = [f"Z33{n:07}" for n in range(1, 101)]
    w = given(filing("R1", numbers[0]), *(void(a, by=b) for a, b in itertools.pairwise(numbers)))
    assert w.registrations_on(numbers[64]) == ["R1"]
    assert w.registrations_on(numbers[65]) == [""]
    assert max(len(w.state(n).relations[0].chain) for n in numbers[1:]) == 64


@pytest.mark.parametrize(
    "step", [blacklist(), release(), overdue(), completion()], ids=lambda s: type(s.record).__name__
)
def test_records_that_change_no_registration_send_nothing(step):
    w = given(filing("R1", A), void(A, by=B))
    w.when(step)
    assert len(w.sent) == 1
