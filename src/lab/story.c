#include "story.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* --- branches --- */

void vlot__story_deinit(vlot__story *story) {
  for (unsigned k = 0; k < story->branch_count; k++) vlot__branch_deinit(&story->branches[k]);
  free(story->branches);
  free(story->idle);
  free(story->inner);
  vlot__text_deinit(&story->said);
  *story = (vlot__story){0};
}

static const vlot__story_branch *find(const vlot__story *story, const char *name) {
  for (unsigned k = 0; k < story->branch_count; k++)
    if (strcmp(story->branches[k].name, name) == 0) return &story->branches[k];
  return NULL;
}

/* A name that is given, or the lowest number that none has. */
static bool name_branch(vlot__workspace *workspace, vlot__story_branch *branch, const char *name) {
  const vlot__story *story = &workspace->story;
  if (name && strlen(name) >= sizeof branch->name)
    return vlot__workspace_fail(workspace, 1, "a name has less than %d characters",
                                VLOT__STORY_NAME_MAX);
  if (name && find(story, name))
    return vlot__workspace_fail(workspace, 1,
                                "there is a branch of this name; 'branches' lists them");
  if (name) snprintf(branch->name, sizeof branch->name, "%s", name);
  for (unsigned number = 1; !name; number++) {
    snprintf(branch->name, sizeof branch->name, "%u", number);
    if (!find(story, branch->name)) return true;
  }
  return true;
}

static bool add_branch(vlot__workspace *workspace, const char *name) {
  vlot__story *story = &workspace->story;
  vlot__story_branch branch = {.capacity = 0};
  if (story->branch_count == VLOT__STORY_BRANCHES_MAX)
    return vlot__workspace_fail(workspace, 0, "there are %d branches, and no more are kept",
                                VLOT__STORY_BRANCHES_MAX);
  if (!name_branch(workspace, &branch, name)) return false;
  vlot__story_branch *branches =
      realloc(story->branches, (story->branch_count + 1) * sizeof *branches);
  if (!branches) return vlot__workspace_fail(workspace, 0, "%s", vlot_result_text(VLOT_NOMEM));
  story->branches = branches;
  story->branches[story->branch_count++] = branch;
  return true;
}

/* What is behind us goes into a branch of its own, which is then the present one. */
static bool copy_past(vlot__workspace *workspace, const char *name, vlot__story_place now) {
  vlot__story *story = &workspace->story;
  if (!add_branch(workspace, name)) return false;
  const vlot__story_branch *from = vlot__story_present(story);
  vlot__story_branch *to = &story->branches[story->branch_count - 1];
  bool has_memory = true;
  for (size_t k = 0; k < story->done && has_memory; k++)
    has_memory = vlot__branch_append(to, &from->lines[k]);
  if (has_memory && story->done < from->count &&
      vlot__place_is_before(from->lines[story->done].from, now)) {
    char text[VLOT__STORY_PIECE_MAX];
    vlot__story_line half = from->lines[story->done];
    if (!half.is_origin) half.text = vlot__story_piece(text, half.from, now, half.is_quiet);
    half.to = now;
    has_memory = vlot__branch_append(to, &half);
  }
  vlot__story_point here = {.line = to->count, .place = now};
  for (size_t k = 0; k < from->mark_count && has_memory; k++) {
    vlot__story_mark mark = from->marks[k];
    if (!vlot__point_is_before(mark.begin, (vlot__story_point){story->done, now})) break;
    if (vlot__point_is_before(here, mark.end)) mark.end = here;
    has_memory = vlot__branch_mark(to, mark.begin, mark.end, mark.text);
  }
  if (!has_memory) {
    vlot__branch_deinit(to);
    story->branch_count--;
    return vlot__workspace_fail(workspace, 0, "%s", vlot_result_text(VLOT_NOMEM));
  }
  to->parent = story->present + 1;
  to->parts_at = now;
  story->present = story->branch_count - 1;
  story->done = to->count;
  return true;
}

bool vlot__story_is_undone(vlot__story *story) {
  const vlot__story_branch *branch = vlot__story_present(story);
  size_t at = story->done;
  while (at < branch->count && branch->lines[at].is_look) at++;
  if (at == branch->count) story->done = at;
  return at < branch->count;
}

uint64_t vlot__story_end(const vlot__story *story) {
  return story->branch_count > 0 ? vlot__branch_end(vlot__story_present(story)).action : 0;
}

/* --- recording --- */

static void add_line(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story_branch *branch = vlot__story_present(&workspace->story);
  if (vlot__branch_append(branch, line))
    workspace->story.done = branch->count;
  else
    vlot__text_add(&workspace->out, "out of memory: this cannot be done again\n");
}

/* How far time goes on from here just as it did before it was undone; *at: the line that it ends in
 * or before. */
static vlot__story_place known_until(const vlot__story *story, vlot__story_place from,
                                     vlot__story_place to, size_t *at) {
  const vlot__story_branch *branch = vlot__story_present(story);
  vlot__story_place known = from;
  for (*at = story->done; *at < branch->count && vlot__place_is_before(known, to); ++*at) {
    const vlot__story_line *line = &branch->lines[*at];
    if (line->is_look) continue;
    if (!line->is_time) break;
    known = vlot__place_is_before(line->to, to) ? line->to : to;
    if (vlot__place_is_before(to, line->to)) break;
  }
  return known;
}

/* Is it the line that comes next, word for word? */
static bool is_next(vlot__story *story, const vlot__story_line *line) {
  const vlot__story_branch *branch = vlot__story_present(story);
  size_t at = story->done;
  while (at < branch->count && branch->lines[at].is_look) at++;
  if (at == branch->count || strcmp(branch->lines[at].text, line->text) != 0 ||
      !vlot__place_is_same(branch->lines[at].from, line->from) ||
      !vlot__place_is_same(branch->lines[at].to, line->to))
    return false;
  story->done = at + 1;
  return true;
}

/* Nothing new has been said: time goes on as it did, perhaps beyond the end, where a line of so
 * many steps is added. */
static bool is_again(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story *story = &workspace->story;
  if (is_next(story, line)) return true;
  size_t at = story->done;
  vlot__story_place known =
      line->is_time ? known_until(story, line->from, line->to, &at) : line->from;
  if (!line->is_time ||
      (vlot__place_is_before(known, line->to) && at < vlot__story_present(story)->count))
    return false;
  story->done = at;
  if (vlot__place_is_same(known, line->to)) return true;
  char text[VLOT__STORY_PIECE_MAX];
  vlot__story_line rest = *line;
  rest.text = vlot__story_piece(text, known, line->to, line->is_quiet);
  rest.from = known;
  add_line(workspace, &rest);
  return true;
}

void vlot__story_say(vlot__workspace *workspace, const char *text) {
  vlot__text_add(&workspace->story.said, "%s\n", text);
}

/* Something new is said where something else was undone: that is kept, in its branch. */
static void leave_branch(vlot__workspace *workspace, vlot__story_place now) {
  vlot__story *story = &workspace->story;
  uint64_t end = vlot__story_end(story);
  unsigned kept = story->present;
  if (!copy_past(workspace, NULL, now)) {
    vlot__text_add(&workspace->out, "No more branches are kept: what was undone here is lost.\n");
    vlot__branch_cut(vlot__story_present(story), story->done);
    return;
  }
  vlot__text_add(&workspace->out,
                 "Another line of history begins here, branch %s; branch %s is kept as it was, up "
                 "to action %" PRIu64 ".\n",
                 vlot__story_present(story)->name, story->branches[kept].name, end);
}

static void record(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story *story = &workspace->story;
  if (workspace->is_adopted || (story->branch_count == 0 && !add_branch(workspace, NULL))) return;
  if (line->is_look && story->done < vlot__story_present(story)->count) return;
  bool has_undone = vlot__story_is_undone(story);
  size_t begin = story->done;
  if (!has_undone || !is_again(workspace, line)) {
    if (has_undone) leave_branch(workspace, line->from);
    begin = story->done;
    add_line(workspace, line);
  }
  if (story->has_begun) return;
  story->has_begun = true;
  story->begin = (vlot__story_point){.line = begin, .place = line->from};
}

static void say_and_record(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story_say(workspace, line->text);
  record(workspace, line);
}

static void record_piece(vlot__workspace *workspace, vlot__story_line *piece,
                         vlot__story_place to) {
  char text[VLOT__STORY_PIECE_MAX];
  piece->to = to;
  if (!vlot__place_is_before(piece->from, to)) return;
  piece->text = vlot__story_piece(text, piece->from, to, piece->is_quiet);
  say_and_record(workspace, piece);
  piece->from = to;
}

/* Time that went on up to there: actions, and then perhaps ticks without any. */
static void record_time(vlot__workspace *workspace, vlot__story_line *piece, vlot__story_place to) {
  bool has_both = to.idle > 0 && to.action > piece->from.action;
  if (has_both)
    record_piece(workspace, piece,
                 (vlot__story_place){.action = to.action, .tick = to.tick - to.idle});
  record_piece(workspace, piece, to);
}

/* A line of time in which something was asked: cut there. */
static void record_asked(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story *story = &workspace->story;
  vlot__story_line piece = *line;
  for (size_t k = 0; k < story->inner_count; k++) {
    const vlot__story_inner *inner = &story->inner[k];
    record_time(workspace, &piece, inner->from);
    piece.from = inner->from;
    piece.to = (vlot__story_place){.action = inner->action, .tick = inner->from.tick};
    piece.text = inner->text;
    piece.is_time = false;
    say_and_record(workspace, &piece);
    piece.from = piece.to;
    piece.is_time = true;
  }
  record_time(workspace, &piece, line->to);
}

/* A line that did several things, or before which something was asked: each is a line, and what was
 * said is said as it was. */
static void record_parts(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story *story = &workspace->story;
  vlot__story_line piece = *line;
  bool has_parts = false, is_said = false;
  for (size_t k = 0; k < story->inner_count; k++) {
    const vlot__story_inner *inner = &story->inner[k];
    piece.to = (vlot__story_place){.action = inner->action, .tick = inner->from.tick};
    piece.text = inner->text;
    if (!inner->is_asked && !is_said) vlot__story_say(workspace, line->text);
    is_said = is_said || !inner->is_asked;
    has_parts = has_parts || !inner->is_asked;
    if (inner->is_asked)
      say_and_record(workspace, &piece);
    else
      record(workspace, &piece);
    piece.from = piece.to;
  }
  piece.to = line->to;
  piece.text = line->text;
  if (!has_parts && vlot__place_is_before(piece.from, piece.to)) say_and_record(workspace, &piece);
}

void vlot__story_record(vlot__workspace *workspace, const vlot__story_line *line,
                        const char *said) {
  vlot__story *story = &workspace->story;
  if (workspace->is_redoing) return;
  story->has_begun = false;
  if (story->inner_count == 0)
    say_and_record(workspace, line);
  else if (line->is_time)
    record_asked(workspace, line);
  else
    record_parts(workspace, line);
  story->inner_count = 0;
  vlot__story_point end = {.line = story->done, .place = line->to};
  if (story->has_begun && !line->is_look &&
      !vlot__branch_mark(vlot__story_present(story), story->begin, end, said))
    vlot__text_add(&workspace->out, "out of memory: this cannot be taken back alone\n");
}

void vlot__story_idle(vlot__workspace *workspace, const char *said) {
  free(workspace->story.idle);
  workspace->story.idle = said ? strdup(said) : NULL;
}

/* In the order of actions: of what was asked one hears later than of what a line did itself. */
static vlot__story_inner *new_inner(vlot__workspace *workspace, vlot__story_place from,
                                    uint64_t action) {
  vlot__story *story = &workspace->story;
  if (story->inner_count == story->inner_capacity) {
    size_t capacity = story->inner_capacity ? 2 * story->inner_capacity : 16;
    vlot__story_inner *inner = realloc(story->inner, capacity * sizeof *inner);
    if (!inner) return NULL;
    story->inner = inner;
    story->inner_capacity = capacity;
  }
  size_t at = story->inner_count++;
  for (; at > 0 && story->inner[at - 1].action > action; at--)
    story->inner[at] = story->inner[at - 1];
  story->inner[at] = (vlot__story_inner){.from = from, .action = action};
  return &story->inner[at];
}

void vlot__story_part(vlot__workspace *workspace, const char *text) {
  if (workspace->is_redoing) return;
  vlot__story_place now = vlot__workspace_place(workspace);
  vlot__story_inner *part = new_inner(workspace, now, now.action);
  if (part) snprintf(part->text, sizeof part->text, "%s", text);
}

static bool is_joined(vlot__workspace *workspace, uint32_t a, uint32_t b) {
  vlot_link there, back;
  return vlot_cluster_get_link(workspace->cluster, a, b, &there) == VLOT_OK &&
         vlot_cluster_get_link(workspace->cluster, b, a, &back) == VLOT_OK &&
         !(there.is_cut && back.is_cut);
}

/* Everybody whom there is a way to from this one, in whichever direction, is in its group. */
static void fill_group(vlot__workspace *workspace, uint32_t *groups, uint32_t first) {
  uint32_t nodes = workspace->options.nodes, joined[VLOT__WORKSPACE_NODES_MAX] = {first};
  for (uint32_t k = 0, count = 1; k < count; k++)
    for (uint32_t id = 1; id <= nodes; id++) {
      if (groups[id] || !is_joined(workspace, joined[k], id)) continue;
      groups[id] = first;
      joined[count++] = id;
    }
}

/* The groups between which all links are cut: what cuts these cuts nothing that is not. */
static void put_groups(vlot__workspace *workspace, char *text, size_t capacity) {
  uint32_t groups[VLOT__WORKSPACE_NODES_MAX + 1] = {0}, nodes = workspace->options.nodes;
  int at = 0;
  for (uint32_t first = 1; first <= nodes; first++) {
    if (groups[first]) continue;
    groups[first] = first;
    fill_group(workspace, groups, first);
    if (first > 1) at += snprintf(text + at, capacity - (size_t)at, " | ");
    for (uint32_t id = first; id <= nodes; id++)
      if (groups[id] == first && (size_t)at + 8 < capacity)
        at += snprintf(text + at, capacity - (size_t)at, "%s%u", id > first ? " " : "", id);
  }
}

/* One word of a choice, "a|b", by its position; NULL: it has none there. */
static const char *word_of(const char *choices, uint64_t position, int *size) {
  for (; position > 0 && choices; position--) {
    choices = strchr(choices, '|');
    if (choices) choices++;
  }
  if (choices) *size = (int)strcspn(choices, "|");
  return choices;
}

/* What a request says of one parameter, as it would be said in a line; "": nothing. */
static void put_parameter(vlot__workspace *workspace, const vlot_parameter *parameter,
                          const vlot_event *event, char *text, size_t capacity) {
  const char *keyword = parameter->keyword ? parameter->keyword : "", *word;
  uint64_t value = event->as.change.to;
  int size = 0;
  *text = '\0';
  switch (parameter->asks) {
  case VLOT_ASKS_NODE: snprintf(text, capacity, "%u", event->peer); break;
  case VLOT_ASKS_ID: vlot_pending_name(event->message, text, capacity); break;
  case VLOT_ASKS_SIDES: put_groups(workspace, text, capacity); break;
  case VLOT_ASKS_ALWAYS: snprintf(text, capacity, "%s", keyword); break;
  case VLOT_ASKS_VALUE:
    if (parameter->type == VLOT_PARAMETER_FLAG)
      snprintf(text, capacity, "%s", value ? keyword : "");
    else if (parameter->type != VLOT_PARAMETER_CHOICE)
      snprintf(text, capacity, "%s%s%" PRIu64, keyword, *keyword ? " " : "", value);
    else if ((word = word_of(parameter->meaning, value, &size)))
      snprintf(text, capacity, "%.*s", size, word);
    break;
  case VLOT_ASKS_NOTHING: break;
  }
}

/* The state in which it was carried out: time may have passed since the action before it. */
static vlot__story_place asked_at(const vlot__workspace *workspace, const vlot_event *event) {
  vlot__story_place place = {.action = event->action - 1, .tick = event->tick};
  uint64_t last = vlot__past_action_tick(workspace->past, place.action);
  if (last < place.tick) place.idle = place.tick - last;
  return place;
}

void vlot__story_ask(vlot__workspace *workspace, const vlot_event *event) {
  const vlot_verb *verb = vlot_verb_of_request(event->as.change.from);
  if (event->as.change.term != VLOT_OK || !verb) return;
  vlot__story_inner *asked = new_inner(workspace, asked_at(workspace, event), event->action);
  if (!asked) return;
  size_t size = sizeof asked->text;
  int at = snprintf(asked->text, size, "%s", verb->name);
  asked->is_asked = true;
  for (int k = 0; k < VLOT_VERB_PARAMETERS_MAX && verb->parameters[k].name; k++) {
    char said[sizeof asked->text];
    put_parameter(workspace, &verb->parameters[k], event, said, sizeof said);
    if (*said && (size_t)at < size)
      at += snprintf(asked->text + at, size - (size_t)at, " %s", said);
  }
}

/* --- forking --- */

bool vlot__story_fork(vlot__workspace *workspace, const char *name) {
  if (workspace->is_adopted || workspace->story.branch_count == 0)
    return vlot__workspace_fail(workspace, 0,
                                workspace->is_adopted
                                    ? "this cluster runs: there is one line of history"
                                    : "nothing has happened yet");
  return copy_past(workspace, name, vlot__workspace_place(workspace));
}
