#include "story.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* --- branches --- */

static void free_lines(vlot__story_branch *branch, size_t from) {
  for (size_t k = from; k < branch->count; k++) free((char *)(uintptr_t)branch->lines[k].text);
  if (from < branch->count) branch->count = from;
}

void vlot__story_deinit(vlot__story *story) {
  for (unsigned k = 0; k < story->branch_count; k++) {
    free_lines(&story->branches[k], 0);
    free(story->branches[k].lines);
  }
  free(story->branches);
  free(story->inner);
  vlot__text_deinit(&story->said);
  *story = (vlot__story){0};
}

static vlot__story_branch *present_of(const vlot__story *story) {
  return &story->branches[story->present];
}

enum { STEPS_MAX = 40 };

/* A part of a line of time, as a line. */
static const char *put_steps(char steps[STEPS_MAX], uint64_t count, bool is_quiet) {
  snprintf(steps, STEPS_MAX, "step %" PRIu64 "%s", count, is_quiet ? " quiet" : "");
  return steps;
}

static bool append(vlot__story_branch *branch, const vlot__story_line *line) {
  if (branch->count == branch->capacity) {
    size_t capacity = branch->capacity ? 2 * branch->capacity : 64;
    vlot__story_line *lines = realloc(branch->lines, capacity * sizeof *lines);
    if (!lines) return false;
    branch->lines = lines;
    branch->capacity = capacity;
  }
  char *text = strdup(line->text);
  if (!text) return false;
  branch->lines[branch->count] = *line;
  branch->lines[branch->count++].text = text;
  return true;
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
static bool copy_past(vlot__workspace *workspace, const char *name, uint64_t now) {
  vlot__story *story = &workspace->story;
  if (!add_branch(workspace, name)) return false;
  const vlot__story_branch *from = present_of(story);
  vlot__story_branch *to = &story->branches[story->branch_count - 1];
  bool has_memory = true;
  for (size_t k = 0; k < story->done && has_memory; k++) has_memory = append(to, &from->lines[k]);
  if (has_memory && story->done < from->count && from->lines[story->done].from < now) {
    char steps[STEPS_MAX];
    vlot__story_line half = from->lines[story->done];
    half.text = put_steps(steps, now - half.from, half.is_quiet);
    half.to = now;
    has_memory = append(to, &half);
  }
  if (!has_memory) {
    free_lines(to, 0);
    free(to->lines);
    story->branch_count--;
    return vlot__workspace_fail(workspace, 0, "%s", vlot_result_text(VLOT_NOMEM));
  }
  story->present = story->branch_count - 1;
  story->done = to->count;
  return true;
}

uint64_t vlot__story_end(const vlot__story *story) {
  if (story->branch_count == 0 || present_of(story)->count == 0) return 0;
  return present_of(story)->lines[present_of(story)->count - 1].to;
}

/* --- recording --- */

static void add_line(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story_branch *branch = present_of(&workspace->story);
  if (append(branch, line))
    workspace->story.done = branch->count;
  else
    vlot__text_add(&workspace->out, "out of memory: this cannot be done again\n");
}

/* How far time goes on from here just as it did before it was undone; *at: the line that it ends in
 * or before. */
static uint64_t known_until(const vlot__story *story, uint64_t from, uint64_t to, size_t *at) {
  const vlot__story_branch *branch = present_of(story);
  uint64_t known = from;
  for (*at = story->done; *at < branch->count && known < to; ++*at) {
    const vlot__story_line *line = &branch->lines[*at];
    if (line->is_look) continue;
    if (!line->is_time) break;
    known = line->to < to ? line->to : to;
    if (line->to > to) break;
  }
  return known;
}

/* Is it the line that comes next, word for word? */
static bool is_next(vlot__story *story, const vlot__story_line *line) {
  const vlot__story_branch *branch = present_of(story);
  size_t at = story->done;
  while (at < branch->count && branch->lines[at].is_look) at++;
  if (at == branch->count || strcmp(branch->lines[at].text, line->text) != 0 ||
      branch->lines[at].from != line->from || branch->lines[at].to != line->to)
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
  uint64_t known = line->is_time ? known_until(story, line->from, line->to, &at) : line->from;
  if (!line->is_time || (known < line->to && at < present_of(story)->count)) return false;
  story->done = at;
  if (known == line->to) return true;
  char steps[STEPS_MAX];
  vlot__story_line rest = *line;
  rest.text = put_steps(steps, line->to - known, line->is_quiet);
  rest.from = known;
  add_line(workspace, &rest);
  return true;
}

void vlot__story_say(vlot__workspace *workspace, const char *text) {
  vlot__text_add(&workspace->story.said, "%s\n", text);
}

/* Something new is said where something else was undone: that is kept, in its branch. */
static void leave_branch(vlot__workspace *workspace, uint64_t now) {
  vlot__story *story = &workspace->story;
  uint64_t end = vlot__story_end(story);
  unsigned kept = story->present;
  if (!copy_past(workspace, NULL, now)) {
    vlot__text_add(&workspace->out, "No more branches are kept: what was undone here is lost.\n");
    free_lines(present_of(story), story->done);
    return;
  }
  vlot__text_add(&workspace->out,
                 "Another line of history begins here, branch %s; branch %s is kept as it was, up "
                 "to action %" PRIu64 ".\n",
                 present_of(story)->name, story->branches[kept].name, end);
}

static void record(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story *story = &workspace->story;
  if (workspace->is_adopted || (story->branch_count == 0 && !add_branch(workspace, NULL))) return;
  if (story->done < present_of(story)->count) {
    if (line->is_look || is_again(workspace, line)) return;
    leave_branch(workspace, line->from);
  }
  add_line(workspace, line);
}

static void say_and_record(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story_say(workspace, line->text);
  record(workspace, line);
}

/* A line of time in which something was asked: cut there. */
static void record_asked(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story *story = &workspace->story;
  vlot__story_line piece = *line;
  char steps[STEPS_MAX];
  for (size_t k = 0; k < story->inner_count; k++) {
    piece.to = story->inner[k].action - 1;
    piece.text = put_steps(steps, piece.to - piece.from, line->is_quiet);
    if (piece.to > piece.from) say_and_record(workspace, &piece);
    piece.from = piece.to;
    piece.to = story->inner[k].action;
    piece.text = story->inner[k].text;
    piece.is_time = false;
    say_and_record(workspace, &piece);
    piece.from = piece.to;
    piece.is_time = true;
  }
  piece.to = line->to;
  piece.text = put_steps(steps, piece.to - piece.from, line->is_quiet);
  if (piece.to > piece.from) say_and_record(workspace, &piece);
}

/* A line that did several things, or before which something was asked: each is a line, and what was
 * said is said as it was. */
static void record_parts(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story *story = &workspace->story;
  vlot__story_line piece = *line;
  bool has_parts = false, is_said = false;
  for (size_t k = 0; k < story->inner_count; k++) {
    const vlot__story_inner *inner = &story->inner[k];
    piece.to = inner->action;
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
  if (!has_parts && piece.to > piece.from) say_and_record(workspace, &piece);
}

void vlot__story_record(vlot__workspace *workspace, const vlot__story_line *line) {
  vlot__story *story = &workspace->story;
  if (workspace->is_redoing) return;
  if (story->inner_count == 0)
    say_and_record(workspace, line);
  else if (line->is_time)
    record_asked(workspace, line);
  else
    record_parts(workspace, line);
  story->inner_count = 0;
}

static vlot__story_inner *new_inner(vlot__workspace *workspace, uint64_t action) {
  vlot__story *story = &workspace->story;
  if (story->inner_count == story->inner_capacity) {
    size_t capacity = story->inner_capacity ? 2 * story->inner_capacity : 16;
    vlot__story_inner *inner = realloc(story->inner, capacity * sizeof *inner);
    if (!inner) return NULL;
    story->inner = inner;
    story->inner_capacity = capacity;
  }
  vlot__story_inner *one = &story->inner[story->inner_count++];
  *one = (vlot__story_inner){.action = action};
  return one;
}

void vlot__story_part(vlot__workspace *workspace, const char *text) {
  if (workspace->is_redoing) return;
  vlot__story_inner *part = new_inner(workspace, vlot__workspace_actions(workspace));
  if (part) snprintf(part->text, sizeof part->text, "%s", text);
}

/* The groups between which links are cut: whoever reaches each other is in one. */
static void put_groups(vlot__workspace *workspace, char *text, size_t capacity) {
  uint32_t groups[VLOT__WORKSPACE_NODES_MAX + 1] = {0}, count = 0, nodes = workspace->options.nodes;
  int at = 0;
  for (uint32_t first = 1; first <= nodes; first++) {
    if (groups[first]) continue;
    groups[first] = ++count;
    if (count > 1) at += snprintf(text + at, capacity - (size_t)at, " | ");
    for (uint32_t id = first; id <= nodes; id++) {
      vlot_link link = {0};
      if (id != first &&
          (groups[id] || vlot_cluster_get_link(workspace->cluster, first, id, &link) != VLOT_OK ||
           link.is_cut))
        continue;
      groups[id] = count;
      if ((size_t)at + 8 < capacity)
        at += snprintf(text + at, capacity - (size_t)at, "%s%u", id > first ? " " : "", id);
    }
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

void vlot__story_ask(vlot__workspace *workspace, const vlot_event *event) {
  const vlot_verb *verb = vlot_verb_of_request(event->as.change.from);
  if (event->as.change.term != VLOT_OK || !verb) return;
  vlot__story_inner *asked = new_inner(workspace, event->action);
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

/* --- going there --- */

static bool redo_line(vlot__workspace *workspace, const vlot__story_line *line, uint64_t target) {
  uint64_t to = line->to < target ? line->to : target;
  if (line->is_look) return true;
  if (line->is_time) return vlot__workspace_redo_time(workspace, to - line->from);
  return vlot__command_redo(workspace, line->text);
}

/* Is this line, or a part of it that can be done alone, at or before the target? */
static bool is_before(const vlot__story_line *line, uint64_t target) {
  return line->to <= target || (line->is_time && line->from < target);
}

static bool redo(vlot__workspace *workspace, uint64_t target) {
  vlot__story *story = &workspace->story;
  const vlot__story_branch *branch = present_of(story);
  size_t k = 0;
  bool is_well = true;
  vlot__workspace_begin_redo(workspace);
  for (; is_well && k < branch->count && is_before(&branch->lines[k], target); k++) {
    is_well = redo_line(workspace, &branch->lines[k], target);
    if (branch->lines[k].to > target) break;
  }
  story->done = k;
  workspace->scene_at = k < branch->count ? branch->lines[k].scene_from
                        : k > 0           ? branch->lines[k - 1].scene_to
                                          : 0;
  workspace->scene_from = workspace->scene_at;
  vlot__workspace_end_redo(workspace);
  return is_well;
}

bool vlot__story_goto(vlot__workspace *workspace, uint64_t action) {
  if (workspace->is_adopted)
    return vlot__workspace_fail(
        workspace, 0,
        "this cluster runs, and has no way back; record a run with 'vlot run "
        "--journal FILE', and go back in 'vlot replay FILE'");
  uint64_t end = vlot__story_end(&workspace->story);
  if (action > end)
    return vlot__workspace_fail(workspace, 1, "this line of history ends at action %" PRIu64, end);
  if (workspace->story.branch_count == 0) return true; /* nothing has been said */
  if (!redo(workspace, action)) return false;
  return vlot__workspace_actions(workspace) <= action || redo(workspace, workspace->turn_began);
}

/* What was said before anything happened has set something up, or looked. */
bool vlot__story_reset(vlot__workspace *workspace) {
  if (workspace->story.branch_count > 0) return redo(workspace, 0);
  vlot__workspace_begin_redo(workspace);
  vlot__workspace_end_redo(workspace);
  return true;
}

bool vlot__story_fork(vlot__workspace *workspace, const char *name) {
  if (workspace->is_adopted || workspace->story.branch_count == 0)
    return vlot__workspace_fail(workspace, 0,
                                workspace->is_adopted
                                    ? "this cluster runs: there is one line of history"
                                    : "nothing has happened yet");
  return copy_past(workspace, name, vlot__workspace_actions(workspace));
}

bool vlot__story_switch(vlot__workspace *workspace, const char *name) {
  vlot__story *story = &workspace->story;
  for (unsigned k = 0; k < story->branch_count; k++) {
    if (strcmp(story->branches[k].name, name) != 0) continue;
    story->present = k;
    return redo(workspace, vlot__story_end(story));
  }
  return vlot__workspace_fail(workspace, 1, "there is no such branch; 'branches' lists them");
}
