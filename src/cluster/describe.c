/* What a debugger shows of a cluster, and where it writes its requests: see base/describe.h. What
 * clock.c and client.c keep to themselves they describe themselves.
 */
#include "base/describe.h"
#include "cluster/driver.h"
#include "cluster/event_inside.h"
#include "cluster/image.h"
#include "cluster/mail.h"
#include "cluster/node_inside.h"
#include "cluster/object.h"

const vlot__described vlot_described_cluster[] VLOT__DESCRIBED = {
    VLOT__VERSION,

    VLOT__STRUCT(cluster, struct vlot_cluster),
    VLOT__NUMBER(cluster.mark, struct vlot_cluster, mark),
    VLOT__CONSTANT(mark.open, VLOT__MARK_OPEN),
    VLOT__CONSTANT(mark.closed, VLOT__MARK_CLOSED),
    VLOT__EMBEDDED(cluster.options, struct vlot_cluster, options, struct vlot_cluster_options,
                   struct vlot_cluster_options),
    VLOT__NUMBER(cluster.member_count, struct vlot_cluster, bootstrap_count),
    VLOT__ARRAY_AT(cluster.members, struct vlot_cluster, bootstrap, struct vlot_member,
                   struct vlot_member, member_count),
    VLOT__POINTER(cluster.met, struct vlot_cluster, seats, seats, struct vlot__seats),
    VLOT__NUMBER(cluster.now, struct vlot_cluster, now),
    VLOT__NUMBER(cluster.action, struct vlot_cluster, action),
    VLOT__NUMBER(cluster.idle_action, struct vlot_cluster, lockstep.idle_action),
    VLOT__NUMBER(cluster.idle_from, struct vlot_cluster, lockstep.idle_from),
    VLOT__POINTER(cluster.driver, struct vlot_cluster, driver, driver, struct vlot__driver),
    VLOT__NUMBER(cluster.is_inline, struct vlot_cluster, lockstep.is_inline),
    VLOT__ADDRESS(cluster.replay, struct vlot_cluster, replay),
    VLOT__POINTER(cluster.clock, struct vlot_cluster, clock, clock, struct vlot__clock),
    /* observation */
    VLOT__NUMBER(cluster.ring_events, struct vlot_cluster, options.ring_events),
    VLOT__RING_AT(cluster.events, struct vlot_cluster, events, struct vlot_event, struct vlot_event,
                  ring_events),
    VLOT__EMBEDDED(cluster.rare, struct vlot_cluster, rare, rare, struct vlot__rare),
    VLOT__NUMBER(cluster.sequence, struct vlot_cluster, sequence),
    VLOT__NUMBER(cluster.hash, struct vlot_cluster, observer.hash),
    VLOT__ADDRESS(cluster.checker, struct vlot_cluster, observer.checker),
    VLOT__NUMBER(cluster.has_violation, struct vlot_cluster, observer.has_violation),
    VLOT__TEXT(cluster.violation, struct vlot_cluster, observer.violation),
    /* what is under way, in lockstep */
    VLOT__POINTERS_AT(cluster.pending, struct vlot_cluster, lockstep.heap.items, item,
                      struct vlot__item, pending_count),
    VLOT__NUMBER(cluster.pending_count, struct vlot_cluster, lockstep.heap.count),
    VLOT__POINTERS_AT(cluster.held, struct vlot_cluster, lockstep.held, item, struct vlot__item,
                      held_count),
    VLOT__NUMBER(cluster.held_count, struct vlot_cluster, lockstep.held_count),
    VLOT__EMBEDDED(cluster.requests, struct vlot_cluster, requests, requests,
                   struct vlot__requests),
    VLOT__STRUCT(seats, struct vlot__seats),
    VLOT__NUMBER(seats.count, struct vlot__seats, count),
    VLOT__POINTERS_AT(seats.all, struct vlot__seats, seats, seat, struct vlot__seat, count),

    VLOT__STRUCT(link, struct vlot__link),
    VLOT__NUMBER(link.to, struct vlot__link, to),
    VLOT__NUMBER(link.is_faulty, struct vlot__link, is_faulty),
    VLOT__EMBEDDED(link.profile, struct vlot__link, profile, struct vlot_link, struct vlot_link),

    VLOT__STRUCT(driver, struct vlot__driver),
    VLOT__NUMBER(driver.is_stepped, struct vlot__driver, is_stepped),

    VLOT__STRUCT(item, struct vlot__item),
    VLOT__NUMBER(item.due, struct vlot__item, due),
    VLOT__NUMBER(item.tie, struct vlot__item, tie),
    VLOT__NUMBER(item.id, struct vlot__item, id),
    VLOT__NUMBER(item.kind, struct vlot__item, kind),
    VLOT__NUMBER(item.node, struct vlot__item, node),
    VLOT__NUMBER(item.sender, struct vlot__item, from),
    VLOT__NUMBER(item.mail_kind, struct vlot__item, mail_kind),
    VLOT__NUMBER(item.is_held, struct vlot__item, is_held),
    VLOT__PLACE(item.payload, struct vlot__item, payload),

    VLOT__STRUCT(requests, struct vlot__requests),
    VLOT__NUMBER(requests.asked, struct vlot__requests, asked),
    VLOT__NUMBER(requests.done, struct vlot__requests, done),
    VLOT__NUMBER(requests.is_armed, struct vlot__requests, is_armed),
    VLOT__NUMBER(requests.steps, struct vlot__requests, steps),
    VLOT__NUMBER(requests.stop_action, struct vlot__requests, stop_action),
    VLOT__NUMBER(requests.stop_before, struct vlot__requests, stop_before),
    VLOT__RING(requests.ring, struct vlot__requests, ring, request, struct vlot__request),

    VLOT__STRUCT(request, struct vlot__request),
    VLOT__NUMBER(request.kind, struct vlot__request, kind),
    VLOT__NUMBER(request.node, struct vlot__request, node),
    VLOT__NUMBER(request.id, struct vlot__request, id),
    VLOT__NUMBER(request.value, struct vlot__request, value),
    VLOT__NUMBER(request.id_count, struct vlot__request, id_count),
    VLOT__BYTES(request.ids, struct vlot__request, ids),
    VLOT__NUMBER(request.action, struct vlot__request, action),
    VLOT__NUMBER(request.tick, struct vlot__request, tick),
    VLOT__NUMBER(request.result, struct vlot__request, result),

    VLOT__STRUCT(seat, struct vlot__seat),
    VLOT__NUMBER(seat.link_count, struct vlot__seat, link_count),
    VLOT__ARRAY_AT(seat.links, struct vlot__seat, links, link, struct vlot__link, link_count),
    VLOT__POINTER(seat.cluster, struct vlot__seat, cluster, cluster, struct vlot_cluster),
    VLOT__NUMBER(seat.id, struct vlot__seat, id),
    VLOT__NUMBER(seat.incarnation, struct vlot__seat, incarnation),
    VLOT__POINTER(seat.node, struct vlot__seat, node, node, struct vlot__node),
    VLOT__NUMBER(seat.state, struct vlot__seat, state),
    VLOT__NUMBER(seat.disk_id, struct vlot__seat, disk_id),
    VLOT__ADDRESS(seat.disk, struct vlot__seat, disk),
    VLOT__NUMBER(seat.clock_permille, struct vlot__seat, clock_permille),
    VLOT__NUMBER(seat.due, struct vlot__seat, due), /* as its last turn left it */
    VLOT__NUMBER(seat.last_term, struct vlot__seat, status.raft.term),
    VLOT__NUMBER(seat.is_voter, struct vlot__seat, status.raft.is_voter),
    VLOT__NUMBER(seat.has_foreign_disk, struct vlot__seat, status.raft.has_foreign_disk),
    VLOT__RING_AT(seat.events, struct vlot__seat, events, struct vlot_event, struct vlot_event,
                  cluster.ring_events),
    VLOT__EMBEDDED(seat.rare, struct vlot__seat, rare, rare, struct vlot__rare),
    VLOT__NUMBER(seat.sequence, struct vlot__seat, sequence),
    VLOT__NUMBER(seat.sent, struct vlot__seat, traffic.sent),
    VLOT__NUMBER(seat.delivered, struct vlot__seat, traffic.delivered),
    VLOT__NUMBER(seat.dropped, struct vlot__seat, traffic.dropped),
    VLOT__NUMBER(seat.parked, struct vlot__seat, parked_mail.count),
    VLOT__POINTER(seat.actor, struct vlot__seat, actor, actor, struct vlot_actor),

    VLOT__STRUCT(rare, struct vlot__rare),
    VLOT__RING_AT(rare.events, struct vlot__rare, events, struct vlot_event, struct vlot_event,
                  capacity),
    VLOT__NUMBER(rare.capacity, struct vlot__rare, capacity),
    VLOT__NUMBER(rare.count, struct vlot__rare, count),

    VLOT__STRUCT(node, struct vlot__node),
    VLOT__POINTER(node.cluster, struct vlot__node, cluster, cluster, struct vlot_cluster),
    VLOT__POINTER(node.seat, struct vlot__node, seat, seat, struct vlot__seat),
    VLOT__POINTER(node.raft, struct vlot__node, raft, raft, struct vlot_raft),
    VLOT__NUMBER(node.is_fenced, struct vlot__node, is_fenced),
    VLOT__NUMBER(node.fenced_why, struct vlot__node, fenced_why),
    VLOT__NUMBER(node.applied, struct vlot__node, applied_index),
    VLOT__NUMBER(node.waiters, struct vlot__node, waiters.count),
    VLOT__NUMBER(node.waiting_reads, struct vlot__node, waiting_reads.count),
    VLOT__NUMBER(node.turns, struct vlot__node, turns),
    VLOT__NUMBER(node.next_timer, struct vlot__node, next_timer),
    VLOT__NUMBER(node.forward_due, struct vlot__node, forwarding.due),
    VLOT__POINTER(node.image, struct vlot__node, snapshots.image, image, struct vlot__image),

    VLOT__STRUCT(image, struct vlot__image),
    VLOT__NUMBER(image.index, struct vlot__image, head.index),

    VLOT__CONSTANT(due_number.forward, VLOT_DUE_FORWARD),

    /* mail */
    VLOT__CONSTANT(mail_kind.tick, VLOT__MAIL_TICK),
    VLOT__CONSTANT(mail_kind.message, VLOT__MAIL_MESSAGE),
    VLOT__CONSTANT(mail_kind.propose, VLOT__MAIL_PROPOSE),
    VLOT__CONSTANT(mail_kind.read, VLOT__MAIL_READ),
    VLOT__CONSTANT(mail_kind.order, VLOT__MAIL_ORDER),
    VLOT__CONSTANT(node_order.snapshot, VLOT_ORDER_SNAPSHOT),
    VLOT__CONSTANT(node_order.compact, VLOT_ORDER_COMPACT),
    VLOT__CONSTANT(mail_kind.stored, VLOT__MAIL_STORED),
    VLOT__CONSTANT(mail_kind.written, VLOT__MAIL_WRITTEN),
    VLOT__CONSTANT(mail_kind.forward, VLOT__MAIL_FORWARD),
    VLOT__STRUCT(mail_head, struct vlot__mail_head),
    VLOT__NUMBER(mail_head.id, struct vlot__mail_head, id),
    VLOT__STRUCT(mail_message, struct vlot__mail_message),
    VLOT__EMBEDDED(mail_message.message, struct vlot__mail_message, message, struct vlot_message,
                   struct vlot_message),
    VLOT__STRUCT(mail_propose, struct vlot__mail_propose),
    VLOT__NUMBER(mail_propose.client, struct vlot__mail_propose, client),
    VLOT__NUMBER(mail_propose.sequence, struct vlot__mail_propose, sequence),
    VLOT__NUMBER(mail_propose.count, struct vlot__mail_propose, count),
    VLOT__STRUCT(mail_read, struct vlot__mail_read),
    VLOT__NUMBER(mail_read.client, struct vlot__mail_read, client),
    VLOT__STRUCT(mail_forward, struct vlot__mail_forward),
    VLOT__NUMBER(mail_forward.is_answer, struct vlot__mail_forward, is_answer),
    VLOT__NUMBER(mail_forward.number, struct vlot__mail_forward, number),
    VLOT__NUMBER(mail_forward.term, struct vlot__mail_forward, term),
    VLOT__STRUCT(mail_order, struct vlot__mail_order),
    VLOT__NUMBER(mail_order.kind, struct vlot__mail_order, kind),

    VLOT__END,
};

/* The library's own words, for sentences (tools/gdb/vlot_gdb/sentences.py). */
const vlot__described_text vlot_described_texts[] VLOT__DESCRIBED = {
#define VLOT_X(name, number, text) {"why", number, text},
    VLOT_WHYS(VLOT_X)
#undef VLOT_X
#define VLOT_X(name, number, text, advice) {"result", number, text},
        VLOT_RESULTS(VLOT_X)
#undef VLOT_X
#define VLOT_X(number, text) {"broken", number, text},
            VLOT__BROKEN(VLOT_X)
#undef VLOT_X
                {"", 0, ""},
};
