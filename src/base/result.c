#include "vlot/base.h"

const char *vlot_result_name(vlot_result result) {
  switch (result) {
#define VLOT_X(name, number, text, advice) \
  case VLOT_##name: return #name;
    VLOT_RESULTS(VLOT_X)
#undef VLOT_X
  }
  return "?";
}

const char *vlot_result_text(vlot_result result) {
  switch (result) {
#define VLOT_X(name, number, text, advice) \
  case VLOT_##name: return text;
    VLOT_RESULTS(VLOT_X)
#undef VLOT_X
  }
  return "?";
}

const char *vlot_result_advice(vlot_result result) {
  switch (result) {
#define VLOT_X(name, number, text, advice) \
  case VLOT_##name: return advice;
    VLOT_RESULTS(VLOT_X)
#undef VLOT_X
  }
  return "?";
}

const char *vlot_why_name(vlot_why why) {
  switch (why) {
#define VLOT_X(name, number, text) \
  case VLOT_WHY_##name: return #name;
    VLOT_WHYS(VLOT_X)
#undef VLOT_X
  }
  return "?";
}

const char *vlot_why_text(vlot_why why) {
  switch (why) {
#define VLOT_X(name, number, text) \
  case VLOT_WHY_##name: return text;
    VLOT_WHYS(VLOT_X)
#undef VLOT_X
  }
  return "?";
}

const char *vlot_version_string(void) { return VLOT_VERSION_STRING; }
