/* The vlot command: from the first word to a verb. */
#include "lab.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vlot/base.h"

static int run_help(int argc, char **argv);

static const vlot__verb verb_help = {
    .name = "help", .summary = "Explain the command, or one verb: vlot help VERB", .run = run_help};

static const vlot__verb *const verbs[] = {&vlot__verb_run,  &vlot__verb_sim,    &vlot__verb_play,
                                          &vlot__verb_step, &vlot__verb_replay, &vlot__verb_gdb,
                                          &verb_help};
enum { VERBS = sizeof verbs / sizeof *verbs };

static const vlot__verb *find(const char *name) {
  for (size_t k = 0; k < VERBS; k++)
    if (strcmp(verbs[k]->name, name) == 0) return verbs[k];
  return NULL;
}

static void overview(FILE *out) {
  fprintf(out, "usage: vlot VERB [OPTIONS]\n\nA whole Raft cluster inside one process.\n\n");
  for (size_t k = 0; k < VERBS; k++)
    fprintf(out, "  %-10s %s\n", verbs[k]->name, verbs[k]->summary);
  fprintf(out, "  %-10s %s\n", "--version", "Print the version");
  fprintf(out, "\n'vlot help VERB' lists the options of a verb.\n");
}

bool vlot__lab_is_verb(const char *name) { return find(name) != NULL; }

const char *vlot__lab_nearest_verb(const char *word) {
  const char *names[VERBS + 2] = {"--version", "--help"};
  for (size_t k = 0; k < VERBS; k++) names[k + 2] = verbs[k]->name;
  return vlot__options_nearest(word, names, VERBS + 2);
}

static int unknown_verb(const char *word) {
  const char *nearest = vlot__lab_nearest_verb(word);
  fprintf(stderr, "vlot: unknown %s '%s'", word[0] == '-' ? "option" : "verb", word);
  if (nearest) fprintf(stderr, "; did you mean '%s'?", nearest);
  fprintf(stderr, "\n'vlot help' lists the verbs\n");
  return VLOT__EXIT_USAGE;
}

static int run_help(int argc, char **argv) {
  if (argc == 0 || strcmp(argv[0], "--help") == 0) {
    overview(stdout);
    return VLOT__EXIT_OK;
  }
  const vlot__verb *verb = find(argv[0]);
  if (!verb) return unknown_verb(argv[0]);
  if (argc > 1) {
    fprintf(stderr, "vlot help: one verb at a time; '%s' is too much\n", argv[1]);
    return VLOT__EXIT_USAGE;
  }
  vlot__options_help(verb, stdout);
  return VLOT__EXIT_OK;
}

int vlot__lab_main(int argc, char **argv) {
  if (argc < 2) {
    overview(stderr);
    return VLOT__EXIT_USAGE;
  }
  const char *word = argv[1];
  if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
    if (argc > 2) {
      fprintf(stderr, "vlot %s: it takes nothing more; '%s' is too much\n", word, argv[2]);
      return VLOT__EXIT_USAGE;
    }
    printf("vlot %s\n", vlot_version_string());
    return VLOT__EXIT_OK;
  }
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) word = "help";
  const vlot__verb *verb = find(word);
  return verb ? verb->run(argc - 2, argv + 2) : unknown_verb(word);
}

uint64_t vlot__lab_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const char *vlot__lab_commas(uint64_t number, char out[32]) {
  char digits[24];
  int length = snprintf(digits, sizeof digits, "%" PRIu64, number), at = 0;
  for (int k = 0; k < length; k++) {
    if (k > 0 && (length - k) % 3 == 0) out[at++] = ',';
    out[at++] = digits[k];
  }
  out[at] = '\0';
  return out;
}

const char *vlot__lab_ms(uint64_t ns, char out[40]) {
  snprintf(out, 40, "%" PRIu64 ".%" PRIu64 " ms", ns / 1000000, ns / 100000 % 10);
  return out;
}

void vlot__lab_json_text(FILE *out, const char *text) {
  size_t size = strlen(text), length = vlot_json_bytes(text, size, NULL, 0);
  char *json = malloc(length + 1);
  if (json) vlot_json_bytes(text, size, json, length + 1);
  fputs(json ? json : "null", out); /* what there is no memory for is not said, nor is it cut */
  free(json);
}
