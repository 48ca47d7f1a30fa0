/* Version of the headers. CMake reads it from here; vlot_version_string() tells that of the
 * library. */
#ifndef VLOT_VERSION_H
#define VLOT_VERSION_H

#define VLOT_VERSION_MAJOR  0
#define VLOT_VERSION_MINOR  1
#define VLOT_VERSION_PATCH  0
#define VLOT_VERSION_STRING "0.1.0"

#endif
