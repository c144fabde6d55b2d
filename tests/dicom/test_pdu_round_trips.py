"""Every PDU we can say is read back as it was said: by us, and by pynetdicom."""

from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import pdu as theirs

from dicom.values import uids
from lightproof.dicom.decoding import decode_pdu
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.pdu import (
    Abort,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousOperations,
    CommonExtendedNegotiation,
    DataTransfer,
    ExtendedNegotiation,
    Pdu,
    PresentationDataValue,
    ProposedContext,
    ReleaseReply,
    ReleaseRequest,
    RoleSelection,
    UserIdentity,
    UserInformation,
)

bytes_of_16_bits = st.integers(0, 0xFFFF)
ae_titles = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\"), min_size=1, max_size=16
)
context_ids = st.integers(0, 127).map(lambda n: 2 * n + 1)
roles = st.builds(RoleSelection, uids, st.booleans(), st.booleans())
identities = st.builds(
    UserIdentity, st.integers(1, 5), st.binary(min_size=1, max_size=40), st.binary(max_size=40), st.booleans()
)


def user_informations(*, accepting: bool) -> st.SearchStrategy[UserInformation]:
    return st.builds(
        UserInformation,
        maximum_length=st.integers(0, 0xFFFF_FFFF),
        implementation_class_uid=uids,
        implementation_version_name=ae_titles,
        asynchronous=st.none() | st.builds(AsynchronousOperations, bytes_of_16_bits, bytes_of_16_bits),
        roles=st.lists(roles, max_size=4, unique_by=lambda r: r.sop_class_uid).map(tuple),
        extended=st.lists(
            st.builds(ExtendedNegotiation, uids, st.binary(min_size=1, max_size=20)),
            max_size=3,
            unique_by=lambda e: e.sop_class_uid,
        ).map(tuple),
        common_extended=st.just(())
        if accepting
        else st.lists(
            st.builds(CommonExtendedNegotiation, uids, uids, st.lists(uids, max_size=3).map(tuple)),
            max_size=2,
            unique_by=lambda e: e.sop_class_uid,
        ).map(tuple),
        identity=st.none() if accepting else st.none() | identities,
        identity_response=st.none() | st.binary(max_size=40) if accepting else st.none(),
    )


proposed = st.builds(ProposedContext, context_ids, uids, st.lists(uids, min_size=1, max_size=5).map(tuple))
answered = st.builds(AnsweredContext, context_ids, st.integers(0, 4), uids)
requests = st.builds(
    AssociateRequest,
    called_ae=ae_titles,
    calling_ae=ae_titles,
    contexts=st.lists(proposed, min_size=1, max_size=8, unique_by=lambda c: c.context_id).map(tuple),
    user=user_informations(accepting=False),
)
accepts = st.builds(
    AssociateAccept,
    called_ae=ae_titles,
    calling_ae=ae_titles,
    contexts=st.lists(answered, max_size=8, unique_by=lambda c: c.context_id).map(tuple),
    user=user_informations(accepting=True),
)
rejects = st.builds(AssociateReject, st.integers(1, 2), st.integers(1, 3), st.integers(0, 255))
transfers = st.builds(
    DataTransfer,
    st.lists(
        st.builds(PresentationDataValue, context_ids, st.booleans(), st.booleans(), st.binary(max_size=200)),
        min_size=1,
        max_size=5,
    ).map(tuple),
)
aborts = st.builds(Abort, st.integers(0, 255), st.integers(0, 255))
pdus = requests | accepts | rejects | transfers | aborts | st.just(ReleaseRequest()) | st.just(ReleaseReply())


@given(pdus)
def test_a_pdu_is_read_back_as_it_was_said(pdu: Pdu) -> None:
    assert decode_pdu(encode_pdu(pdu)) == pdu


@given(requests)
def test_pynetdicom_reads_our_request_and_says_it_with_the_same_bytes(request: AssociateRequest) -> None:
    other = theirs.A_ASSOCIATE_RQ()
    other.decode(encode_pdu(request))
    assert [c.abstract_syntax for c in other.presentation_context] == [c.abstract_syntax for c in request.contexts]
    # pynetdicom keeps no order among user items: compare what we read from its bytes.
    again = decode_pdu(other.encode())
    assert isinstance(again, AssociateRequest)
    assert again == request


@given(accepts)
def test_pynetdicom_reads_our_answer_and_says_it_back(accept: AssociateAccept) -> None:
    other = theirs.A_ASSOCIATE_AC()
    other.decode(encode_pdu(accept))
    assert [c.result for c in other.presentation_context] == [c.result for c in accept.contexts]
    again = decode_pdu(other.encode())
    assert isinstance(again, AssociateAccept)
    assert again == accept


@given(transfers)
def test_pynetdicom_reads_our_data(transfer: DataTransfer) -> None:
    other = theirs.P_DATA_TF()
    raw = encode_pdu(transfer)
    other.decode(raw)
    assert [item.presentation_context_id for item in other.presentation_data_value_items] == [
        value.context_id for value in transfer.values
    ]
    assert other.encode() == raw
