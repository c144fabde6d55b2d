"""What an acceptor answers to a proposal, and what both then hold to be agreed."""

import pytest

from lightproof.dicom.decoding import decode_pdu
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.negotiation import AgreedContext, Service, agreed, answer, propose
from lightproof.dicom.pdu import (
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    ProposedContext,
    RoleSelection,
    UserInformation,
)
from lightproof.dicom.uids import (
    CT_IMAGE_STORAGE,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    STUDY_ROOT_GET,
    VERIFICATION,
)

BOTH = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)


def a_request(*contexts: ProposedContext, roles: tuple[RoleSelection, ...] = ()) -> AssociateRequest:
    return AssociateRequest(called_ae="US", calling_ae="THEM", contexts=contexts, user=UserInformation(roles=roles))


def accepted(request: AssociateRequest, services: dict[str, Service]) -> AssociateAccept:
    said = answer(request, services)
    assert isinstance(said, AssociateAccept)
    return said


def test_each_context_is_answered_with_our_best_transfer_syntax_or_the_reason() -> None:
    request = a_request(
        ProposedContext(1, VERIFICATION, (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN)),
        ProposedContext(3, "1.2.3.4", BOTH),
        ProposedContext(5, CT_IMAGE_STORAGE, ("1.2.840.10008.1.2.4.50",)),
    )
    said = accepted(request, {VERIFICATION: Service(BOTH), CT_IMAGE_STORAGE: Service(BOTH)})
    assert [(context.context_id, context.result) for context in said.contexts] == [
        (1, ContextResult.ACCEPTANCE),
        (3, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED),
        (5, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED),
    ]
    assert said.contexts[0].transfer_syntax == EXPLICIT_VR_LITTLE_ENDIAN
    assert agreed(request, said) == {1: AgreedContext(1, VERIFICATION, EXPLICIT_VR_LITTLE_ENDIAN)}


def test_an_answer_can_always_be_sent_whatever_was_proposed() -> None:
    strange = ProposedContext(1, "1.2.\u00e9", ("\u00ff" * 64,))
    request = decode_pdu(encode_pdu(a_request(strange, ProposedContext(3, VERIFICATION, ()))))
    assert isinstance(request, AssociateRequest)
    said = decode_pdu(encode_pdu(accepted(request, {VERIFICATION: Service(BOTH)})))
    assert isinstance(said, AssociateAccept)
    assert agreed(request, said) == {}


def test_the_scp_role_is_granted_only_where_the_service_has_it() -> None:
    roles = (RoleSelection(CT_IMAGE_STORAGE, False, True), RoleSelection(STUDY_ROOT_GET, True, True))
    request = a_request(*propose([STUDY_ROOT_GET, CT_IMAGE_STORAGE]), roles=roles)
    said = accepted(request, {STUDY_ROOT_GET: Service(), CT_IMAGE_STORAGE: Service(requestor_may_be_scp=True)})
    contexts = agreed(request, said)
    assert (contexts[1].requestor_is_scu, contexts[1].requestor_is_scp) == (True, False)
    assert (contexts[3].requestor_is_scu, contexts[3].requestor_is_scp) == (False, True)


def test_without_a_role_item_the_requestor_is_user_alone() -> None:
    request = a_request(*propose([CT_IMAGE_STORAGE]))
    said = accepted(request, {CT_IMAGE_STORAGE: Service(requestor_may_be_scp=True)})
    assert agreed(request, said)[1] == AgreedContext(1, CT_IMAGE_STORAGE, IMPLICIT_VR_LITTLE_ENDIAN, True, False)


def test_a_foreign_application_or_version_is_rejected() -> None:
    request = a_request(*propose([VERIFICATION]))
    foreign = AssociateRequest(called_ae="A", calling_ae="B", contexts=request.contexts, application_context="1.2")
    assert answer(foreign, {}) == AssociateReject(1, 1, 2)
    future = AssociateRequest(called_ae="A", calling_ae="B", contexts=request.contexts, protocol_version=2)
    assert answer(future, {}) == AssociateReject(1, 2, 2)


def test_answers_to_what_was_not_proposed_agree_on_nothing() -> None:
    request = a_request(*propose([VERIFICATION]))
    lies = (AnsweredContext(3, 0), AnsweredContext(1, 0, EXPLICIT_VR_LITTLE_ENDIAN))
    said = AssociateAccept(called_ae="", calling_ae="", contexts=lies)
    assert agreed(request, said) == {}


def test_contexts_are_numbered_with_odd_numbers_and_end_at_255() -> None:
    contexts = propose([VERIFICATION] * 128)
    assert [context.context_id for context in contexts] == list(range(1, 256, 2))
    with pytest.raises(ValueError, match="128"):
        propose([VERIFICATION] * 129)
