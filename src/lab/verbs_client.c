/* Verbs of clients: what is asked of the key-value machine. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "verbs.h"

enum { KEY_MAX = 32, SHOWN_MAX = 96 };

/* Whom a client asks: who was named, else who leads. */
static bool contact_of(vlot__workspace *workspace, const vlot__value *at, uint32_t *contact) {
  *contact = at->is_given ? (uint32_t)at->number : vlot_cluster_leader(workspace->cluster);
  return *contact != 0 ||
         vlot__workspace_fail(workspace, 0, "there is no leader: say whom to ask with 'at NODE'");
}

static bool ask(vlot__workspace *workspace, const vlot_kv_command *kv, const vlot__value *at,
                bool is_local, const char *what) {
  uint32_t contact;
  return contact_of(workspace, at, &contact) &&
         vlot__workspace_ask(workspace, contact, kv, is_local, what) &&
         vlot__verbs_fire_newest(workspace, VLOT_PENDING_CLIENT, contact,
                                 "this node does not take it now");
}

/* All words of a value, with what stands between them; returns the bytes. */
static size_t words_of(const vlot__workspace *workspace, const vlot__arguments *arguments,
                       const vlot__value *value, const char **begin) {
  unsigned last = value->word + value->count - 1;
  *begin = workspace->under_way + arguments->columns[value->word];
  return arguments->columns[last] + strlen(arguments->words[last]) -
         arguments->columns[value->word];
}

/* In the words of a machine of one's own. */
static bool ask_own(vlot__workspace *workspace, const vlot__arguments *arguments, bool is_read,
                    bool is_local) {
  char what[SHOWN_MAX];
  const char *line;
  uint32_t contact;
  size_t size = words_of(workspace, arguments, &arguments->values[0], &line);
  snprintf(what, sizeof what, "%s%s %.*s", is_local ? "local " : "", arguments->words[0],
           (int)(size < SHOWN_MAX ? size : SHOWN_MAX), line);
  return contact_of(workspace, &arguments->values[1], &contact) &&
         vlot__workspace_ask_own(workspace, contact, is_read, is_local, line, size, what) &&
         vlot__verbs_fire_newest(workspace, VLOT_PENDING_CLIENT, contact,
                                 "this node does not take it now");
}

/* false: the words of the key-value machine are not this machine's. */
static bool has_keys(vlot__workspace *workspace) {
  return !workspace->plugin ||
         vlot__workspace_fail(workspace, 0,
                              "the machine here is %s, and has no keys; 'propose' and 'read' take "
                              "its own words",
                              workspace->plugin->name);
}

/* "" in quotes is the empty value: nothing at all cannot be seen. */
static size_t size_of(const char *text, size_t size) {
  return size == 2 && memcmp(text, "\"\"", 2) == 0 ? 0 : size;
}

static bool take_key(vlot__workspace *workspace, const vlot__value *key, vlot_kv_command *kv) {
  if (!has_keys(workspace)) return false;
  kv->key = key->text;
  kv->key_size = strlen(key->text);
  return kv->key_size <= KEY_MAX ||
         vlot__workspace_fail(workspace, key->word,
                              "expected a key of at most %d characters, and this has %zu", KEY_MAX,
                              kv->key_size);
}

/* All words of it, with what stands between them. */
static void take_rest(const vlot__workspace *workspace, const vlot__arguments *arguments,
                      const vlot__value *value, vlot_kv_command *kv) {
  const char *begin;
  size_t size = words_of(workspace, arguments, value, &begin);
  kv->value = begin;
  kv->value_size = size_of(begin, size);
}

/* As it was said, without whom. */
static bool ask_said(vlot__workspace *workspace, const vlot__arguments *arguments,
                     const vlot_kv_command *kv, const vlot__value *at, unsigned words,
                     bool is_local) {
  char what[SHOWN_MAX];
  int size = snprintf(what, sizeof what, "%s%s", is_local ? "local " : "", arguments->words[0]);
  for (unsigned k = 1; k < words && size < (int)sizeof what; k++)
    size += snprintf(what + size, sizeof what - (size_t)size, " %s", arguments->words[k]);
  return ask(workspace, kv, at, is_local, what);
}

bool vlot__verbs_propose(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const char *text = arguments->values[0].text, *equals = strchr(text, '=');
  char what[SHOWN_MAX];
  if (workspace->plugin) return ask_own(workspace, arguments, false, false);
  if (!equals || equals == text || equals - text > KEY_MAX || strlen(equals + 1) > KEY_MAX)
    return vlot__workspace_fail(
        workspace, 1, "expected KEY=VALUE, each at most %d characters, not '%.40s'", KEY_MAX, text);
  vlot_kv_command kv = {.operation = VLOT_KV_SET,
                        .key = text,
                        .key_size = (size_t)(equals - text),
                        .value = equals + 1,
                        .value_size = strlen(equals + 1)};
  snprintf(what, sizeof what, "propose %s", text);
  return ask(workspace, &kv, &arguments->values[1], false, what);
}

bool vlot__verbs_set(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  vlot_kv_command kv = {.operation = VLOT_KV_SET};
  if (!take_key(workspace, &values[0], &kv)) return false;
  take_rest(workspace, arguments, &values[1], &kv);
  return ask_said(workspace, arguments, &kv, &values[2], values[1].word + values[1].count, false);
}

static bool read_key(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  vlot_kv_command kv = {.operation = VLOT_KV_GET};
  char what[SHOWN_MAX];
  bool is_local = values[2].is_given;
  if (workspace->plugin) return ask_own(workspace, arguments, true, is_local);
  if (!take_key(workspace, &values[0], &kv)) return false;
  snprintf(what, sizeof what, "%s%s %s", is_local ? "local " : "", arguments->words[0],
           values[0].text);
  return ask(workspace, &kv, &values[1], is_local, what);
}

bool vlot__verbs_read(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return read_key(workspace, arguments);
}

bool vlot__verbs_get(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return read_key(workspace, arguments);
}

bool vlot__verbs_del(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  vlot_kv_command kv = {.operation = VLOT_KV_DELETE};
  return take_key(workspace, &values[0], &kv) &&
         ask_said(workspace, arguments, &kv, &values[1], values[0].word + 1, false);
}

bool vlot__verbs_cas(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  vlot_kv_command kv = {.operation = VLOT_KV_CAS, .expected = values[1].text};
  if (!take_key(workspace, &values[0], &kv)) return false;
  kv.expected_size = size_of(values[1].text, strlen(values[1].text));
  take_rest(workspace, arguments, &values[2], &kv);
  return ask_said(workspace, arguments, &kv, &values[3], values[2].word + values[2].count, false);
}

/* A whole number with a sign perhaps; false: it is none, or needs more than 64 bits. */
static bool parse_amount(const char *text, int64_t *amount) {
  bool is_negative = *text == '-';
  uint64_t number;
  if (!vlot__options_number(text + is_negative, &number) ||
      number > (uint64_t)INT64_MAX + is_negative)
    return false;
  *amount = is_negative ? (int64_t)(0 - number) : (int64_t)number;
  return true;
}

bool vlot__verbs_incr(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  vlot_kv_command kv = {.operation = VLOT_KV_INCREMENT, .amount = 1};
  if (!take_key(workspace, &values[0], &kv)) return false;
  char odd[VLOT__COMMAND_ODD_MAX];
  if (values[1].is_given && !parse_amount(values[1].text, &kv.amount))
    return vlot__workspace_fail(workspace, values[1].word,
                                "expected a whole number of 64 bits, such as 5 or -3%s",
                                vlot__command_odd(arguments, values[1].word, odd));
  return ask_said(workspace, arguments, &kv, &values[2],
                  values[1].is_given ? values[1].word + 1 : values[0].word + 1, false);
}
