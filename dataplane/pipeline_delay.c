/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers that wait before they leave, as rules say; over TCP none does. */
#include "dataplane/held.h"
#include "dataplane/pipeline_parts.h"

#define EDE_SIZE 6u /* of the option, without its text */

static struct rte_mbuf *buffer_take(const struct worker *worker, uint16_t length)
{
	const struct dataplane *dataplane = worker->dataplane;
	const uint32_t room = length + (uint32_t)RTE_PKTMBUF_HEADROOM;
	struct rte_mbuf *mbuf = NULL;
	if (unlikely(held_count(worker->held) >= dataplane->held_max || room > PACKET_DATA_SIZE))
		return NULL;
	if (room <= PARKING_SMALL)
		mbuf = rte_pktmbuf_alloc(dataplane->held_small);
	return mbuf != NULL ? mbuf : rte_pktmbuf_alloc(dataplane->held_large);
}

/* With the extended errors that go into it when it leaves. */
static uint16_t room_of(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	uint32_t length = packet->dns_length;
	struct note_cursor cursor = notes_open(packet->query.notes);
	struct note note;
	while (note_next_of(&cursor, NOTE_EDE, &note))
		length += EDE_SIZE + note.value_length;
	length = RTE_MIN(length, PACKET_DATA_SIZE - (uint32_t)RTE_PKTMBUF_HEADROOM);
	return (uint16_t)RTE_MAX(length, packet->dns_length);
}

bool pipeline_delay(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct query_state *query = &packet_of(mbuf)->query;
	uint32_t ms = delay_take(&query->notes);
	if (likely(ms == 0) || (query->flags & QUERY_TCP) != 0)
		return false;
	struct rte_mbuf *kept = buffer_take(worker, room_of(mbuf));
	if (unlikely(kept == NULL)) {
		count(worker, STATS_DELAY_FULL);
		return false;
	}
	packet_of(mbuf)->keyed = false;
	packet_move(kept, mbuf);
	/* The wait is no latency of ours: from here on it is what has passed since the arrival. */
	query = &packet_of(kept)->query;
	query->arrival = worker->now - query->arrival;
	held_add(worker->held, kept, ms, worker->now_ms);
	count(worker, STATS_DELAYED);
	return true;
}

static void release(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct query_state *query = &packet_of(mbuf)->query;
	query->arrival = worker->now - query->arrival;
	pipeline_client_send(worker, mbuf);
}

unsigned pipeline_delayed(struct worker *worker)
{
	unsigned n = 0;
	struct rte_mbuf *mbuf;
	while (n < WORKER_BURST && (mbuf = held_take(worker->held, worker->now_ms)) != NULL) {
		release(worker, mbuf);
		n++;
	}
	return n;
}

void pipeline_delayed_end(struct worker *worker)
{
	struct rte_mbuf *mbuf;
	while ((mbuf = held_any(worker->held)) != NULL)
		release(worker, mbuf);
	for (unsigned port = 0; port < worker->dataplane->n_ports; port++)
		pipeline_transmit(worker, port);
}
