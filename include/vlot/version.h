/* Version of the headers. CMake reads it from here; vlot_version_string() tells that of the
 * library. */
#ifndef VLOT_VERSION_H
#define VLOT_VERSION_H

#define VLOT_VERSION_MAJOR  0
#define VLOT_VERSION_MINOR  1
#define VLOT_VERSION_PATCH  0
#define VLOT_VERSION_STRING "0.1.0"

/* A version as a number: parts up to 999. */
#define VLOT_VERSION_OF(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))

/* What can be compared: #if VLOT_VERSION >= VLOT_VERSION_OF(0, 2, 0). */
#define VLOT_VERSION VLOT_VERSION_OF(VLOT_VERSION_MAJOR, VLOT_VERSION_MINOR, VLOT_VERSION_PATCH)

#endif
