/* From a line to a row of the table: words, parameters, errors with the place, help. */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "synonyms.h"
#include "verbs.h"

/* --- words --- */

static bool split(vlot__workspace *workspace, vlot__arguments *arguments, const char *line) {
  if (strlen(line) >= sizeof arguments->text)
    return vlot__workspace_fail(workspace, 0, "a line has less than %d characters",
                                VLOT__COMMAND_LINE_MAX);
  strcpy(arguments->text, line);
  for (char *at = arguments->text;;) {
    at += strspn(at, " \t\r");
    if (!*at) return true;
    if (arguments->word_count == VLOT__COMMAND_WORDS_MAX)
      return vlot__workspace_fail(workspace, 0, "a line has at most %d words",
                                  VLOT__COMMAND_WORDS_MAX);
    arguments->columns[arguments->word_count] = (unsigned)(at - arguments->text);
    arguments->words[arguments->word_count++] = at;
    at += strcspn(at, " \t\r");
    if (*at) *at++ = '\0';
  }
}

enum { NAMES_MAX = 128 };

/* A byte that is not seen, or looks like another, is named where a word is not understood. */
enum { ODD_MAX = VLOT__COMMAND_ODD_MAX };

const char *vlot__command_odd(const vlot__arguments *arguments, unsigned word,
                              char text[VLOT__COMMAND_ODD_MAX]) {
  const char *at = word < arguments->word_count ? arguments->words[word] : "";
  size_t size = strlen(at), odd = vlot__text_odd(at, size);
  *text = '\0';
  if (odd < size)
    snprintf(text, ODD_MAX, " (byte 0x%02X at column %zu)", (unsigned char)at[odd],
             arguments->columns[word] + odd + 1);
  return text;
}

const char *vlot__command_instead(const vlot__arguments *arguments, unsigned word,
                                  char text[VLOT__COMMAND_INSTEAD_MAX]) {
  char odd[VLOT__COMMAND_ODD_MAX];
  *text = '\0';
  if (word >= arguments->word_count) return text;
  const char *at = arguments->words[word];
  if (*vlot__command_odd(arguments, word, odd))
    snprintf(text, VLOT__COMMAND_INSTEAD_MAX, "%s", odd);
  else
    snprintf(text, VLOT__COMMAND_INSTEAD_MAX, ", not '%.40s%s'", at, strlen(at) > 40 ? "..." : "");
  return text;
}

static bool unknown_verb(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const char *word = arguments->words[0];
  char odd[ODD_MAX];
  const char *names[NAMES_MAX];
  size_t count = 0;
  for (; count < vlot_verb_count && count < NAMES_MAX; count++)
    names[count] = vlot_verbs[count].name;
  const char *meant = vlot__synonym(word);
  if (meant) return vlot__workspace_fail(workspace, 0, "unknown verb; did you mean '%s'?", meant);
  const char *nearest = vlot__options_nearest(word, names, count);
  if (nearest)
    return vlot__workspace_fail(workspace, 0, "unknown verb%s; did you mean '%s'?",
                                vlot__command_odd(arguments, 0, odd), nearest);
  return vlot__workspace_fail(workspace, 0, "unknown verb%s; 'help' lists them",
                              vlot__command_odd(arguments, 0, odd));
}

/* --- values --- */

bool vlot__command_number(vlot__workspace *workspace, const vlot__arguments *arguments,
                          unsigned word, uint64_t min, uint64_t max, uint64_t *number) {
  uint64_t value;
  char instead[VLOT__COMMAND_INSTEAD_MAX];
  if (word < arguments->word_count && vlot__options_number(arguments->words[word], &value) &&
      value >= min && value <= max) {
    *number = value;
    return true;
  }
  if (max == UINT64_MAX)
    return vlot__workspace_fail(workspace, word, "expected a number from %" PRIu64 " on%s", min,
                                vlot__command_instead(arguments, word, instead));
  return vlot__workspace_fail(workspace, word,
                              "expected a number from %" PRIu64 " to %" PRIu64 "%s", min, max,
                              vlot__command_instead(arguments, word, instead));
}

bool vlot__command_node(vlot__workspace *workspace, const vlot__arguments *arguments, unsigned word,
                        uint32_t *node) {
  const char *text = word < arguments->word_count ? arguments->words[word] : "";
  uint64_t value;
  char instead[VLOT__COMMAND_INSTEAD_MAX];
  if (!vlot__options_number(text + (*text == 'n'), &value) || value == 0 ||
      value > workspace->options.nodes)
    return vlot__workspace_fail(workspace, word, "expected a node, 1 to %u%s",
                                workspace->options.nodes,
                                vlot__command_instead(arguments, word, instead));
  *node = (uint32_t)value;
  return true;
}

static bool choose(vlot__workspace *workspace, const vlot__arguments *arguments, unsigned word,
                   const char *choices, uint64_t *choice) {
  const char *text = arguments->words[word];
  size_t size = strlen(text);
  *choice = 0;
  for (const char *at = choices; at; ++*choice) {
    size_t length = strcspn(at, "|");
    if (length == size && memcmp(at, text, size) == 0) return true;
    at = at[length] ? at + length + 1 : NULL;
  }
  char instead[VLOT__COMMAND_INSTEAD_MAX];
  return vlot__workspace_fail(workspace, word, "expected one of %s%s", choices,
                              vlot__command_instead(arguments, word, instead));
}

static int keyword_at(const vlot_verb *verb, const char *word) {
  for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++) {
    const char *keyword = verb->parameters[k].keyword;
    if (keyword && strcmp(keyword, word) == 0) return k;
  }
  return -1;
}

static unsigned count_words(const vlot_verb *verb, const vlot__arguments *arguments, unsigned word,
                            bool only_numbers) {
  unsigned count = 0;
  uint64_t number;
  for (; word + count < arguments->word_count; count++) {
    const char *text = arguments->words[word + count];
    if (keyword_at(verb, text) >= 0) break;
    if (only_numbers && !vlot__options_number(text, &number)) break;
  }
  return count;
}

/* What a parameter may be, in half a sentence. */
static void add_range(vlot__text *out, const vlot__workspace *workspace,
                      const vlot_parameter *parameter) {
  switch (parameter->type) {
  case VLOT_PARAMETER_NUMBER:
    if (parameter->max == UINT64_MAX)
      vlot__text_add(out, "a number from %" PRIu64 " on", parameter->min);
    else
      vlot__text_add(out, "a number, %" PRIu64 " to %" PRIu64, parameter->min, parameter->max);
    break;
  case VLOT_PARAMETER_NODE: vlot__text_add(out, "a node, 1 to %u", workspace->options.nodes); break;
  case VLOT_PARAMETER_NODES:
    vlot__text_add(out, "a node, 1 to %u, or * for all", workspace->options.nodes);
    break;
  case VLOT_PARAMETER_CHOICE: vlot__text_add(out, "one of %s", parameter->meaning); break;
  case VLOT_PARAMETER_WORD:
    vlot__text_add(out, "%s", parameter->meaning ? parameter->meaning : "a word");
    break;
  case VLOT_PARAMETER_REST:
    vlot__text_add(out, "%s", parameter->meaning ? parameter->meaning : "words");
    break;
  case VLOT_PARAMETER_NUMBERS:
    vlot__text_add(out, "%s", parameter->meaning ? parameter->meaning : "numbers");
    break;
  case VLOT_PARAMETER_FLAG: vlot__text_add(out, "%s", parameter->meaning); break;
  }
}

/* The line ends where a value should stand. */
static bool fail_missing(vlot__workspace *workspace, const vlot__arguments *arguments,
                         const vlot_parameter *parameter, const vlot_verb *verb) {
  enum { RANGE_MAX = 120 };
  vlot__text range = {0};
  add_range(&range, workspace, parameter);
  char *rest = range.size > RANGE_MAX ? strchr(range.data, ';') : NULL;
  if (rest) *rest = '\0'; /* help has all of it */
  vlot__workspace_fail(workspace, arguments->word_count, "expected %s%s%s%s: %s; see 'help %s'",
                       parameter->name, parameter->keyword ? " after '" : "",
                       parameter->keyword ? parameter->keyword : "", parameter->keyword ? "'" : "",
                       range.data ? range.data : "", verb->name);
  vlot__text_deinit(&range);
  return false;
}

/* A word that nothing stands for: what may still be said there. */
static bool fail_unexpected(vlot__workspace *workspace, const vlot_verb *verb,
                            const vlot__arguments *arguments, unsigned word) {
  char instead[VLOT__COMMAND_INSTEAD_MAX];
  vlot__text left = {0};
  for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++) {
    const vlot_parameter *parameter = &verb->parameters[k];
    if (!parameter->keyword || arguments->values[k].is_given) continue;
    bool has_value = parameter->type != VLOT_PARAMETER_FLAG;
    vlot__text_add(&left, "%s%s%s%s", left.size > 0 ? ", " : "", parameter->keyword,
                   has_value ? " " : "", has_value ? parameter->name : "");
  }
  vlot__workspace_fail(workspace, word, "expected %s%snothing more%s; see 'help %s'",
                       left.size > 0 ? left.data : "", left.size > 0 ? " or " : "",
                       vlot__command_instead(arguments, word, instead), verb->name);
  vlot__text_deinit(&left);
  return false;
}

/* A machine of one's own has words of its own, as many as it likes. */
static bool takes_line(const vlot__workspace *workspace, const vlot_verb *verb) {
  return workspace->plugin && (strcmp(verb->name, "propose") == 0 ||
                               strcmp(verb->name, "read") == 0 || strcmp(verb->name, "get") == 0);
}

/* The value of one parameter from this word on; *word moves behind it. */
static bool take(vlot__workspace *workspace, const vlot_verb *verb, vlot__arguments *arguments,
                 int place, unsigned *word) {
  const vlot_parameter *parameter = &verb->parameters[place];
  vlot__value *value = &arguments->values[place];
  uint32_t node = 0;
  if (value->is_given)
    return vlot__workspace_fail(workspace, *word - 1, "'%s' is said twice", parameter->keyword);
  bool is_list =
      parameter->type == VLOT_PARAMETER_NUMBERS || parameter->type == VLOT_PARAMETER_FLAG;
  if (!is_list && *word >= arguments->word_count)
    return fail_missing(workspace, arguments, parameter, verb);
  *value = (vlot__value){.is_given = true, .word = *word, .count = 1};
  if (*word < arguments->word_count) value->text = arguments->words[*word];
  switch (parameter->type) {
  case VLOT_PARAMETER_NUMBER:
    if (!vlot__command_number(workspace, arguments, *word, parameter->min, parameter->max,
                              &value->number))
      return false;
    break;
  case VLOT_PARAMETER_NODES:
    if (strcmp(value->text, "*") == 0) break;
    /* fall through */
  case VLOT_PARAMETER_NODE:
    if (!vlot__command_node(workspace, arguments, *word, &node)) return false;
    value->number = node;
    break;
  case VLOT_PARAMETER_CHOICE:
    if (!choose(workspace, arguments, *word, parameter->meaning, &value->number)) return false;
    break;
  case VLOT_PARAMETER_WORD:
    if (takes_line(workspace, verb)) value->count = count_words(verb, arguments, *word, false);
    break;
  case VLOT_PARAMETER_REST: value->count = count_words(verb, arguments, *word, false); break;
  case VLOT_PARAMETER_NUMBERS: value->count = count_words(verb, arguments, *word, true); break;
  case VLOT_PARAMETER_FLAG: value->count = 0; break;
  }
  *word += value->count;
  return true;
}

/* The next parameter that goes by its place; -1: none is left. */
static int next_place(const vlot_verb *verb, const vlot__arguments *arguments) {
  for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++)
    if (!verb->parameters[k].keyword && !arguments->values[k].is_given) return k;
  return -1;
}

static bool parse(vlot__workspace *workspace, const vlot_verb *verb, vlot__arguments *arguments) {
  for (unsigned word = 1; word < arguments->word_count;) {
    int place = keyword_at(verb, arguments->words[word]);
    if (place >= 0)
      word++;
    else
      place = next_place(verb, arguments);
    if (place < 0) return fail_unexpected(workspace, verb, arguments, word);
    if (!take(workspace, verb, arguments, place, &word)) return false;
  }
  int missing = next_place(verb, arguments);
  if (missing < 0 || verb->parameters[missing].is_optional) return true;
  return fail_missing(workspace, arguments, &verb->parameters[missing], verb);
}

/* --- running --- */

/* error: what
 *   the line
 *        ^^^
 */
static void say_problem(vlot__workspace *workspace, const vlot__arguments *arguments,
                        const char *line) {
  unsigned word = workspace->problem_word;
  bool is_inside = word < arguments->word_count;
  size_t column = is_inside ? arguments->columns[word] : strlen(line) + (strlen(line) > 0);
  size_t size =
      is_inside ? vlot__text_columns(arguments->words[word], strlen(arguments->words[word])) : 1;
  vlot__text_add(&workspace->out, "error: %s\n  %s\n  ",
                 workspace->problem.data ? workspace->problem.data : "", line);
  for (size_t k = 0; k < column; k++)
    if (vlot__text_columns(line + k, 1) > 0)
      vlot__text_put(&workspace->out, line[k] == '\t' ? "\t" : " ", 1);
  for (size_t k = 0; k < size; k++) vlot__text_put(&workspace->out, "^", 1);
  vlot__text_put(&workspace->out, "\n", 1);
}

/* Its text as it can be said again: of what went on until it was stopped, so many steps. */
static void record(vlot__workspace *workspace, const vlot_verb *verb, const char *text,
                   bool is_done, vlot__story_place from) {
  char piece[VLOT__STORY_PIECE_MAX];
  vlot__story_line line = {.text = text,
                           .from = from,
                           .to = vlot__workspace_place(workspace),
                           .scene_from = workspace->scene_from,
                           .scene_to = workspace->scene_at,
                           .is_time = verb->flags & VLOT_VERB_TIME,
                           .is_look = verb->flags & VLOT_VERB_LOOK,
                           .is_quiet = workspace->is_summary};
  /* what is said while there is no cluster sets it up; later, what does no action changes
   * nothing. But a machine that could not be made counts: the next one may be made. */
  bool has_acted = line.to.action != from.action || line.to.idle != from.idle ||
                   (workspace->cluster && workspace->has_no_machine);
  bool has_done_nothing = !has_acted && (!is_done || workspace->cluster);
  if (!(verb->flags & VLOT_VERB_LOOK)) vlot__story_idle(workspace, has_done_nothing ? text : NULL);
  if (!has_acted && workspace->cluster) line.is_look = true;
  if (!line.is_look) workspace->changes++;
  if (!line.is_look) workspace->is_on_track = false;
  if (!is_done && !has_acted) return; /* nothing has changed */
  if ((verb->flags & VLOT_VERB_TIME) && (!is_done || workspace->was_stopped)) {
    if (!has_acted) return;
    line.text = vlot__story_piece(piece, line.from, line.to, workspace->is_summary);
  }
  vlot__story_record(workspace, &line, text);
}

static bool prepare(vlot__workspace *workspace, const vlot_verb *verb) {
  if (!workspace->has_base) workspace->base = workspace->options;
  workspace->has_base = true;
  if (verb->flags & VLOT_VERB_NEEDS_NOTHING) return true;
  if (!(verb->flags & VLOT_VERB_SETUP)) return vlot__workspace_open(workspace);
  if (vlot__workspace_unopen(workspace)) return true;
  if (strcmp(verb->name, "import") == 0)
    return vlot__workspace_fail(workspace, 0,
                                "something has happened already, and a node that took a snapshot "
                                "from a file now would forget what it has promised since: this "
                                "belongs before the first verb that does something");
  return vlot__workspace_fail(workspace, 0,
                              "something has happened already: this belongs before the first verb "
                              "that does something");
}

bool vlot__command_parse(vlot__workspace *workspace, const char *line, vlot__arguments *arguments,
                         const vlot_verb **verb) {
  *verb = NULL;
  arguments->word_count = 0;
  memset(arguments->values, 0, sizeof arguments->values);
  if (!split(workspace, arguments, line)) return false;
  if (arguments->word_count == 0) return true;
  *verb = vlot_verb_find(arguments->words[0]);
  if (!*verb) return unknown_verb(workspace, arguments);
  return parse(workspace, *verb, arguments);
}

/* What a debugger asked is a line of history before this one, and not in the middle of it; of time
 * it is the next step. No thing has the id 0: nothing else is done. */
static void obey_first(vlot__workspace *workspace, const vlot_verb *verb,
                       const vlot__arguments *arguments) {
  bool is_act =
      !(verb->flags & (VLOT_VERB_TIME | VLOT_VERB_META)) && !vlot__verbs_looks(verb, arguments);
  if (!workspace->cluster || !is_act) return;
  (void)vlot_lockstep_fire(workspace->cluster, 0);
  vlot__workspace_drain(workspace, workspace->is_summary);
}

static bool run(vlot__workspace *workspace, vlot__arguments *arguments, const char *line) {
  const vlot_verb *verb;
  if (!vlot__command_parse(workspace, line, arguments, &verb)) return false;
  if (!verb) return true;
  if (!prepare(workspace, verb)) return false;
  vlot__story_place from = vlot__workspace_place(workspace);
  if (!(verb->flags & VLOT_VERB_META)) workspace->under_way = line;
  workspace->was_stopped = workspace->has_followed = workspace->has_no_machine = false;
  workspace->is_summary = verb->flags & VLOT_VERB_SUMMARY;
  obey_first(workspace, verb, arguments);
  bool is_done = vlot__verbs_run(workspace, verb, arguments);
  vlot__workspace_drain(workspace, workspace->is_summary);
  if (verb->flags & VLOT_VERB_META) return is_done;
  workspace->under_way = NULL;
  if (workspace->has_followed) return is_done; /* in what is a line of history already */
  if (!workspace->is_redoing) record(workspace, verb, line, is_done, from);
  return is_done;
}

bool vlot__command_run(vlot__workspace *workspace, const char *line) {
  vlot__arguments arguments;
  workspace->is_problem_told = false;
  if (line[strspn(line, " \t\r")] == '#') { /* part of the story */
    vlot__story_say(workspace, line);
    return true;
  }
  bool is_done = run(workspace, &arguments, line);
  if (!is_done && !workspace->is_problem_told) say_problem(workspace, &arguments, line);
  workspace->is_problem_told = !is_done;
  return is_done;
}

bool vlot__command_redo(vlot__workspace *workspace, const char *line) {
  vlot__arguments arguments;
  size_t size = workspace->out.size;
  run(workspace, &arguments, line); /* if it went wrong half way, it does so again */
  if (workspace->out.data) workspace->out.data[workspace->out.size = size] = '\0';
  return workspace->cluster != NULL ||
         (vlot_verb_find(arguments.words[0])->flags & (VLOT_VERB_SETUP | VLOT_VERB_NEEDS_NOTHING));
}

/* --- help --- */

static void add_usage(vlot__workspace *workspace, const vlot_verb *verb) {
  vlot__text_add(&workspace->out, "usage: %s%s%s", verb->name, verb->alias ? " | " : "",
                 verb->alias ? verb->alias : "");
  for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++) {
    const vlot_parameter *parameter = &verb->parameters[k];
    bool is_flag = parameter->type == VLOT_PARAMETER_FLAG;
    bool is_optional = parameter->keyword || parameter->is_optional;
    vlot__text_add(&workspace->out, " %s%s%s%s%s", is_optional ? "[" : "",
                   parameter->keyword ? parameter->keyword : "",
                   parameter->keyword && !is_flag ? " " : "", is_flag ? "" : parameter->name,
                   is_optional ? "]" : "");
  }
  vlot__text_add(&workspace->out, "\n");
}

static void add_command(vlot__workspace *workspace, const vlot_verb *verb) {
  add_usage(workspace, verb);
  vlot__text_add(&workspace->out, "  %s.\n", verb->summary);
  for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++) {
    const vlot_parameter *parameter = &verb->parameters[k];
    vlot__text_add(&workspace->out, "  %-9s ",
                   parameter->keyword ? parameter->keyword : parameter->name);
    add_range(&workspace->out, workspace, parameter);
    vlot__text_add(&workspace->out, "\n");
  }
  if (verb->example)
    vlot__text_add(&workspace->out, "  example: %s %s\n", verb->name, verb->example);
}

void vlot__command_help(vlot__workspace *workspace, const vlot_verb *verb) {
  if (verb) {
    add_command(workspace, verb);
    return;
  }
  for (size_t k = 0; k < vlot_verb_count; k++) {
    const vlot_verb *one = &vlot_verbs[k];
    if (one->group) vlot__text_add(&workspace->out, "%s  %-16s", k > 0 ? "\n" : "", one->group);
    vlot__text_add(&workspace->out, " %s", one->name);
    if (one->alias) vlot__text_add(&workspace->out, " (%s)", one->alias);
  }
  vlot__text_add(&workspace->out, "\n'help VERB' explains one, 'help all' has a line for each.\n");
}

void vlot__command_list(vlot__workspace *workspace) {
  for (size_t k = 0; k < vlot_verb_count; k++)
    vlot__text_add(&workspace->out, "%-10s  %-4s  %s\n", vlot_verbs[k].name,
                   vlot_verbs[k].alias ? vlot_verbs[k].alias : "", vlot_verbs[k].summary);
}
