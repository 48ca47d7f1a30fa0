/* A script driven through a client: many commands in flight, one per key, so that each key's
 * commands keep their order whatever happens to leaders. A command that was certainly not committed
 * is submitted again. One in doubt is followed by a get through the log, which shows whether it
 * took effect. Every answer is compared with a model of its key.
 * Of a machine of one's own nothing is known: what is in doubt stays so, and is not repeated.
 */
#ifndef VLOT_LAB_LOAD_H
#define VLOT_LAB_LOAD_H

#include "expect.h"
#include "flights.h"
#include "record.h"
#include "script.h"

typedef struct vlot__load_options {
  vlot_cluster *cluster;
  const vlot__script *script;
  const vlot_plugin *plugin; /* whose words the script has; NULL: the key-value machine's */
  vlot__recording *record;
  uint32_t inflight_max;
  uint64_t stuck_ticks;   /* so long without an acknowledgement: give up */
  uint64_t timeout_ticks; /* of an attempt; 0: the client's default */
  /* threads: whoever waits for a leader looks so often at who is fenced; 0: not */
  uint64_t await_ticks;
  /* called all the time, also while answers are awaited; NULL: not */
  void (*look)(void *context);
  void *context;
} vlot__load_options;

typedef struct vlot__load_item { /* one of the script's commands */
  uint32_t operation;            /* of the record */
  /* what is in flight is the get that asks what became of it */
  bool is_probing;
} vlot__load_item;

typedef struct vlot__load {
  vlot__load_options options;
  vlot_client *client;
  /* [key_count] what each must hold: the last acknowledged command's */
  vlot__expect *keys;
  vlot__load_item *items; /* [count] */
  /* [key_count] operations of reading back in the history; 0: none yet */
  uint32_t *reads;
  uint32_t *ready; /* ring [ready_size] of commands that may be submitted */
  uint32_t ready_size;
  uint32_t ready_head;
  uint32_t ready_count;
  vlot__flights flights;
  bool wants_leader; /* somebody was refused: wait for a leader first */
  /* commands that are finished: acknowledged, or seen to have taken effect */
  uint64_t done;
  uint64_t refused;       /* submitted again, certainly not committed before */
  uint64_t in_doubt;      /* outcome unknown, read before anything else */
  uint64_t repeated;      /* in doubt, had not taken effect, submitted again */
  uint64_t wrong;         /* answers that contradict the model */
  char wrong_text[256];   /* the first of them */
  uint64_t progress_tick; /* of the last acknowledgement */
  uint64_t last_term;     /* in which the last acknowledged command was committed */
  uint32_t last_node;     /* that answered it */
  /* first answer that was none, since the last acknowledgement; VLOT_NEVER */
  uint64_t trouble_tick;
} vlot__load;

typedef enum vlot__load_state {
  VLOT__LOAD_GOING = 0,
  VLOT__LOAD_DONE,
  VLOT__LOAD_STUCK,
  VLOT__LOAD_NO_MEMORY, /* a quorum is fenced for want of memory */
  VLOT__LOAD_FAILED,    /* told on stderr */
} vlot__load_state;

bool vlot__load_open(vlot__load *load, const vlot__load_options *options);
void vlot__load_close(vlot__load *load);

/* Put commands in flight, as many as may be. */
bool vlot__load_fill(vlot__load *load);

/* Wait for some answers and take them. */
vlot__load_state vlot__load_turn(vlot__load *load);

/* Wait for a leader, at most so many ticks that `look` did not use up. */
vlot_result vlot__load_await_leader(vlot__load *load, uint64_t timeout_ticks, uint32_t *leader);

/* Read every key back, linearizably, and compare. *lost counts those that do not hold what they
 * must. */
vlot__load_state vlot__load_verify(vlot__load *load, uint64_t *verified, uint64_t *lost);

#endif
