/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/query_log.h"

#include <string.h>

#include "dataplane/dns/message.h"
#include "dataplane/packet.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/chain.h"
#include "dataplane/rules/matched.h"
#include "dataplane/stats.h"

/* Room for one more record, or NULL; query_log_push() makes it one of the ring. */
static struct query_record *record_new(struct query_log_ring *ring)
{
	if (ring->head - ring->tail_seen == QUERY_LOG_RECORDS) {
		ring->tail_seen = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
		if (ring->head - ring->tail_seen == QUERY_LOG_RECORDS)
			return NULL;
	}
	return &ring->records[ring->head % QUERY_LOG_RECORDS];
}

/* The name as the packet has it now, the root if it has lost its question. */
static void name_copy(struct query_record *record, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	uint32_t length = packet->query.qname_length;
	if (!rule_has_question(mbuf)) {
		record->name_length = 1;
		record->name[0] = 0;
		return;
	}
	record->name_length = (uint8_t)length;
	memcpy(record->name, packet_dns(mbuf) + DNS_HEADER_SIZE, length);
}

/* The entry of a list that the rule's own selector found. */
static void matched_copy(const struct rule_context *context, struct query_record *record,
			 struct rte_mbuf *mbuf)
{
	static const char text[] = "{entry} in {list}";
	record->matched_length = 0;
	if (context->matched.list != NULL)
		record->matched_length =
			(uint16_t)matched_expand(text, sizeof(text) - 1, mbuf, context,
						 record->matched, sizeof(record->matched));
}

void query_log_push(const struct rule_context *context, uint16_t file, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	const struct query_state *query = &packet->query;
	struct query_log_ring *ring = context->log;
	struct query_record *record = ring != NULL ? record_new(ring) : NULL;
	if (record == NULL) {
		stats_add(&context->stats->counter[STATS_LOG_LOST], 1);
		return;
	}
	record->arrival = query->arrival;
	record->file = file;
	record->id = query->client_id;
	record->qtype = query->qtype;
	record->qclass = query->qclass;
	record->client_port = query->client_port;
	record->rcode = dns_header_peek(packet_dns(mbuf))->rcode;
	record->response = !rule_is_query(packet);
	record->ipv6 = query->flags & QUERY_IPV6;
	memcpy(record->client, query->client_addr, sizeof(record->client));
	name_copy(record, mbuf);
	matched_copy(context, record, mbuf);
	__atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE);
}
