"""What two peers agree on when an association opens (PS3.8 annex B and D, PS3.7 annex D.3): pure, for either role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from lightproof.dicom.uids import APPLICATION_CONTEXT, IMPLICIT_VR_LITTLE_ENDIAN

CALLING_AE_NOT_RECOGNISED = AssociateReject(1, 1, 3)
CALLED_AE_NOT_RECOGNISED = AssociateReject(1, 1, 7)
APPLICATION_CONTEXT_NOT_SUPPORTED = AssociateReject(1, 1, 2)
PROTOCOL_VERSION_NOT_SUPPORTED = AssociateReject(1, 2, 2)
TEMPORARY_CONGESTION = AssociateReject(2, 3, 1)
LOCAL_LIMIT_EXCEEDED = AssociateReject(2, 3, 2)


@dataclass(frozen=True, slots=True)
class Service:
    """What an acceptor offers for one abstract syntax: transfer syntaxes, best first, and the requestor's roles."""

    transfer_syntaxes: tuple[str, ...] = (IMPLICIT_VR_LITTLE_ENDIAN,)
    requestor_may_be_scu: bool = True
    requestor_may_be_scp: bool = False
    """True where the requestor receives C-STORE sub-operations: storage classes for C-GET."""


@dataclass(frozen=True, slots=True)
class AgreedContext:
    """A presentation context that both sides accepted, and the requestor's roles; the acceptor has the others."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    requestor_is_scu: bool = True
    requestor_is_scp: bool = False


def propose(
    abstract_syntaxes: Sequence[str], transfer_syntaxes: Sequence[str] = (IMPLICIT_VR_LITTLE_ENDIAN,)
) -> tuple[ProposedContext, ...]:
    """One presentation context each, numbered 1, 3, 5, ... Raises ValueError past 128."""
    if len(abstract_syntaxes) > 128:
        raise ValueError("an association has at most 128 presentation contexts")
    return tuple(
        ProposedContext(2 * index + 1, abstract, tuple(transfer_syntaxes))
        for index, abstract in enumerate(abstract_syntaxes)
    )


def answer(
    request: AssociateRequest, services: Mapping[str, Service], *, user: UserInformation | None = None
) -> AssociateAccept | AssociateReject:
    """What an acceptor with these services (by abstract syntax) says to `request`; who may call is decided elsewhere.

    `user` is our own information; the granted roles are added to it. An association with no accepted context is still
    accepted: the standard asks it, and the requestor sees why from the results.
    """
    if not request.protocol_version & 1:
        return PROTOCOL_VERSION_NOT_SUPPORTED
    if request.application_context != APPLICATION_CONTEXT:
        return APPLICATION_CONTEXT_NOT_SUPPORTED
    user = user or UserInformation()
    roles: list[RoleSelection] = []
    for role in request.user.roles:
        service = services.get(role.sop_class_uid)
        if service is not None:
            roles.append(
                RoleSelection(
                    role.sop_class_uid,
                    role.scu and service.requestor_may_be_scu,
                    role.scp and service.requestor_may_be_scp,
                )
            )
    return AssociateAccept(
        called_ae=request.called_ae,
        calling_ae=request.calling_ae,
        contexts=tuple(_answered(context, services.get(context.abstract_syntax)) for context in request.contexts),
        user=UserInformation(
            maximum_length=user.maximum_length,
            implementation_class_uid=user.implementation_class_uid,
            implementation_version_name=user.implementation_version_name,
            asynchronous=user.asynchronous,
            roles=tuple(roles),
            extended=user.extended,
            identity_response=user.identity_response,
        ),
    )


def _answered(context: ProposedContext, service: Service | None) -> AnsweredContext:
    fallback = context.transfer_syntaxes[0] if context.transfer_syntaxes else IMPLICIT_VR_LITTLE_ENDIAN
    if service is None:
        return AnsweredContext(context.context_id, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, fallback)
    for syntax in service.transfer_syntaxes:
        if syntax in context.transfer_syntaxes:
            return AnsweredContext(context.context_id, ContextResult.ACCEPTANCE, syntax)
    return AnsweredContext(context.context_id, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED, fallback)


def agreed(request: AssociateRequest, accept: AssociateAccept) -> dict[int, AgreedContext]:
    """The contexts both sides may use, by identifier.

    An answer about a context that was not proposed, or with a transfer syntax that was not, agrees on nothing.
    """
    proposed = {context.context_id: context for context in request.contexts}
    asked = {role.sop_class_uid: role for role in request.user.roles}
    granted = {role.sop_class_uid: role for role in accept.user.roles}
    contexts: dict[int, AgreedContext] = {}
    for context in accept.contexts:
        proposal = proposed.get(context.context_id)
        if proposal is None or context.result != ContextResult.ACCEPTANCE:
            continue
        if context.transfer_syntax not in proposal.transfer_syntaxes:
            continue
        scu, scp = True, False
        ask, grant = asked.get(proposal.abstract_syntax), granted.get(proposal.abstract_syntax)
        if ask is not None and grant is not None:
            scu, scp = ask.scu and grant.scu, ask.scp and grant.scp
        contexts[context.context_id] = AgreedContext(
            context.context_id, proposal.abstract_syntax, context.transfer_syntax, scu, scp
        )
    return contexts
