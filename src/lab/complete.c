/* Completion. It only offers: what is wrong is said when the line is carried out. */
#include "complete.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pattern.h"

typedef struct offer {
  const char *begin; /* [size] of the word, as far as it is typed */
  size_t size;
  vlot__text *words;
} offer;

static void add(offer *made, const char *word, size_t size) {
  if (size < made->size || memcmp(word, made->begin, made->size) != 0) return;
  vlot__text_put(made->words, word, size);
  vlot__text_put(made->words, "\n", 1);
}

static void add_word(offer *made, const char *word) { add(made, word, strlen(word)); }

static void add_number(offer *made, uint64_t number) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, number);
  add_word(made, text);
}

static void add_choices(offer *made, const char *choices) {
  for (const char *at = choices; at;) {
    size_t size = strcspn(at, "|");
    add(made, at, size);
    at = at[size] ? at + size + 1 : NULL;
  }
}

static void add_verbs(offer *made) {
  for (size_t k = 0; k < vlot_verb_count; k++) add_word(made, vlot_verbs[k].name);
}

/* Of `until`. */
static void add_goals(offer *made) {
  static const char *const goals[] = {"leader", "role", "commit", "term", "quiet"};
  for (size_t k = 0; k < sizeof goals / sizeof *goals; k++) add_word(made, goals[k]);
  for (int k = 1; k < VLOT_EVENT_KINDS; k++) {
    const char *name = vlot_event_kind_name((vlot_event_kind)k);
    bool is_goal = false;
    for (size_t n = 0; n < sizeof goals / sizeof *goals && !is_goal; n++)
      is_goal = strcmp(goals[n], name) == 0;
    if (!is_goal) add_word(made, name);
  }
}

static void add_nodes(offer *made, const vlot__workspace *workspace) {
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) add_number(made, id);
}

/* The other kinds: what one says to hold, say, a message that is still to come. */
static void add_kinds(offer *made, const vlot_pending *pending, size_t count) {
  vlot_pending kinds[16] = {{.kind = VLOT_PENDING_TIMER},
                            {.kind = VLOT_PENDING_WRITE},
                            {.kind = VLOT_PENDING_IMAGE},
                            {.kind = VLOT_PENDING_CLIENT}};
  size_t known = 4;
  for (uint32_t k = 0; k < VLOT_MESSAGE_KINDS; k++) /* 0: forwarded */
    kinds[known++] = (vlot_pending){.kind = VLOT_PENDING_MESSAGE, .message_kind = k};
  for (size_t k = 0; k < known; k++) {
    const char *kind = vlot__pattern_kind(&kinds[k]);
    bool is_offered = false;
    for (size_t m = 0; m < count && !is_offered; m++)
      is_offered = strcmp(vlot__pattern_kind(&pending[m]), kind) == 0;
    if (!is_offered) add_word(made, kind);
  }
}

/* Names of files that begin like the word; directories end with a slash. */
static void add_files(offer *made) {
  enum { FILES_MAX = 100, PATH_MAX_SIZE = 1024 };
  char path[PATH_MAX_SIZE], typed[PATH_MAX_SIZE];
  struct dirent **entries;
  struct stat what;
  if (made->size >= sizeof typed) return;
  memcpy(typed, made->begin, made->size);
  typed[made->size] = '\0';
  const char *slash = strrchr(typed, '/');
  int size = slash ? (int)(slash - typed) + 1 : 0, offered = 0;
  snprintf(path, sizeof path, "%.*s", size, typed);
  int count = scandir(size > 0 ? path : ".", &entries, NULL, alphasort);
  for (int k = 0; k < count; k++) {
    const char *name = entries[k]->d_name;
    bool is_meant = name[0] != '.' || typed[size] == '.';
    int length = snprintf(path, sizeof path - 1, "%.*s%s", size, typed, name);
    if (is_meant && !strpbrk(name, " \t\r\n") && length < (int)sizeof path - 1 &&
        offered < FILES_MAX) {
      if (stat(path, &what) == 0 && S_ISDIR(what.st_mode)) strcat(path, "/");
      size_t before = made->words->size;
      add_word(made, path);
      offered += made->words->size > before;
    }
    free(entries[k]);
  }
  if (count >= 0) free(entries);
}

/* Ids, and kinds of what is pending. */
static void add_pending(offer *made, const vlot__workspace *workspace) {
  enum { IDS_MAX = 100 };
  size_t count = workspace->cluster ? vlot_lockstep_pending(workspace->cluster, NULL, 0) : 0;
  vlot_pending *pending = calloc(count + 1, sizeof *pending);
  if (!pending) return;
  if (count > 0) count = vlot_lockstep_pending(workspace->cluster, pending, count);
  for (size_t k = 0; k < count && k < IDS_MAX; k++) add_number(made, pending[k].id);
  for (size_t k = 0; k < count; k++) {
    const char *kind = vlot__pattern_kind(&pending[k]);
    bool is_known = false;
    for (size_t m = 0; m < k && !is_known; m++)
      is_known = strcmp(vlot__pattern_kind(&pending[m]), kind) == 0;
    if (!is_known) add_word(made, kind);
  }
  add_kinds(made, pending, count);
  add_word(made, "all");
  free(pending);
}

static void add_values(offer *made, const vlot__workspace *workspace,
                       const vlot_parameter *parameter) {
  switch (parameter->type) {
  case VLOT_PARAMETER_NODES: add_word(made, "*"); /* fall through */
  case VLOT_PARAMETER_NODE: add_nodes(made, workspace); break;
  case VLOT_PARAMETER_CHOICE: add_choices(made, parameter->meaning); break;
  case VLOT_PARAMETER_REST:
    if (strcmp(parameter->name, "WHAT") == 0) add_pending(made, workspace);
    if (strcmp(parameter->name, "GROUPS") == 0) add_nodes(made, workspace);
    if (strcmp(parameter->name, "VERB") == 0) add_verbs(made);
    break;
  case VLOT_PARAMETER_WORD:
    if (strcmp(parameter->name, "VERB") == 0) add_verbs(made);
    if (strcmp(parameter->name, "WHAT") == 0) add_goals(made);
    if (strcmp(parameter->name, "FILE") == 0) add_files(made);
    break;
  case VLOT_PARAMETER_NUMBER:
  case VLOT_PARAMETER_NUMBERS:
  case VLOT_PARAMETER_FLAG: break;
  }
}

static const vlot_parameter *keyword(const vlot_verb *verb, const char *word, size_t size) {
  for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++) {
    const char *known = verb->parameters[k].keyword;
    if (known && strlen(known) == size && memcmp(known, word, size) == 0)
      return &verb->parameters[k];
  }
  return NULL;
}

/* The parameter that goes by its place, `place` words after the verb; one that takes all words
 * takes those that follow too. */
static const vlot_parameter *by_place(const vlot_verb *verb, unsigned place) {
  const vlot_parameter *last = NULL;
  for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++) {
    const vlot_parameter *parameter = &verb->parameters[k];
    if (parameter->keyword) continue;
    last = parameter;
    if (place-- == 0 || parameter->type == VLOT_PARAMETER_REST) return last;
  }
  return NULL;
}

static size_t next_word(const char *line, size_t size, size_t *at) {
  size_t end;
  while (*at < size && strchr(" \t", line[*at])) ++*at;
  for (end = *at; end < size && !strchr(" \t", line[end]);) end++;
  return end - *at;
}

static void offer_parameters(offer *made, const vlot__workspace *workspace, const vlot_verb *verb,
                             const char *line, size_t begin, size_t at) {
  const vlot_parameter *wanted = NULL; /* by the keyword before it */
  unsigned place = 0;
  for (size_t size; (size = next_word(line, begin, &at)) > 0; at += size) {
    const vlot_parameter *named = keyword(verb, line + at, size);
    if (wanted)
      wanted = NULL;
    else if (!named)
      place++;
    if (named && named->type != VLOT_PARAMETER_FLAG) wanted = named;
  }
  if (!wanted) {
    const vlot_parameter *next = by_place(verb, place);
    if (next) add_values(made, workspace, next);
    for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++)
      if (verb->parameters[k].keyword) add_word(made, verb->parameters[k].keyword);
    return;
  }
  add_values(made, workspace, wanted);
}

size_t vlot__complete(const vlot__workspace *workspace, const char *line, size_t size,
                      const char *const *more, size_t more_count, vlot__text *words) {
  size_t begin = size, at = 0;
  char name[32];
  while (begin > 0 && !strchr(" \t", line[begin - 1])) begin--;
  offer made = {.begin = line + begin, .size = size - begin, .words = words};
  size_t length = next_word(line, begin, &at);
  if (length == 0) {
    add_verbs(&made);
    for (size_t k = 0; k < more_count; k++) add_word(&made, more[k]);
    return begin;
  }
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1),
           line + at);
  const vlot_verb *verb = vlot_verb_find(name);
  if (verb) offer_parameters(&made, workspace, verb, line, begin, at + length);
  return begin;
}
