"""Where ``sharpear live`` sends notes and lines while they sound."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sharpear.config import Config
    from sharpear.live.sent import Receiver, Sent


@dataclass(frozen=True)
class SentOptions:
    """Instruments and programs that play along."""

    midi: Annotated[
        str | None,
        typer.Option(metavar="PORT", help="Play the notes on this MIDI port; one is made if there is none so called."),
    ] = None
    osc: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Send lines and notes as OSC, over UDP.")] = None

    @property
    def wanted(self) -> bool:
        """Whether anything is sent."""
        return self.midi is not None or self.osc is not None

    def open(self, config: "Config", report: Callable[[str], None]) -> "Sent":
        """The listener that sends them.

        Raises:
            UsageError: a package is not installed, or an address is none.
            SharpearError: there is no such port or host.
        """
        from sharpear.live.midi_port import MidiReceiver  # noqa: PLC0415
        from sharpear.live.osc import OscReceiver  # noqa: PLC0415
        from sharpear.live.sent import Sent  # noqa: PLC0415

        receivers: list[Receiver] = [OscReceiver(self.osc)] if self.osc is not None else []
        receivers += [MidiReceiver(self.midi, config.tuning)] if self.midi is not None else []
        return Sent(config, receivers, report)
