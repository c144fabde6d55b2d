"""How we speak TLS to services that we look at."""

import contextlib
import ssl
from functools import cache


def observing_tls_context(*, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Speaks to anyone, however weak, and verifies nothing: we look at services, we do not trust them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLError):
        context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


@cache
def shared_tls_context(*, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """The same for everybody who changes nothing of it: one of its own for each of a thousand connections is 40 MB."""
    return observing_tls_context(alpn=alpn)
