/* A token goes round a ring of five actors: threads, mailboxes and a call, without Raft. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/actor.h"

enum { ACTORS = 5, LAPS = 1000 };
enum { ASK = 1, TOKEN = 2 };

struct station {
  uint64_t seen;   /* how often the token came by */
  vlot_mail asker; /* of station 1: who waits for the laps to end */
};

static void pass_on(vlot_actor *self, uint64_t hops) {
  vlot_address next = {.id = vlot_actor_address(self).id % ACTORS + 1, .incarnation = 1};
  vlot_actor_system *system = vlot_actor_get_system(self);
  if (vlot_actor_send_to(system, self, next, VLOT_LANE_DATA, TOKEN, hops + 1, NULL, 0) != VLOT_OK)
    vlot_actor_exit(self, VLOT_WHY_DROPPED, 1);
}

static void turn(vlot_actor *self, void *context, vlot_turn *mails) {
  struct station *station = context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(mails))) {
    if (mail->kind == ASK) {
      station->asker = *mail;
      pass_on(self, 0);
    } else if (++station->seen < LAPS || station->asker.kind != ASK) {
      pass_on(self, mail->stamp);
    } else {
      uint64_t hops = mail->stamp;
      vlot_actor_reply(self, &station->asker, ASK, &hops, sizeof hops);
    }
  }
}

static vlot_result run(vlot_actor_system *system, struct station stations[ACTORS]) {
  vlot_actor *first = NULL;
  for (uint32_t i = 0; i < ACTORS; i++) {
    vlot_actor_options options;
    vlot_actor_options_init(&options);
    options.id = i + 1;
    options.behaviour.turn = turn;
    options.context = &stations[i];
    vlot_result result = vlot_actor_spawn(system, &options, i == 0 ? &first : NULL);
    if (result != VLOT_OK) return result;
  }
  vlot_bytes *answer = NULL;
  vlot_result result = vlot_actor_call(first, ASK, NULL, 0, UINT64_C(60000000000), &answer);
  if (result == VLOT_OK) {
    uint64_t hops;
    memcpy(&hops, vlot_bytes_data(answer), sizeof hops);
    printf("the token made %d laps of %d actors in %" PRIu64 " hops\n", LAPS, ACTORS, hops);
  }
  vlot_bytes_release(answer);
  vlot_actor_release(first);
  return result;
}

int main(void) {
  struct station stations[ACTORS] = {0};
  vlot_actor_system *system;
  vlot_result result = vlot_actor_system_open(NULL, &system);
  if (result == VLOT_OK) result = run(system, stations);
  if (result == VLOT_OK) result = vlot_actor_system_check(system);
  vlot_actor_system_close(system);
  if (result != VLOT_OK) fprintf(stderr, "ring: %s\n", vlot_result_text(result));
  return result == VLOT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
