#include "actor/refuse.h"

vlot_result vlot__refuse_kind(uint32_t kind) {
  return vlot__refuse_value(VLOT_INVALID, "kind {0}: below {1}, the rest is reserved", kind,
                            VLOT_MAIL_RESERVED);
}

vlot_result vlot__refuse_payload(uint64_t size) {
  return vlot__refuse_value(VLOT_INVALID, "the payload is NULL, and its size is {0}", size, 0);
}

vlot_result vlot__refuse_mail_size(uint64_t size, uint64_t allowed) {
  return vlot__refuse_value(VLOT_TOO_LARGE, "{0} bytes of mail are more than the {1} allowed", size,
                            allowed);
}

vlot_result vlot__refuse_place(vlot_place place, uint32_t core) {
  return vlot__refuse_value(VLOT_INVALID,
                            "place {0}, core {1}: a VLOT_PLACE_*, and a core that this process may "
                            "run on",
                            place, core);
}

vlot_result vlot__refuse_forked(void) {
  return vlot__refuse(
      VLOT_UNSUPPORTED,
      "this process was forked from the one that opened the system: the threads are "
      "there, not here");
}

vlot_result vlot__refuse_inside(void) {
  return vlot__refuse(
      VLOT_DEADLOCK,
      "this is inside a turn or a hook of the actors' own and would wait for itself: "
      "call from another thread");
}

vlot_result vlot__refuse_fenced(void) {
  return vlot__refuse(VLOT_FENCED, "the calling actor is fenced: nothing of it goes out any more");
}
