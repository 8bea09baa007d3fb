# cffi generates both at build time. Their attributes are the declarations of cdef.h and of the shared headers.
from typing import Any

ffi: Any
lib: Any
