#include "pattern.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "options.h"

typedef struct pattern {
  bool is_all, has_ends;
  const char *kind; /* NULL: any message */
  uint32_t from;    /* 0: any */
  uint32_t to;
} pattern;

static const char *const kinds[] = {
    "PreVote",     "PreVoteReply",    "RequestVote",  "VoteReply", "AppendEntries",
    "AppendReply", "InstallSnapshot", "InstallReply", "forward",   "client",
    "timer",       "write",           "image"};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *vlot__pattern_kind(const vlot_pending *pending) {
  switch (pending->kind) {
  case VLOT_PENDING_TIMER: return "timer";
  case VLOT_PENDING_WRITE: return "write";
  case VLOT_PENDING_IMAGE: return "image";
  case VLOT_PENDING_CLIENT: return "client";
  case VLOT_PENDING_MESSAGE: break;
  }
  if (pending->message_kind == 0) return "forward";
  return vlot_message_kind_name((vlot_message_kind)pending->message_kind);
}

static int by_id(const void *left, const void *right) {
  const vlot_pending *a = left, *b = right;
  return a->id < b->id ? -1 : a->id > b->id;
}

vlot_pending *vlot__pattern_pending(vlot__workspace *workspace, size_t *count) {
  *count = vlot_lockstep_pending(workspace->cluster, NULL, 0);
  vlot_pending *pending = *count > 0 ? calloc(*count, sizeof *pending) : NULL;
  if (!pending) {
    *count = 0;
    return NULL;
  }
  *count = vlot_lockstep_pending(workspace->cluster, pending, *count);
  qsort(pending, *count, sizeof *pending, by_id); /* ids differ: there are no ties */
  return pending;
}

/* One end of A->B: a node, or * for any. */
static bool parse_end(vlot__workspace *workspace, const char *text, size_t size, uint32_t *node) {
  char word[16];
  uint64_t number;
  if (size >= sizeof word) return false;
  memcpy(word, text, size);
  word[size] = '\0';
  if (strcmp(word, "*") == 0) return true;
  if (!vlot__options_number(word + (word[0] == 'n'), &number) || number == 0 ||
      number > workspace->options.nodes)
    return false;
  *node = (uint32_t)number;
  return true;
}

static bool said_twice(vlot__workspace *workspace, unsigned word, const char *what) {
  return vlot__workspace_fail(workspace, word, "%s is said already; say one, or ids alone", what);
}

static bool parse_word(vlot__workspace *workspace, const char *text, unsigned word,
                       pattern *wanted) {
  const char *arrow = strstr(text, "->");
  const char *nearest;
  if (strcmp(text, "all") == 0) {
    wanted->is_all = true;
    return true;
  }
  if (arrow) {
    if (wanted->has_ends) return said_twice(workspace, word, "between whom");
    wanted->has_ends = true;
    if (parse_end(workspace, text, (size_t)(arrow - text), &wanted->from) &&
        parse_end(workspace, arrow + 2, strlen(arrow + 2), &wanted->to))
      return true;
    return vlot__workspace_fail(workspace, word,
                                "expected A->B with nodes 1 to %u, or * for any, not '%.40s'",
                                workspace->options.nodes, text);
  }
  for (size_t k = 0; k < KINDS; k++)
    if (strcasecmp(kinds[k], text) == 0) {
      if (wanted->kind) return said_twice(workspace, word, "a kind");
      wanted->kind = kinds[k];
      return true;
    }
  nearest = vlot__options_nearest(text, kinds, KINDS);
  if (nearest)
    return vlot__workspace_fail(workspace, word, "unknown kind of message; did you mean '%s'?",
                                nearest);
  return vlot__workspace_fail(
      workspace, word, "expected an id, all, a kind such as AppendEntries, or A->B, not '%.40s'",
      text);
}

static bool parse_id(const char *text, uint64_t *id) { return vlot_pending_parse(text, id); }

/* A last number may be one that its keyword was forgotten before. */
static bool fail_absent(vlot__workspace *workspace, const vlot__arguments *arguments,
                        const vlot__value *words, unsigned word) {
  const vlot_verb *verb = vlot_verb_find(arguments->words[0]);
  const char *text = arguments->words[word], *keyword = NULL;
  uint64_t number;
  for (int k = 0; verb && k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++)
    if (verb->parameters[k].type == VLOT_PARAMETER_NUMBER && !arguments->values[k].is_given)
      keyword = verb->parameters[k].keyword;
  bool is_last = word > words->word && word + 1 == words->word + words->count;
  if (is_last && keyword && vlot__options_number(text, &number))
    return vlot__workspace_fail(workspace, word,
                                "nothing with id %s is pending; a number of ticks is said as "
                                "'%s %s'",
                                text, keyword, text);
  return vlot__workspace_fail(
      workspace, word, "nothing with id %.24s is pending (any more); 'net' lists what is", text);
}

/* Ids alone: each must be there, or nothing is done. */
static bool find_ids(vlot__workspace *workspace, const vlot__arguments *arguments,
                     const vlot__value *words, uint64_t *ids, size_t capacity, size_t *count) {
  size_t pending_count;
  char instead[VLOT__COMMAND_INSTEAD_MAX];
  vlot_pending *pending = vlot__pattern_pending(workspace, &pending_count);
  bool is_well = true;
  for (unsigned k = 0; k < words->count && is_well; k++) {
    unsigned word = words->word + k;
    uint64_t id = 0;
    bool is_there = false;
    is_well = parse_id(arguments->words[word], &id) && *count < capacity;
    if (!is_well)
      vlot__workspace_fail(workspace, word, "expected another id, or nothing more%s",
                           vlot__command_instead(arguments, word, instead));
    for (size_t n = 0; is_well && n < pending_count && !is_there; n++)
      is_there = pending[n].id == id;
    for (size_t n = 0; is_well && n < *count; n++)
      if (ids[n] == id)
        is_well = vlot__workspace_fail(workspace, word, "this id stands there twice");
    if (is_well && !is_there) is_well = fail_absent(workspace, arguments, words, word);
    if (is_well) ids[(*count)++] = id;
  }
  free(pending);
  return is_well;
}

static bool matches(const pattern *wanted, const vlot_pending *pending) {
  if (wanted->kind && strcmp(wanted->kind, vlot__pattern_kind(pending)) != 0) return false;
  if (!wanted->kind && pending->kind != VLOT_PENDING_MESSAGE) return false;
  return (!wanted->from || wanted->from == pending->from) &&
         (!wanted->to || wanted->to == pending->node);
}

bool vlot__pattern_find(vlot__workspace *workspace, const vlot__arguments *arguments,
                        const vlot__value *words, uint64_t *ids, size_t capacity, size_t *count) {
  pattern wanted = {0};
  size_t pending_count;
  uint64_t id;
  *count = 0;
  if (parse_id(arguments->words[words->word], &id))
    return find_ids(workspace, arguments, words, ids, capacity, count);
  for (unsigned k = 0; k < words->count; k++)
    if (!parse_word(workspace, arguments->words[words->word + k], words->word + k, &wanted))
      return false;
  vlot_pending *pending = vlot__pattern_pending(workspace, &pending_count);
  for (size_t k = 0; k < pending_count && *count < capacity; k++) {
    if (!matches(&wanted, &pending[k])) continue;
    ids[(*count)++] = pending[k].id;
    if (!wanted.is_all) break;
  }
  free(pending);
  if (*count > 0) return true;
  return vlot__workspace_fail(workspace, words->word,
                              "nothing like this is pending; 'net' lists what is");
}

void vlot__pattern_message(const vlot_pending *pending, char *text, size_t capacity) {
  bool is_ok = pending->message_flags & VLOT_MESSAGE_OK;
  uint64_t index = pending->index, first = index + 1, last = index + pending->entries;
  if (pending->kind == VLOT_PENDING_IMAGE) {
    snprintf(text, capacity, "its machine at %" PRIu64 ", frozen, is written to a snapshot", index);
    return;
  }
  if (pending->mail.kind) {
    (void)vlot_mail_text(&pending->mail, text, capacity);
    return;
  }
  int end = snprintf(text, capacity, "term %" PRIu64, pending->term);
  text += end;
  capacity -= (size_t)end;
  switch (vlot_message_body_of(pending->message_kind)) {
  case VLOT_BODY_UNKNOWN:
  case VLOT_BODY_TIMEOUT_NOW: break;
  case VLOT_BODY_VOTE:
    snprintf(text, capacity, ", its log ends at %" PRIu64 "%s", index,
             pending->message_flags & VLOT_MESSAGE_FORCED ? ", forced" : "");
    break;
  case VLOT_BODY_VOTE_REPLY:
    snprintf(text, capacity, "%s", is_ok ? ", granted" : ", refused");
    break;
  case VLOT_BODY_APPEND:
    if (pending->entries == 0)
      snprintf(text, capacity, ", no entries after %" PRIu64, index);
    else if (pending->entries == 1)
      snprintf(text, capacity, ", entry %" PRIu64, first);
    else
      snprintf(text, capacity, ", entries %" PRIu64 " to %" PRIu64, first, last);
    break;
  case VLOT_BODY_APPEND_REPLY:
    snprintf(text, capacity, is_ok ? ", agrees up to %" PRIu64 : ", does not agree, try %" PRIu64,
             index);
    break;
  case VLOT_BODY_INSTALL:
    if (pending->bytes == 0)
      snprintf(text, capacity, ", how far is the snapshot at %" PRIu64 "?", index);
    else
      snprintf(text, capacity,
               ", snapshot at %" PRIu64 ", bytes %" PRIu64 " to %" PRIu64 " of %" PRIu64, index,
               pending->offset, pending->offset + pending->bytes, pending->size);
    break;
  case VLOT_BODY_INSTALL_REPLY:
    if (is_ok)
      snprintf(text, capacity, ", has the snapshot at %" PRIu64, index);
    else
      snprintf(text, capacity, ", lacks the snapshot at %" PRIu64 " from byte %" PRIu64 " on",
               index, pending->offset);
    break;
  }
}

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t capacity,
                                                         const char *format, ...) {
  size_t at = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + at, capacity - at, format, arguments);
  va_end(arguments);
}

void vlot__pattern_about(const vlot_pending *pending, uint64_t now, char *text, size_t capacity) {
  uint64_t left = pending->due > now ? pending->due - now : 0;
  *text = '\0';
  if (pending->kind == VLOT_PENDING_TIMER)
    append(text, capacity, "%s", vlot_due_text(pending->due_for));
  else if (pending->kind == VLOT_PENDING_WRITE)
    append(text, capacity, "its disk");
  else
    vlot__pattern_message(pending, text, capacity);
  if (left > 0) append(text, capacity, ", in %" PRIu64 " tick%s", left, left == 1 ? "" : "s");
}
