#include "base/inside.h"

_Thread_local const vlot__frame *vlot__innermost;
