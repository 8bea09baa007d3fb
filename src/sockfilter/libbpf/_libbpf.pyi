# cffi makes both at build time; their attributes are the declarations of cdef.h, config.h and events.h.
from typing import Any

ffi: Any
lib: Any
