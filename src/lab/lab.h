/* The vlot command: verbs, exit codes, and the small things that several verbs need. */
#ifndef VLOT_LAB_LAB_H
#define VLOT_LAB_LAB_H

#include "options.h"

enum {
  VLOT__EXIT_OK = 0,
  VLOT__EXIT_VIOLATED = 1, /* a check failed: safety */
  VLOT__EXIT_STUCK = 2,    /* nothing was committed for a long time: liveness */
  VLOT__EXIT_UNSEEN = 3,   /* what a simulation should come to did not happen */
  VLOT__EXIT_USAGE = 64,   /* sysexits.h's numbers */
  VLOT__EXIT_DATA = 65,
  VLOT__EXIT_NO_INPUT = 66,
  VLOT__EXIT_UNAVAILABLE = 69, /* another program is missing */
  VLOT__EXIT_SOFTWARE = 70,
  VLOT__EXIT_NO_MEMORY = 71, /* the process is allowed no more, and nodes were fenced for it */
  VLOT__EXIT_CANNOT_CREATE = 73,
};

extern const vlot__verb vlot__verb_run;
extern const vlot__verb vlot__verb_sim;
extern const vlot__verb vlot__verb_play;
extern const vlot__verb vlot__verb_step;
extern const vlot__verb vlot__verb_replay;
extern const vlot__verb vlot__verb_gdb;

/* The whole command; argv as main() gets it. */
int vlot__lab_main(int argc, char **argv);

/* Is there a verb of this name; and the one that a mistyped word may mean (NULL: none). */
bool vlot__lab_is_verb(const char *name);
const char *vlot__lab_nearest_verb(const char *word);

/* Nanoseconds of one monotonic clock. For what people read, never for what happens in lockstep. */
uint64_t vlot__lab_now(void);

/* A number with thousands separators: 1,234,567. out holds at least 32 bytes; returned. */
const char *vlot__lab_commas(uint64_t number, char out[32]);

/* Nanoseconds as "12.3 ms"; out is returned. */
const char *vlot__lab_ms(uint64_t ns, char out[40]);

/* As JSON: see vlot_json_bytes(). */
void vlot__lab_json_text(FILE *out, const char *text);

#endif
