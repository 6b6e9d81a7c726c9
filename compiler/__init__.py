"""How Numba's kernels are compiled, and where they are kept.

Every kernel of the project is decorated by `kernel`. What is compiled is kept on disk (`sharpear.compiler.cache`) in
the first place that can be written (`sharpear.compiler.cache_places`).
"""

from .arrays import Complexes, Doubles, Floats, Integers, LongComplexes, ShortIntegers, Units
from .cache import kernel

__all__ = ["Complexes", "Doubles", "Floats", "Integers", "LongComplexes", "ShortIntegers", "Units", "kernel"]
