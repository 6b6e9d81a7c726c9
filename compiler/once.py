"""What Numba does anew for each function that it compiles, and need not: a tenth of compiling, left out."""

from collections.abc import Callable
from typing import Any

import numba.core.errors
from numba.core.registry import cpu_target


class Refresh:
    """A context's `refresh`, done where there is something new.

    Numba asks for it thousands of times, and each time imports some thirty modules, which it has, and goes over all
    that is registered.

    Args:
        context: whose it is.
        beside: another one that is refreshed with it.
    """

    def __init__(self, context: Any, *beside: Any) -> None:
        self._contexts = context, *beside
        self._refresh: Callable[[], None] = context.refresh
        self._known = 0

    def __call__(self) -> None:
        """Look for what is new, if there is anything."""
        if self._registered() != self._known:
            self._refresh()
            self._known = self._registered()

    def _registered(self) -> int:
        """How much there is; at first, before anything is loaded, more than is known."""
        loaders = [loader for context in self._contexts for loader in list(context._registries.items())]
        return 1 + sum(len(getattr(registry, kind)) for registry, loader in loaders for kind in loader.registry_items)


class Plain:
    """Numba's errors without colours: most are raised while it looks for what fits some types, and read by nobody."""

    def __init__(self) -> None:
        self.code = self.errmsg = self.filename = self.indicate = self.highlight = str


def once() -> None:
    """Have all that done once from now on."""
    errors: Any = numba.core.errors
    errors._termcolor_inst = Plain()
    typing, target = cpu_target.typing_context, cpu_target.target_context
    target.refresh = Refresh(target, typing)
    typing.refresh = Refresh(typing)
