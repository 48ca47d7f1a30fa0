/* What a debugger shows of an actor and the mail that waits for it: see base/describe.h.
 *
 * Mail stands in the chunks of two lanes, control before data. What the actor has in its hand comes
 * first, from hand_at on in the first chunk. A record is a struct vlot_mail, then its payload,
 * padded to mail.alignment.
 */
#include "base/describe.h"
#include "actor/actor.h"

const vlot__described vlot_described_actor[] VLOT__DESCRIBED = {
    VLOT__VERSION,

    VLOT__STRUCT(actor, struct vlot_actor),
    VLOT__TEXT(actor.name, struct vlot_actor, name),
    VLOT__BYTES(actor.thread, struct vlot_actor, thread),
    VLOT__BYTES(actor.runner, struct vlot_actor, runner), /* of the turn, where right is running */
    VLOT__NUMBER(actor.right, struct vlot_actor, right),
    VLOT__CONSTANT(actor.running, VLOT__RUNNING),
    VLOT__ADDRESS(actor.context, struct vlot_actor, context),
    VLOT__ARRAY(actor.lanes, struct vlot_actor, box.lanes, lane, struct vlot__mail_lane),
    VLOT__NUMBER(actor.taken, struct vlot_actor, box.taken),
    VLOT__ARRAY(actor.hand_lanes, struct vlot_actor, hand.lanes, chunks, struct vlot__chunks),
    VLOT__ARRAY(actor.hand_at, struct vlot_actor, hand.at, , uint32_t),
    VLOT__NUMBER(actor.processed, struct vlot_actor, hand.processed),

    VLOT__STRUCT(lane, struct vlot__mail_lane),
    VLOT__NUMBER(lane.queued, struct vlot__mail_lane, queued),
    VLOT__EMBEDDED(lane.chunks, struct vlot__mail_lane, chunks, chunks, struct vlot__chunks),

    VLOT__STRUCT(chunks, struct vlot__chunks),
    VLOT__POINTER(chunks.first, struct vlot__chunks, first, chunk, struct vlot__chunk),

    VLOT__STRUCT(chunk, struct vlot__chunk),
    VLOT__POINTER(chunk.next, struct vlot__chunk, next, chunk, struct vlot__chunk),
    VLOT__NUMBER(chunk.used, struct vlot__chunk, used),
    VLOT__CONSTANT(chunk.header, sizeof(struct vlot__chunk)),
    VLOT__CONSTANT(mail.header, sizeof(struct vlot_mail)),
    VLOT__CONSTANT(mail.alignment, 8), /* vlot__mail_bytes() */

    VLOT__END,
};
