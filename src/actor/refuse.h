/* Refusals that several calls have in common. Each returns its result. */
#ifndef VLOT_ACTOR_REFUSE_H
#define VLOT_ACTOR_REFUSE_H

#include "base/problem.h"
#include "vlot/actor.h"

vlot_result vlot__refuse_kind(uint32_t kind);                        /* INVALID: reserved */
vlot_result vlot__refuse_payload(uint64_t size);                     /* INVALID: it is NULL */
vlot_result vlot__refuse_mail_size(uint64_t size, uint64_t allowed); /* TOO_LARGE */
vlot_result vlot__refuse_place(vlot_place place, uint32_t core);     /* INVALID */
vlot_result vlot__refuse_forked(void);                               /* UNSUPPORTED */
vlot_result vlot__refuse_inside(void);                               /* DEADLOCK */
vlot_result vlot__refuse_fenced(void);                               /* FENCED: whoever calls */

#endif
