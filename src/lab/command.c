/* From a line to a row of the table: words, parameters, errors with the place, help. */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

/* --- words --- */

static bool split(vlot__session *session, vlot__arguments *arguments, const char *line) {
  if (strlen(line) >= sizeof arguments->text)
    return vlot__session_fail(session, 0, "a line has less than %d characters",
                              VLOT__COMMAND_LINE_MAX);
  strcpy(arguments->text, line);
  for (char *at = arguments->text;;) {
    at += strspn(at, " \t\r");
    if (!*at) return true;
    if (arguments->word_count == VLOT__COMMAND_WORDS_MAX)
      return vlot__session_fail(session, 0, "a line has at most %d words", VLOT__COMMAND_WORDS_MAX);
    arguments->columns[arguments->word_count] = (unsigned)(at - arguments->text);
    arguments->words[arguments->word_count++] = at;
    at += strcspn(at, " \t\r");
    if (*at) *at++ = '\0';
  }
}

const vlot__command *vlot__command_find(const char *name) {
  for (size_t k = 0; k < vlot__command_count; k++)
    if (strcmp(vlot__commands[k].name, name) == 0 ||
        (vlot__commands[k].alias && strcmp(vlot__commands[k].alias, name) == 0))
      return &vlot__commands[k];
  return NULL;
}

enum { NAMES_MAX = 64 };

static bool unknown_verb(vlot__session *session, const char *word) {
  const char *names[NAMES_MAX];
  size_t count = 0;
  for (; count < vlot__command_count && count < NAMES_MAX; count++)
    names[count] = vlot__commands[count].name;
  const char *nearest = vlot__options_nearest(word, names, count);
  if (nearest) return vlot__session_fail(session, 0, "unknown verb; did you mean '%s'?", nearest);
  return vlot__session_fail(session, 0, "unknown verb; 'help' lists them");
}

/* --- values --- */

bool vlot__command_number(vlot__session *session, const vlot__arguments *arguments, unsigned word,
                          uint64_t min, uint64_t max, uint64_t *number) {
  uint64_t value;
  if (word < arguments->word_count && vlot__options_number(arguments->words[word], &value) &&
      value >= min && value <= max) {
    *number = value;
    return true;
  }
  if (max == UINT64_MAX)
    return vlot__session_fail(session, word, "expected a number from %" PRIu64 " on", min);
  return vlot__session_fail(session, word, "expected a number from %" PRIu64 " to %" PRIu64, min,
                            max);
}

bool vlot__command_node(vlot__session *session, const vlot__arguments *arguments, unsigned word,
                        uint32_t *node) {
  const char *text = word < arguments->word_count ? arguments->words[word] : "";
  uint64_t value;
  if (!vlot__options_number(text + (*text == 'n'), &value) || value == 0 ||
      value > session->options.nodes)
    return vlot__session_fail(session, word, "expected a node, 1 to %u", session->options.nodes);
  *node = (uint32_t)value;
  return true;
}

static bool choose(vlot__session *session, const vlot__arguments *arguments, unsigned word,
                   const char *choices, uint64_t *choice) {
  const char *text = arguments->words[word];
  size_t size = strlen(text);
  *choice = 0;
  for (const char *at = choices; at; ++*choice) {
    size_t length = strcspn(at, "|");
    if (length == size && memcmp(at, text, size) == 0) return true;
    at = at[length] ? at + length + 1 : NULL;
  }
  return vlot__session_fail(session, word, "expected one of %s", choices);
}

static int keyword_at(const vlot__command *command, const char *word) {
  for (int k = 0; k < VLOT__COMMAND_PARAMETERS_MAX && command->parameters[k].name; k++) {
    const char *keyword = command->parameters[k].keyword;
    if (keyword && strcmp(keyword, word) == 0) return k;
  }
  return -1;
}

static unsigned count_words(const vlot__command *command, const vlot__arguments *arguments,
                            unsigned word, bool only_numbers) {
  unsigned count = 0;
  uint64_t number;
  for (; word + count < arguments->word_count; count++) {
    const char *text = arguments->words[word + count];
    if (keyword_at(command, text) >= 0) break;
    if (only_numbers && !vlot__options_number(text, &number)) break;
  }
  return count;
}

/* The value of one parameter from this word on; *word moves behind it. */
static bool take(vlot__session *session, const vlot__command *command, vlot__arguments *arguments,
                 int place, unsigned *word) {
  const vlot__parameter *parameter = &command->parameters[place];
  vlot__value *value = &arguments->values[place];
  uint32_t node = 0;
  if (value->is_given)
    return vlot__session_fail(session, *word - 1, "'%s' is said twice", parameter->keyword);
  bool is_list =
      parameter->type == VLOT__PARAMETER_NUMBERS || parameter->type == VLOT__PARAMETER_FLAG;
  if (!is_list && *word >= arguments->word_count)
    return vlot__session_fail(session, *word, "expected %s", parameter->name);
  *value = (vlot__value){.is_given = true, .word = *word, .count = 1};
  if (*word < arguments->word_count) value->text = arguments->words[*word];
  switch (parameter->type) {
  case VLOT__PARAMETER_NUMBER:
    if (!vlot__command_number(session, arguments, *word, parameter->min, parameter->max,
                              &value->number))
      return false;
    break;
  case VLOT__PARAMETER_NODES:
    if (strcmp(value->text, "*") == 0) break;
    /* fall through */
  case VLOT__PARAMETER_NODE:
    if (!vlot__command_node(session, arguments, *word, &node)) return false;
    value->number = node;
    break;
  case VLOT__PARAMETER_CHOICE:
    if (!choose(session, arguments, *word, parameter->choices, &value->number)) return false;
    break;
  case VLOT__PARAMETER_WORD: break;
  case VLOT__PARAMETER_REST: value->count = count_words(command, arguments, *word, false); break;
  case VLOT__PARAMETER_NUMBERS: value->count = count_words(command, arguments, *word, true); break;
  case VLOT__PARAMETER_FLAG: value->count = 0; break;
  }
  *word += value->count;
  return true;
}

/* The next parameter that goes by its place; -1: none is left. */
static int next_place(const vlot__command *command, const vlot__arguments *arguments) {
  for (int k = 0; k < VLOT__COMMAND_PARAMETERS_MAX && command->parameters[k].name; k++)
    if (!command->parameters[k].keyword && !arguments->values[k].is_given) return k;
  return -1;
}

static bool parse(vlot__session *session, const vlot__command *command,
                  vlot__arguments *arguments) {
  for (unsigned word = 1; word < arguments->word_count;) {
    int place = keyword_at(command, arguments->words[word]);
    if (place >= 0)
      word++;
    else
      place = next_place(command, arguments);
    if (place < 0)
      return vlot__session_fail(session, word, "nothing more is expected; see 'help %s'",
                                command->name);
    if (!take(session, command, arguments, place, &word)) return false;
  }
  int missing = next_place(command, arguments);
  if (missing < 0 || command->parameters[missing].is_optional) return true;
  return vlot__session_fail(session, arguments->word_count, "expected %s; see 'help %s'",
                            command->parameters[missing].name, command->name);
}

/* --- running --- */

/* error: what
 *   the line
 *        ^^^
 */
static void say_problem(vlot__session *session, const vlot__arguments *arguments,
                        const char *line) {
  unsigned word = session->problem_word;
  bool is_inside = word < arguments->word_count;
  size_t column = is_inside ? arguments->columns[word] : strlen(line) + (strlen(line) > 0);
  size_t size = is_inside ? strlen(arguments->words[word]) : 1;
  vlot__text_add(&session->out, "error: %s\n  %s\n  ",
                 session->problem.data ? session->problem.data : "", line);
  for (size_t k = 0; k < column; k++)
    vlot__text_put(&session->out, line[k] == '\t' ? "\t" : " ", 1);
  for (size_t k = 0; k < size; k++) vlot__text_put(&session->out, "^", 1);
  vlot__text_put(&session->out, "\n", 1);
}

/* Its text as it can be said again: of what went on until it was stopped, so many steps. */
static void record(vlot__session *session, const vlot__command *command, const char *text,
                   bool is_done, uint64_t from) {
  char steps[40];
  vlot__history_line line = {.text = text,
                             .from = from,
                             .to = vlot__session_actions(session),
                             .scene_from = session->scene_from,
                             .scene_to = session->scene_at,
                             .is_time = command->is_time,
                             .is_look = command->is_look,
                             .is_quiet = session->is_summary};
  /* what is said while there is no cluster sets it up; later, what does no action changes
   * nothing */
  if (line.to == from && session->cluster) line.is_look = true;
  if (!line.is_look) session->changes++;
  if (!is_done && line.to == from) return; /* nothing has changed */
  if (command->is_time && (!is_done || session->was_stopped)) {
    if (line.to == from) return;
    snprintf(steps, sizeof steps, "step %" PRIu64 "%s", line.to - from,
             session->is_summary ? " quiet" : "");
    line.text = steps;
  }
  vlot__history_record(session, &line);
}

static bool prepare(vlot__session *session, const vlot__command *command) {
  if (!session->has_base) session->base = session->options;
  session->has_base = true;
  if (command->needs_nothing) return true;
  if (!command->is_setup) return vlot__session_open(session);
  return vlot__session_unopen(session) ||
         vlot__session_fail(session, 0,
                            "something has happened already: this belongs before the first verb "
                            "that does something");
}

static bool run(vlot__session *session, vlot__arguments *arguments, const char *line) {
  if (!split(session, arguments, line)) return false;
  if (arguments->word_count == 0) return true;
  const vlot__command *command = vlot__command_find(arguments->words[0]);
  if (!command) return unknown_verb(session, arguments->words[0]);
  if (!parse(session, command, arguments) || !prepare(session, command)) return false;
  uint64_t from = vlot__session_actions(session);
  if (!command->is_meta) session->under_way = line;
  session->was_stopped = false;
  session->is_summary = command->is_summary;
  bool is_done = command->run(session, arguments);
  vlot__session_drain(session, session->is_summary);
  if (command->is_meta) return is_done;
  session->under_way = NULL;
  if (!session->is_redoing) record(session, command, line, is_done, from);
  return is_done;
}

bool vlot__command_run(vlot__session *session, const char *line) {
  vlot__arguments arguments;
  arguments.word_count = 0;
  memset(arguments.values, 0, sizeof arguments.values);
  session->is_problem_told = false;
  if (line[strspn(line, " \t\r")] == '#') { /* part of the story */
    vlot__history_say(session, line);
    return true;
  }
  bool is_done = run(session, &arguments, line);
  if (!is_done && !session->is_problem_told) say_problem(session, &arguments, line);
  session->is_problem_told = !is_done;
  return is_done;
}

bool vlot__command_redo(vlot__session *session, const char *line) {
  vlot__arguments arguments;
  arguments.word_count = 0;
  memset(arguments.values, 0, sizeof arguments.values);
  size_t size = session->out.size;
  run(session, &arguments, line); /* if it went wrong half way, it does so again */
  if (session->out.data) session->out.data[session->out.size = size] = '\0';
  return session->cluster != NULL || vlot__command_find(arguments.words[0])->is_setup ||
         vlot__command_find(arguments.words[0])->needs_nothing;
}

/* --- help --- */

static void add_range(vlot__session *session, const vlot__parameter *parameter) {
  vlot__text *out = &session->out;
  switch (parameter->type) {
  case VLOT__PARAMETER_NUMBER:
    if (parameter->max == UINT64_MAX)
      vlot__text_add(out, "a number from %" PRIu64 " on", parameter->min);
    else
      vlot__text_add(out, "a number, %" PRIu64 " to %" PRIu64, parameter->min, parameter->max);
    break;
  case VLOT__PARAMETER_NODE: vlot__text_add(out, "a node, 1 to %u", session->options.nodes); break;
  case VLOT__PARAMETER_NODES:
    vlot__text_add(out, "a node, 1 to %u, or * for all", session->options.nodes);
    break;
  case VLOT__PARAMETER_CHOICE: vlot__text_add(out, "one of %s", parameter->choices); break;
  case VLOT__PARAMETER_WORD:
    vlot__text_add(out, "%s", parameter->choices ? parameter->choices : "a word");
    break;
  case VLOT__PARAMETER_REST:
    vlot__text_add(out, "%s", parameter->choices ? parameter->choices : "words");
    break;
  case VLOT__PARAMETER_NUMBERS:
    vlot__text_add(out, "%s", parameter->choices ? parameter->choices : "numbers");
    break;
  case VLOT__PARAMETER_FLAG: vlot__text_add(out, "%s", parameter->choices); break;
  }
}

static void add_usage(vlot__session *session, const vlot__command *command) {
  vlot__text_add(&session->out, "usage: %s%s%s", command->name, command->alias ? " | " : "",
                 command->alias ? command->alias : "");
  for (int k = 0; k < VLOT__COMMAND_PARAMETERS_MAX && command->parameters[k].name; k++) {
    const vlot__parameter *parameter = &command->parameters[k];
    bool is_flag = parameter->type == VLOT__PARAMETER_FLAG;
    bool is_optional = parameter->keyword || parameter->is_optional;
    vlot__text_add(&session->out, " %s%s%s%s%s", is_optional ? "[" : "",
                   parameter->keyword ? parameter->keyword : "",
                   parameter->keyword && !is_flag ? " " : "", is_flag ? "" : parameter->name,
                   is_optional ? "]" : "");
  }
  vlot__text_add(&session->out, "\n");
}

static void add_command(vlot__session *session, const vlot__command *command) {
  add_usage(session, command);
  vlot__text_add(&session->out, "  %s.\n", command->summary);
  for (int k = 0; k < VLOT__COMMAND_PARAMETERS_MAX && command->parameters[k].name; k++) {
    const vlot__parameter *parameter = &command->parameters[k];
    vlot__text_add(&session->out, "  %-8s  ",
                   parameter->type == VLOT__PARAMETER_FLAG ? parameter->keyword : parameter->name);
    add_range(session, parameter);
    vlot__text_add(&session->out, "\n");
  }
  if (command->example)
    vlot__text_add(&session->out, "  example: %s %s\n", command->name, command->example);
}

void vlot__command_help(vlot__session *session, const vlot__command *command) {
  if (command) {
    add_command(session, command);
    return;
  }
  for (size_t k = 0; k < vlot__command_count; k++) {
    const vlot__command *one = &vlot__commands[k];
    if (one->group) vlot__text_add(&session->out, "%s  %-16s", k > 0 ? "\n" : "", one->group);
    vlot__text_add(&session->out, " %s", one->name);
    if (one->alias) vlot__text_add(&session->out, " (%s)", one->alias);
  }
  vlot__text_add(&session->out, "\n'help VERB' explains one, 'help all' has a line for each.\n");
}

void vlot__command_list(vlot__session *session) {
  for (size_t k = 0; k < vlot__command_count; k++)
    vlot__text_add(&session->out, "%-10s  %-4s  %s\n", vlot__commands[k].name,
                   vlot__commands[k].alias ? vlot__commands[k].alias : "",
                   vlot__commands[k].summary);
}
