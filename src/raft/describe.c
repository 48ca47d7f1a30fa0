/* What a debugger shows of a core: see base/describe.h. */
#include "base/describe.h"
#include "raft/core.h"
#include "raft/receipt.h"
#include "raft/sending.h"

const vlot__described vlot_described_raft[] VLOT__DESCRIBED = {
    VLOT__VERSION,

    VLOT__STRUCT(raft, struct vlot_raft),
    VLOT__NUMBER(raft.id, struct vlot_raft, id),
    VLOT__NUMBER(raft.term, struct vlot_raft, hard.term),
    VLOT__NUMBER(raft.vote, struct vlot_raft, hard.vote),
    VLOT__NUMBER(raft.role, struct vlot_raft, role),
    VLOT__NUMBER(raft.leader, struct vlot_raft, leader),
    VLOT__EMBEDDED(raft.log, struct vlot_raft, log, log, struct vlot_log),
    VLOT__POINTER(raft.snapshot, struct vlot_raft, snapshot, snapshot, struct vlot_snapshot),
    VLOT__POINTER(raft.receipt, struct vlot_raft, receipt, receipt, struct vlot__receipt),
    VLOT__NUMBER(raft.durable, struct vlot_raft, durable_index),
    VLOT__NUMBER(raft.commit, struct vlot_raft, commit_index),
    VLOT__NUMBER(raft.election_ticks, struct vlot_raft, election_ticks),
    VLOT__NUMBER(raft.election_elapsed, struct vlot_raft, election_elapsed),
    VLOT__NUMBER(raft.next_due, struct vlot_raft, output.next_due),
    VLOT__NUMBER(raft.writes, struct vlot_raft, writes.count),
    VLOT__NUMBER(raft.held, struct vlot_raft, held.count),
    VLOT__NUMBER(raft.switches, struct vlot_raft, switches),
    VLOT__NUMBER(raft.is_fenced, struct vlot_raft, is_fenced),
    VLOT__NUMBER(raft.fenced_why, struct vlot_raft, fenced_why),
    VLOT__NUMBER(raft.peer_count, struct vlot_raft, peer_count),
    VLOT__ARRAY_AT(raft.peers, struct vlot_raft, peers, peer, struct vlot__peer, peer_count),

    VLOT__NUMBER(raft.config_count, struct vlot_raft, configs.count),
    VLOT__ARRAY_AT(raft.configs, struct vlot_raft, configs.places, config_place,
                   struct vlot__config_place, config_count),

    VLOT__STRUCT(config_place, struct vlot__config_place),
    VLOT__NUMBER(config_place.index, struct vlot__config_place, index),
    VLOT__POINTER(config_place.configuration, struct vlot__config_place, configuration,
                  configuration, struct vlot_configuration),
    VLOT__STRUCT(configuration, struct vlot_configuration),
    VLOT__NUMBER(configuration.voters, struct vlot_configuration, voters[0]),

    VLOT__STRUCT(peer, struct vlot__peer),
    VLOT__NUMBER(peer.id, struct vlot__peer, id),
    VLOT__NUMBER(peer.vote, struct vlot__peer, vote),
    VLOT__NUMBER(peer.state, struct vlot__peer, state),
    VLOT__NUMBER(peer.match, struct vlot__peer, match_index),
    VLOT__NUMBER(peer.next, struct vlot__peer, next_index),
    VLOT__NUMBER(peer.inflight, struct vlot__peer, inflight.count),
    VLOT__NUMBER(peer.is_active, struct vlot__peer, is_active),
    VLOT__POINTER(peer.sending, struct vlot__peer, sending, sending, struct vlot__sending),

    VLOT__STRUCT(sending, struct vlot__sending),
    VLOT__POINTER(sending.snapshot, struct vlot__sending, snapshot, snapshot, struct vlot_snapshot),
    VLOT__NUMBER(sending.acked, struct vlot__sending, acked),
    VLOT__NUMBER(sending.next, struct vlot__sending, next),

    VLOT__STRUCT(receipt, struct vlot__receipt),
    VLOT__NUMBER(receipt.stage, struct vlot__receipt, stage),
    VLOT__POINTER(receipt.snapshot, struct vlot__receipt, snapshot, snapshot, struct vlot_snapshot),
    VLOT__NUMBER(receipt.leader, struct vlot__receipt, from),
    VLOT__NUMBER(receipt.piece_count, struct vlot__receipt, piece_count),
    VLOT__NUMBER(receipt.first_from, struct vlot__receipt, pieces[0].from),
    VLOT__NUMBER(receipt.first_to, struct vlot__receipt, pieces[0].to),
    VLOT__CONSTANT(receipt_stage.receiving, VLOT__RECEIPT_RECEIVING),
    VLOT__CONSTANT(receipt_stage.restoring, VLOT__RECEIPT_RESTORING),
    VLOT__CONSTANT(receipt_stage.writing, VLOT__RECEIPT_WRITING),
    VLOT__CONSTANT(vote.granted, VLOT__VOTE_GRANTED),
    VLOT__CONSTANT(vote.refused, VLOT__VOTE_REFUSED),

    VLOT__STRUCT(log, struct vlot_log),
    VLOT__NUMBER(log.base, struct vlot_log, base_index),
    VLOT__NUMBER(log.last, struct vlot_log, last_index),
    VLOT__NUMBER(log.last_term, struct vlot_log, last_term),
    VLOT__NUMBER(log.slice_first, struct vlot_log, slice_first),
    VLOT__NUMBER(log.slice_end, struct vlot_log, slice_end),
    VLOT__SEGMENTS_AT(log.slices, struct vlot_log, segments, struct vlot_slice, struct vlot_slice,
                      slice_end, VLOT_LOG_SEGMENT),

/* The names of messages, as vlot_message_kind_name() says them. */
#define VLOT_X(row, number, text, body, rules) \
  {.name = "message." text, .kind = VLOT__IS_CONSTANT, .value = (number)},
    VLOT_MESSAGES(VLOT_X)
#undef VLOT_X
/* What timers are for, as vlot_due_text() says it. */
#define VLOT_X(row, number, text) \
  {.name = "due." text, .kind = VLOT__IS_CONSTANT, .value = (number)},
        VLOT_DUES(VLOT_X)
#undef VLOT_X

            VLOT__END,
};
