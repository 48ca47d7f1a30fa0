/* The node table and the pending list as text, from views that are made by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "table.h"

enum { NODES = 3 };

typedef struct scene {
  vlot_node_status nodes[NODES];
  vlot_pending pending[16];
  vlot__table_view view;
} scene;

/* n1 leads, n2 follows, n3 is a follower that has heard nothing; an entry for each is under way. */
static void make(scene *made) {
  memset(made, 0, sizeof *made);
  for (uint32_t k = 0; k < NODES; k++) {
    made->nodes[k] = (vlot_node_status){.id = k + 1, .state = VLOT_NODE_UP, .applied_index = 4};
    made->nodes[k].raft = (vlot_raft_status){.id = k + 1,
                                             .role = VLOT_ROLE_FOLLOWER,
                                             .term = 2,
                                             .vote = 1,
                                             .leader = 1,
                                             .commit_index = 5,
                                             .last_index = 7,
                                             .last_term = 2};
    made->pending[2 + k] =
        (vlot_pending){.id = k + 1,
                       .kind = VLOT_PENDING_TIMER,
                       .node = k + 1,
                       .due = 115 + 3 * k,
                       .due_for = k == 0 ? VLOT_DUE_HEARTBEAT : VLOT_DUE_ELECTION};
  }
  made->nodes[0].raft.role = VLOT_ROLE_LEADER;
  for (uint32_t k = 0; k < 2; k++)
    made->pending[k] = (vlot_pending){.id = 20 + k,
                                      .kind = VLOT_PENDING_MESSAGE,
                                      .from = 1,
                                      .node = k + 2,
                                      .due = 100,
                                      .term = 2,
                                      .index = 6,
                                      .entries = 1,
                                      .message_kind = VLOT_MESSAGE_APPEND};
  made->view =
      (vlot__table_view){.nodes = {.now = 100, .actions = 9, .count = NODES, .rows = made->nodes},
                         .pending = {.count = 5, .rows = made->pending}};
}

static const vlot__table_style usual = {.width = 80, .pending_max = 8, .is_ascii = true};

static bool has(const vlot__text *text, const char *wanted) {
  return strstr(text->data, wanted) != NULL;
}

static size_t count_of(const vlot__text *text, const char *wanted) {
  size_t count = 0;
  for (const char *at = text->data; (at = strstr(at, wanted)) != NULL; at += strlen(wanted))
    count++;
  return count;
}

/* Columns of the longest line; colours are none. */
static unsigned widest(const vlot__text *text) {
  unsigned widest_so_far = 0, columns = 0;
  for (const char *at = text->data; *at; at++) {
    if (*at == '\033')
      at = strchr(at, 'm');
    else if (*at == '\n')
      columns = 0;
    else
      columns += ((unsigned char)*at & 0xc0) != 0x80;
    if (columns > widest_so_far) widest_so_far = columns;
  }
  return widest_so_far;
}

Test(table, eighty_columns_hold_every_column) {
  static const char *const names[] = {"node", "role",    "term",   "vote",    "leader",
                                      "last", "of term", "commit", "applied", "timer"};
  scene now;
  vlot__text text = {0};
  make(&now);
  vlot__table_nodes(&text, &now.view, NULL, &usual);
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    cr_expect(has(&text, names[k]), "no column %s in\n%s", names[k], text.data);
  cr_expect(
      has(&text, "L n1 leader            2    n1      n1     7        2       5        4     15\n"),
      "n1 is drawn as\n%s", text.data);
  vlot__text_deinit(&text);
}

Test(table, no_line_is_as_long_as_the_terminal_is_wide) {
  scene now, before;
  make(&now);
  make(&before);
  now.nodes[0].id = 1000;
  now.nodes[1].raft.term = UINT64_MAX - 1;
  now.nodes[1].raft.commit_index = UINT64_MAX;
  now.nodes[2].raft.role = VLOT_ROLE_PRE_CANDIDATE;
  now.pending[0].index = UINT64_MAX - 3;
  now.pending[0].id = UINT64_MAX;
  now.pending[2].due = UINT64_MAX - 7;
  for (unsigned width = 20; width < 200; width++)
    for (int has_glyphs = 0; has_glyphs < 2; has_glyphs++) {
      vlot__table_style style = {.width = width, .is_ascii = !has_glyphs, .has_colour = has_glyphs};
      vlot__text text = {0};
      vlot__table_nodes(&text, &now.view, &before.view, &style);
      vlot__table_pending(&text, &now.view, &before.view, &style);
      cr_expect(widest(&text) < width, "%u columns where there are %u:\n%s", widest(&text), width,
                text.data);
      cr_expect(has(&text, "n2"), "at width %u n2 is not there", width);
      vlot__text_deinit(&text);
    }
}

Test(table, what_matters_least_is_left_out_first) {
  scene now;
  vlot__text sixty = {0}, forty = {0};
  vlot__table_style style = usual;
  make(&now);
  style.width = 60;
  vlot__table_nodes(&sixty, &now.view, NULL, &style);
  cr_expect(has(&sixty, "leader  last") && has(&sixty, "commit"), "%s", sixty.data);
  cr_expect(!has(&sixty, "applied") && !has(&sixty, "of term"), "%s", sixty.data);
  style.width = 40;
  vlot__table_nodes(&forty, &now.view, NULL, &style);
  cr_expect(has(&forty, "term  vote  commit\n"), "%s", forty.data);
  vlot__text_deinit(&sixty);
  vlot__text_deinit(&forty);
}

Test(table, what_has_changed_is_marked_without_colours) {
  scene before, now;
  vlot__text text = {0};
  make(&before);
  make(&now);
  now.view.nodes.now = 103; /* time alone is no change: the timers have fewer ticks left */
  vlot__table_nodes(&text, &now.view, &before.view, &usual);
  cr_expect(!has(&text, "*"), "%s", text.data);
  vlot__text_clear(&text);
  now.nodes[1].raft.role = VLOT_ROLE_CANDIDATE;
  now.nodes[1].raft.term = 3;
  now.pending[3].due = 140;
  vlot__table_nodes(&text, &now.view, &before.view, &usual);
  cr_expect(has(&text, "candidate*"), "%s", text.data);
  cr_expect(has(&text, " 3* "), "%s", text.data);
  cr_expect(has(&text, " 37*\n"), "a timer that was set anew: %s", text.data);
  cr_expect_eq(count_of(&text, "*"), 3, "%s", text.data);
  vlot__text_deinit(&text);
}

Test(table, nothing_is_marked_the_first_time) {
  scene now;
  vlot__text text = {0};
  make(&now);
  vlot__table_nodes(&text, &now.view, NULL, &usual);
  vlot__table_pending(&text, &now.view, NULL, &usual);
  cr_expect(!has(&text, "*"), "%s", text.data);
  vlot__text_deinit(&text);
}

Test(table, colours_change_nothing_but_colours) {
  scene before, now;
  vlot__text plain = {0}, coloured = {0}, stripped = {0};
  vlot__table_style style = usual;
  make(&before);
  make(&now);
  now.nodes[2].state = VLOT_NODE_DOWN;
  vlot__table_nodes(&plain, &now.view, &before.view, &style);
  vlot__table_pending(&plain, &now.view, &before.view, &style);
  style.has_colour = true;
  vlot__table_nodes(&coloured, &now.view, &before.view, &style);
  vlot__table_pending(&coloured, &now.view, &before.view, &style);
  for (const char *at = coloured.data; *at; at++)
    if (*at == '\033')
      at = strchr(at, 'm');
    else
      vlot__text_put(&stripped, at, 1);
  cr_expect(has(&coloured, "\033["));
  cr_expect_str_eq(stripped.data, plain.data);
  vlot__text_deinit(&plain);
  vlot__text_deinit(&coloured);
  vlot__text_deinit(&stripped);
}

Test(table, of_a_node_that_is_down_only_its_disk_is_shown) {
  scene now;
  vlot__text text = {0};
  make(&now);
  now.nodes[0].state = VLOT_NODE_DOWN;
  now.pending[2].kind = VLOT_PENDING_WRITE; /* no timer */
  vlot__table_nodes(&text, &now.view, NULL, &usual);
  cr_expect(
      has(&text, "x n1 down              2    n1       -     7        2       -        -      -\n"),
      "%s", text.data);
  vlot__text_deinit(&text);
}

Test(table, without_a_glyph_every_state_has_its_letter) {
  static const struct {
    vlot_node_state state;
    vlot_role role;
    uint32_t is_learner;
    const char *ascii, *glyph;
  } rows[] = {
      {VLOT_NODE_UP, VLOT_ROLE_FOLLOWER, 0, "f n1 follower ", "● n1 follower "},
      {VLOT_NODE_UP, VLOT_ROLE_PRE_CANDIDATE, 0, "p n1 pre-candidate ", "◇ n1 pre-candidate "},
      {VLOT_NODE_UP, VLOT_ROLE_CANDIDATE, 0, "c n1 candidate ", "◆ n1 candidate "},
      {VLOT_NODE_UP, VLOT_ROLE_LEADER, 0, "L n1 leader ", "▲ n1 leader "},
      {VLOT_NODE_UP, VLOT_ROLE_FOLLOWER, 1, "l n1 learner ", "○ n1 learner "},
      {VLOT_NODE_DOWN, VLOT_ROLE_LEADER, 0, "x n1 down ", "✕ n1 down "},
      {VLOT_NODE_SUSPENDED, VLOT_ROLE_LEADER, 0, "s n1 suspended ", "‖ n1 suspended "},
      {VLOT_NODE_FENCED, VLOT_ROLE_FOLLOWER, 0, "x n1 fenced ", "✕ n1 fenced "},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    scene now;
    vlot__text ascii = {0}, glyphs = {0};
    vlot__table_style style = usual;
    make(&now);
    now.nodes[0].state = rows[k].state;
    now.nodes[0].is_learner = rows[k].is_learner;
    now.nodes[0].raft.role = rows[k].role;
    vlot__table_nodes(&ascii, &now.view, NULL, &style);
    style.is_ascii = false;
    vlot__table_nodes(&glyphs, &now.view, NULL, &style);
    cr_expect(has(&ascii, rows[k].ascii), "%s", ascii.data);
    cr_expect(has(&glyphs, rows[k].glyph), "%s", glyphs.data);
    for (size_t at = 0; at < ascii.size; at++) cr_assert((unsigned char)ascii.data[at] < 128);
    vlot__text_deinit(&ascii);
    vlot__text_deinit(&glyphs);
  }
}

Test(table, with_too_many_nodes_those_that_tell_something_are_shown) {
  enum { MANY = 30 };
  vlot_node_status nodes[MANY] = {{0}}, before_nodes[MANY];
  vlot__text text = {0};
  vlot__table_style style = usual;
  for (uint32_t k = 0; k < MANY; k++)
    nodes[k] = (vlot_node_status){.id = k + 1, .state = VLOT_NODE_UP};
  memcpy(before_nodes, nodes, sizeof nodes);
  nodes[20].raft.term = 5;
  nodes[25].raft.role = VLOT_ROLE_LEADER;
  before_nodes[25].raft.role = VLOT_ROLE_LEADER;
  vlot__table_view now = {.nodes = {.count = MANY, .rows = nodes}};
  vlot__table_view before = {.nodes = {.count = MANY, .rows = before_nodes}};
  style.nodes_max = 6;
  vlot__table_nodes(&text, &now, &before, &style);
  cr_expect_eq(count_of(&text, "\n"), 1 + 6 + 1, "%s", text.data);
  cr_expect(has(&text, " n1 ") && has(&text, " n4 ") && !has(&text, " n5 "), "%s", text.data);
  cr_expect(has(&text, " n21 ") && has(&text, "L n26 "), "%s", text.data);
  cr_expect(has(&text, "... and 24 more: nodes\n"), "%s", text.data);
  vlot__text_deinit(&text);
}

Test(table, the_next_thing_is_named_and_new_ones_are_marked) {
  scene before, now;
  vlot__text text = {0};
  make(&before);
  make(&now);
  before.view.pending.count = 1;
  vlot__table_pending(&text, &now.view, &before.view, &usual);
  cr_expect(has(&text, "next  20  AppendEntries n1 -> n2  term 2, entry 7\n"), "%s", text.data);
  cr_expect(has(&text, "      21* AppendEntries n1 -> n3  term 2, entry 7\n"), "%s", text.data);
  cr_expect(has(&text, "timer         n1        heartbeat, in 15 ticks\n"), "%s", text.data);
  cr_expect(has(&text, "timer         n2        election timeout, in 18 ticks\n"), "%s", text.data);
  vlot__text_deinit(&text);
}

Test(table, of_a_recorded_run_the_recording_says_what_is_next) {
  scene now;
  vlot__text text = {0};
  make(&now);
  now.view.pending.is_recorded = true;
  now.view.nodes.actions = 7;
  now.view.pending.actions_total = 9;
  vlot__table_pending(&text, &now.view, NULL, &usual);
  cr_expect(has(&text, "next as recorded: action 8 of 9\n"), "%s", text.data);
  cr_expect_eq(count_of(&text, "next"), 1, "%s", text.data);
  vlot__text_clear(&text);
  now.view.nodes.actions = 9;
  now.view.pending.count = 0;
  vlot__table_pending(&text, &now.view, NULL, &usual);
  cr_expect_str_eq(text.data, "the recording ends here\n");
  vlot__text_clear(&text);
  now.view.pending.is_cut = true;
  vlot__table_pending(&text, &now.view, NULL, &usual);
  cr_expect_str_eq(text.data, "the journal is whole up to here\n");
  vlot__text_deinit(&text);
}

Test(table, what_is_held_is_never_next) {
  scene now;
  vlot__text text = {0};
  make(&now);
  for (size_t k = 0; k < now.view.pending.count; k++) now.pending[k].is_held = 1;
  vlot__table_pending(&text, &now.view, NULL, &usual);
  cr_expect(!has(&text, "next"), "%s", text.data);
  cr_expect_eq(count_of(&text, "held"), 5, "%s", text.data);
  vlot__text_deinit(&text);
}

Test(table, a_long_list_says_how_much_is_not_shown) {
  scene now;
  vlot__text text = {0};
  vlot__table_style style = usual;
  make(&now);
  style.pending_max = 2;
  vlot__table_pending(&text, &now.view, NULL, &style);
  cr_expect(has(&text, "... and 3 more: net, timers\n"), "%s", text.data);
  vlot__text_clear(&text);
  now.view.pending.count = 0;
  vlot__table_pending(&text, &now.view, NULL, &style);
  cr_expect_str_eq(text.data, "nothing is pending\n");
  vlot__text_deinit(&text);
}

Test(table, every_kind_of_message_says_what_is_in_it) {
  static const struct {
    vlot_pending pending;
    const char *text;
  } rows[] = {
      {{.kind = VLOT_PENDING_MESSAGE, .message_kind = VLOT_MESSAGE_VOTE, .index = 4},
       "RequestVote   n1 -> n2  term 2, its log ends at 4\n"},
      {{.kind = VLOT_PENDING_MESSAGE,
        .message_kind = VLOT_MESSAGE_VOTE,
        .index = 4,
        .message_flags = VLOT_MESSAGE_FORCED},
       "RequestVote   n1 -> n2  term 2, its log ends at 4, forced\n"},
      {{.kind = VLOT_PENDING_MESSAGE, .message_kind = VLOT_MESSAGE_PRE_VOTE_REPLY},
       "PreVoteReply  n1 -> n2  term 2, refused\n"},
      {{.kind = VLOT_PENDING_MESSAGE,
        .message_kind = VLOT_MESSAGE_VOTE_REPLY,
        .message_flags = VLOT_MESSAGE_OK},
       "VoteReply     n1 -> n2  term 2, granted\n"},
      {{.kind = VLOT_PENDING_MESSAGE, .message_kind = VLOT_MESSAGE_APPEND, .index = 4},
       "AppendEntries n1 -> n2  term 2, no entries after 4\n"},
      {{.kind = VLOT_PENDING_MESSAGE,
        .message_kind = VLOT_MESSAGE_APPEND,
        .index = 4,
        .entries = 2},
       "AppendEntries n1 -> n2  term 2, entries 5 to 6\n"},
      {{.kind = VLOT_PENDING_MESSAGE,
        .message_kind = VLOT_MESSAGE_APPEND_REPLY,
        .index = 4,
        .message_flags = VLOT_MESSAGE_OK},
       "AppendReply   n1 -> n2  term 2, agrees up to 4\n"},
      {{.kind = VLOT_PENDING_MESSAGE, .message_kind = VLOT_MESSAGE_APPEND_REPLY, .index = 4},
       "AppendReply   n1 -> n2  term 2, does not agree, try 4\n"},
      {{.kind = VLOT_PENDING_MESSAGE, .mail = {.kind = VLOT_MAIL_FORWARD, .client = 3, .count = 1}},
       "forward       n1 -> n2  a forwarded command of client 3\n"},
      {{.kind = VLOT_PENDING_MESSAGE,
        .mail = {.kind = VLOT_MAIL_FORWARD, .client = 3, .count = 4, .reads = 1}},
       "forward       n1 -> n2  4 forwarded operations of client 3\n"},
      {{.kind = VLOT_PENDING_CLIENT,
        .mail = {.kind = VLOT_MAIL_COMMANDS, .client = 3, .count = 2, .has_others = 1}},
       "client        n2        2 commands of client 3 and others\n"},
      {{.kind = VLOT_PENDING_MESSAGE, .mail = {.kind = VLOT_MAIL_WORD}},
       "forward       n1 -> n2  the word that what was forwarded has come\n"},
      {{.kind = VLOT_PENDING_CLIENT, .mail = {.kind = VLOT_MAIL_ORDER}},
       "client        n2        an order\n"},
      {{.kind = VLOT_PENDING_WRITE}, "write         n2        its disk\n"},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    vlot_pending pending = rows[k].pending;
    vlot__text text = {0};
    pending.id = 9;
    pending.from = 1;
    pending.node = 2;
    pending.term = 2;
    vlot__table_view view = {.pending = {.count = 1, .rows = &pending}};
    vlot__table_pending(&text, &view, NULL, &usual);
    cr_expect(has(&text, rows[k].text), "%s is not in %s", rows[k].text, text.data);
    vlot__text_deinit(&text);
  }
}

Test(table, a_cluster_is_looked_at_as_it_is) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot__table_view view;
  vlot_cluster_options_init(&options);
  options.driver = VLOT_DRIVER_LOCKSTEP;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert(vlot__table_look(&view, cluster));
  cr_expect_eq(view.nodes.count, 3);
  cr_expect_eq(view.pending.count, 3);
  cr_expect_eq(view.nodes.rows[2].id, 3);
  cr_expect_eq(view.pending.rows[0].kind, VLOT_PENDING_TIMER);
  vlot__table_deinit(&view);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}
