"""A service that ends the talk after it has proved something: the proof is told first, then why there is no more."""

from types import TracebackType

from lightproof.errors import ProtocolViolation


class Interruption:
    """Whatever the peer does wrong in its block ends the block alone, and is kept until all is told that was known."""

    def __init__(self) -> None:
        self._error: ProtocolViolation | OSError | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, ProtocolViolation | OSError):
            return False
        self._error = error
        return True

    def tell(self) -> None:
        """Raises what ended the block, if anything did."""
        if self._error is not None:
            raise self._error
